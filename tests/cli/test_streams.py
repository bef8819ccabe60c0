"""Programs of which aligned time is not what a chip runs are judged on the stream, and it is said.

The networks were made by exporters other than ours: a dense one with delays, a recurrent one, and
one of resonate-and-fire neurons; the data are digits as events, 60 samples of 16 columns.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava_chain import needs_lava

import neurodeploy as nd
from neurodeploy.sim.compare import compare

DATA = Path(__file__).parents[1] / "data"
EVENTS = DATA / "digits_events.npz"
NETWORKS = {"dense_delay": 11, "recurrent": 3, "rf_iz": 1}
"""Files, and how many samples of their streams tie."""
STEPS = 16


def stream(program: nd.Program, x: Any) -> Any:
    """Return the counts of the read-out, ``(samples, classes)``, of one long simulation."""
    last = len(program.populations) - 1
    padded = np.concatenate([x.reshape(-1, 64), np.zeros((8, 64), int)])
    trace = nd.simulate(
        program, padded, timing="pipelined", weights="lava", reset_interval=STEPS, reset_offset=1
    )
    spikes = np.asarray(trace[last].s)[last + 1 : last + 1 + len(x) * STEPS]
    return spikes.reshape(len(x), STEPS, -1).sum(axis=1, dtype=int)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore::neurodeploy.errors.NeurodeployWarning")
def test_verify_gives_the_accuracy_of_the_stream(cli: Any, name: str) -> None:
    path = DATA / f"{name}.net"
    with np.load(EVENTS) as events:
        x, y = events["x_test"], events["y_test"]
    program = nd.load(path)
    counts = stream(program, x)
    tied = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) > 1
    aligned = np.asarray(nd.simulate(program, x)[-1].s).sum(axis=1, dtype=int)
    unsure = (aligned == aligned.max(axis=1, keepdims=True)).sum(axis=1) > 1
    answers = np.where(tied, -1, counts.argmax(axis=1))
    others = np.where(unsure, -1, aligned.argmax(axis=1))
    code, out, _ = cli("verify", path, "--data", EVENTS, "--suite", "overflow", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["accuracy"]["correct"] == int((answers == y).sum())
    assert found["accuracy"]["ties"] == int(tied.sum()) == NETWORKS[name]
    assert found["run"]["timing"] == "pipelined"
    assert (found["run"]["reset_interval"], found["run"]["reset_offset"]) == (STEPS, 1)
    assert found["run"]["answers_differing"] == int((answers != others).sum()) > 0


def test_the_stream_and_its_reason_are_said(cli: Any) -> None:
    code, out, _ = cli("verify", DATA / "recurrent.net", "--data", EVENTS, "--suite", "overflow")
    text = " ".join(out.split())
    assert code == 0
    assert (
        "run: one pipelined stream, reset every 16 columns (offset 1): layer0 is recurrent: "
        "currents in flight survive a reset" in text
    )
    assert "6 of 60 answers differ from those of aligned samples" in text


def test_aligned_time_is_there_for_those_who_ask(cli: Any) -> None:
    arguments = ("--data", EVENTS, "--suite", "overflow", "--timing", "aligned")
    code, out, _ = cli("verify", DATA / "recurrent.net", *arguments)
    assert code == 0
    assert "which is not what a chip runs" in " ".join(out.split())


@needs_lava
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore::neurodeploy.errors.NeurodeployWarning")
def test_lava_agrees_on_20_samples(name: str) -> None:
    program = nd.load(DATA / f"{name}.net")
    with np.load(EVENTS) as events:
        x = events["x_test"][:20].reshape(-1, 64)
    found = compare(
        program,
        x,
        ("native", "lava"),
        steps=len(x) + len(program.populations) + 1,
        reset_interval=STEPS,
        reset_offset=1,
        record=("s",),
    )
    assert found.equal and found.compared > 0


VERBS_WITH_A_PROGRAM = ("simulate", "compare", "verify", "energy")
RUN_OPTIONS = {
    "--timing",
    "--weights",
    "--steps",
    "--reset-interval",
    "--reset-offset",
    "--input-bits",
    "--threads",
}


@pytest.mark.parametrize("verb", VERBS_WITH_A_PROGRAM)
def test_every_verb_that_runs_a_program_has_every_run_option(verb: str) -> None:
    from typer.main import get_command

    from neurodeploy.cli import app

    command: Any = get_command(app)
    known = {option for p in command.commands[verb].params for option in p.opts}
    assert known >= RUN_OPTIONS


def test_another_readout_can_be_named(cli: Any) -> None:
    arguments = ("--data", EVENTS, "--suite", "overflow", "--json")
    code, out, _ = cli("verify", DATA / "recurrent.net", *arguments, "--readout", "layer1:v")
    assert code == 0
    as_given = json.loads(cli("verify", DATA / "recurrent.net", *arguments)[1])
    assert json.loads(out)["accuracy"] != as_given["accuracy"]


BAD = {
    "--steps 0": "--steps is 0, a sample needs 1 or more",
    "--timing later": "--timing is 'later', expected one of aligned, pipelined",
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options_are_one_line(cli: Any, option: str) -> None:
    code, out, err = cli("verify", DATA / "recurrent.net", "--data", EVENTS, *option.split())
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"neurodeploy verify: {BAD[option]}")


def test_warnings_name_options_as_on_the_command_line(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first synapse is dense: offset 0 resets a step early; counts into a binary input."""
    np.save(tmp_path / "x.npy", np.full((32, 64), 5))
    monkeypatch.chdir(tmp_path)
    arguments = ("--input", "x.npy", "--output", "t.npz", "--timing", "pipelined")
    code, _, err = cli("simulate", DATA / "dense_delay.net", *arguments, "--reset-interval", "16")
    assert code == 0
    assert "use --reset-offset 1, or the last inputs" in err
    assert "give --input-bits 3" in err
    assert "_" not in err.replace("dense_delay.net", "")
