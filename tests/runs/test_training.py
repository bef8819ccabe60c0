"""Runs: learn, stop, go on to the identical result, and leave nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_guide import problems

torch = pytest.importorskip("torch")

import neurodeploy as nd  # noqa: E402  (needs torch)
from neurodeploy import container  # noqa: E402
from neurodeploy.data import encode_split, load_data  # noqa: E402
from neurodeploy.errors import DataError, OptionError, TrainingError  # noqa: E402
from neurodeploy.runs.training import train  # noqa: E402
from neurodeploy.train import terms  # noqa: E402
from neurodeploy.train.config import parse_config  # noqa: E402
from neurodeploy.train.feed import Feed, build_encoder  # noqa: E402
from neurodeploy.train.network import Network  # noqa: E402
from neurodeploy.train.progress import ConsoleReporter, Silent  # noqa: E402
from neurodeploy.train.specs import Dense  # noqa: E402

TEXT = """
seed = 5
[data]
name = "digits"
train_samples = 600
validation_samples = 60
test_samples = 80
[encoder]
kind = "direct"
steps = 4
levels = 16
[neuron]
learn = ["voltage_decay", "threshold"]
[[layer]]
kind = "dense"
size = 40
[[layer]]
kind = "dense"
size = 10
[readout]
kind = "integrator"
[loss]
term = "ms-mppd"
[perturbation]
kind = "gaussian"
std = 0.05
[optimizer]
learning_rate = 1e-2
[training]
epochs = 4
batch = 40
threads = 1
"""
CONV = """
seed = 2
[data]
name = "digits"
train_samples = 120
validation_samples = 40
test_samples = 40
[encoder]
kind = "rate"
steps = 4
seed = 8
[[layer]]
kind = "conv"
channels = 4
kernel = 3
norm = "batch"
[[layer]]
kind = "pool"
size = 2
[[layer]]
kind = "dense"
size = 10
norm = "batch"
[perturbation]
kind = "gaussian"
[optimizer]
kind = "sgd"
learning_rate = 0.05
[training]
epochs = 3
freeze_epochs = 1
batch = 40
threads = 1
"""


class StopAfter(Silent):
    """Interrupts a run when ``epochs`` are done."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def epoch(self, row: Any, epochs: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def same_outcome(first: dict[str, Any], second: dict[str, Any]) -> None:
    for key in ("weights_sha256", "program_sha256", "accuracy", "config_sha256", "layers"):
        assert first[key] == second[key], key


def test_a_run_learns_and_loses_nothing_on_the_way_to_integers(tmp_path: Path) -> None:
    done = train(TEXT, tmp_path / "run")
    result = done.outcome.to_dict()
    assert result["accuracy"]["test_integer"]["rate"] > 0.8
    assert result["accuracy"]["test_integer"] == result["accuracy"]["test_trained"]
    assert result["lowering"]["spike_differences"] == 0
    assert result["lowering"]["score_differences"] == 0
    assert result["stream"]["identical"]
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert written == result
    assert list(problems(written, "result", "result.json")) == []
    program = container.read(tmp_path / "run" / "program.h5")
    assert program.digest == result["program_sha256"] == done.program.digest
    data = load_data("digits")
    columns = encode_split(program, data.test.first(80))
    scores = nd.simulate(program, columns, engine="reference")["output"].v.sum(1)
    correct = int((scores.argmax(1) == data.test.y[:80]).sum())
    assert correct == result["accuracy"]["test_integer"]["correct"]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "checkpoint.pt",
        "config.toml",
        "metrics.jsonl",
        "program.h5",
        "result.json",
    ]


@pytest.mark.parametrize("text", [TEXT, CONV], ids=["mppd", "batch norm"])
def test_an_interrupted_run_goes_on_to_the_identical_result(tmp_path: Path, text: str) -> None:
    whole = train(text, tmp_path / "whole").outcome.to_dict()
    for epochs in (1, 1):
        with pytest.raises(KeyboardInterrupt):
            train(text, tmp_path / "cut", resume=True, reporter=StopAfter(epochs))
    assert not (tmp_path / "cut" / "result.json").exists()
    same_outcome(train(text, tmp_path / "cut", resume=True).outcome.to_dict(), whole)
    same_outcome(train(text, tmp_path / "cut", resume=True).outcome.to_dict(), whole)


def test_a_run_killed_outright_goes_on_to_the_identical_result(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(TEXT)
    cut = tmp_path / "cut"
    command = [sys.executable, "-m", "neurodeploy", "train", str(config), "--out", str(cut)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (cut / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    whole = train(TEXT, tmp_path / "whole").outcome.to_dict()
    same_outcome(train(TEXT, cut, resume=True).outcome.to_dict(), whole)


def test_a_configuration_built_in_python_trains_the_same_network(tmp_path: Path) -> None:
    text = TEXT.replace("epochs = 4", "epochs = 1")
    built = train(parse_config(text), tmp_path / "built").outcome.to_dict()
    same_outcome(built, train(text, tmp_path / "read").outcome.to_dict())


def test_resume_without_a_checkpoint_starts_from_the_beginning(tmp_path: Path) -> None:
    text = TEXT.replace("epochs = 4", "epochs = 1")
    same_outcome(
        train(text, tmp_path / "a", resume=True).outcome.to_dict(),
        train(text, tmp_path / "b").outcome.to_dict(),
    )


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    text = TEXT.replace("epochs = 4", "epochs = 1")
    train(text, tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(OptionError) as caught:
        train(text, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: holds a run already; add --resume or choose another folder"
    )
    with pytest.raises(TrainingError) as refused:
        train(text.replace("seed = 5", "seed = 6"), tmp_path, resume=True)
    mine, theirs = (
        parse_config(text.replace("seed = 5", seed)).digest[:12]
        for seed in ("seed = 5", "seed = 6")
    )
    assert str(refused.value) == (
        f"{tmp_path / 'checkpoint.pt'}: belongs to configuration {mine}, this one is {theirs}; "
        "use the run's own config.toml or another folder"
    )
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"\x80\x04N."])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError) as caught:
        train(TEXT, tmp_path, resume=True)
    assert str(caught.value).startswith(f"{tmp_path / 'checkpoint.pt'}: ")
    assert "damaged or no checkpoint" in str(caught.value) or "holds no" in str(caught.value)


def test_a_checkpoint_is_never_unpickled_into_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "owned"),))

    torch.save({"format": 1, "digest": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="cannot be read"):
        train(TEXT, tmp_path, resume=True)
    assert not (tmp_path / "owned").exists()


def no_number(network: Any, passes: Any, spec: Any) -> Any:
    return passes.clean.logits.sum() * float("nan")


def no_slope(network: Any, passes: Any, spec: Any) -> Any:
    """Zero, with a gradient that is not finite."""
    return (network.spiking_layers[0].weight.abs().sum() * 0).sqrt()


def broken(number: int, value: float) -> Any:
    """Return a loss that is no number since a weight of layer ``number`` is none."""

    def term(network: Any, passes: Any, spec: Any) -> Any:
        network.spiking_layers[number].weight.data[3, 1] = value
        return passes.clean.logits.sum() * network.spiking_layers[number].weight.sum() * 0

    return term


@pytest.mark.parametrize(
    ("term", "what"),
    [
        (no_number, "loss is nan, though every layer is finite"),
        (broken(0, float("nan")), "layer hidden1: loss is nan, weight is not finite"),
        (broken(1, float("inf")), "layer output: loss is nan, weight is not finite"),
        (no_slope, "layer hidden1: gradient weight is not finite"),
    ],
)
def test_a_loss_that_is_no_number_stops_with_step_layer_and_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: Any, what: str
) -> None:
    calls = iter(range(10_000))
    good = terms.TERMS["ms-mppd"].value
    failing = 15 + 3  # the fourth step of the second epoch

    def sometimes(*runs: Any) -> Any:
        return (term if next(calls) == failing else good)(*runs)

    monkeypatch.setitem(terms.TERMS._entries, "ms-mppd", terms.Term(sometimes))
    with pytest.raises(TrainingError) as caught:
        train(TEXT, tmp_path / "run")
    assert str(caught.value) == (
        f"epoch 2, step 4, {what}; last good checkpoint: {tmp_path / 'run' / 'checkpoint.pt'}; "
        "lower the learning rate"
    )
    resumed = train(TEXT, tmp_path / "run", resume=True).outcome.to_dict()
    same_outcome(resumed, train(TEXT, tmp_path / "whole").outcome.to_dict())


def test_a_sum_that_is_no_number_names_the_layer(tmp_path: Path) -> None:
    network = Network((4,), [Dense(size=3), Dense(size=2)])
    network.use_backend("torch")
    with torch.no_grad():
        network.spiking_layers[1].weight[0, 0] = float("nan")
    with pytest.raises(TrainingError) as caught:
        network(torch.ones(3, 2, 4))
    assert str(caught.value) == (
        "layer output: synaptic sums reach nan, a weight or an input is not finite"
    )


MISFITS = [
    ("size = 10", "size = 9", "the last layer has 9 neurons, digits has 10 classes"),
    ("batch = 40", "batch = 601", "training.batch is 601, digits has 600 training samples"),
    (
        "train_samples = 600",
        "train_samples = 6000",
        "digits: 6000 samples of train wanted, there are 1295",
    ),
    (
        'kind = "integrator"',
        'kind = "integrator"\nwindow = 5',
        "readout.window: is 5, a sample has 4 columns",
    ),
    (
        'kind = "direct"\nsteps = 4\nlevels = 16',
        'kind = "delta"\nsteps = 4',
        "encoder.kind: 'delta' takes series (samples, steps, channels), digits holds others",
    ),
    ("steps = 4\n", "", "encoder.steps: is missing, digits does not say how many"),
    ('name = "digits"', 'name = "nothing.npz"', "nothing.npz: there is no such file"),
    (
        'kind = "dense"\nsize = 40',
        'kind = "conv"\nchannels = 2\nkernel = 9',
        "layer 1 (conv): kernel reaches over 9 cells, source (1, 8, 8) with padding (0, 0) is "
        "smaller",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISFITS, ids=[m for *_, m in MISFITS])
def test_what_does_not_fit_the_data_is_refused_before_anything_is_written(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TEXT
    with pytest.raises((DataError, OptionError, nd.errors.ProgramError)) as caught:
        train(TEXT.replace(old, new), tmp_path / "run", where="c.toml")
    assert str(caught.value) == f"c.toml: {message}"
    assert not (tmp_path / "run").exists()


# Batches


def feed(kind: str = "rate") -> Feed:
    data = load_data("digits")
    spec = parse_config(
        TEXT.replace('kind = "direct"\nsteps = 4\nlevels = 16', f'kind = "{kind}"\nsteps = 4')
    )
    return Feed(data, build_encoder(spec.encoder, data), seed=9)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first, second = feed(), feed()
    assert np.array_equal(first.order(3), second.order(3))
    assert not np.array_equal(first.order(3), first.order(4))
    assert sorted(first.order(1)) == list(range(len(first.data.train)))


def test_a_still_input_is_fed_once_and_spikes_at_every_step() -> None:
    assert feed("direct").batch(feed().data.test.first(3)).shape == (1, 3, 1, 8, 8)
    assert feed("latency").batch(feed().data.test.first(3)).shape == (4, 3, 1, 8, 8)


# Progress


def test_without_a_terminal_progress_is_one_plain_line_per_epoch() -> None:
    import io

    from rich.console import Console

    stream = io.StringIO()
    reporter = ConsoleReporter(Console(file=stream, width=200))
    reporter.start(2, 10, 0)
    reporter.step(1, 0.5)
    reporter.epoch({"epoch": 1, "loss": 0.5, "validation_accuracy": 0.25, "seconds": 1.5}, 2)
    reporter.stop()
    assert stream.getvalue() == "epoch 1/2  loss 0.5000  validation 25.00 %  1.5 s\n"


def test_on_a_terminal_a_bar_shows_the_time_left() -> None:
    import io

    from rich.console import Console

    stream = io.StringIO()
    reporter = ConsoleReporter(Console(file=stream, width=120, force_terminal=True))
    reporter.start(1, 2, 0)
    reporter.step(1, 0.5)
    reporter.stop()
    assert "epoch 1" in stream.getvalue() or "training" in stream.getvalue()


def test_an_absent_device_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    text = TEXT.replace("threads = 1", 'threads = 1\ndevice = "cuda:77"')
    with pytest.raises(OptionError, match=r"training.device: is 'cuda:77', .*; use 'cpu'"):
        train(text, tmp_path / "run")
    assert not (tmp_path / "run").exists()
