"""A loop of the user's own: quantised layers in any module, lowered without loss."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import neurodeploy as nd  # noqa: E402  (needs torch)
from neurodeploy.accuracy import scores  # noqa: E402
from neurodeploy.encode import Direct, encoder_from_metadata  # noqa: E402
from neurodeploy.errors import InputError, OptionError, ProgramError  # noqa: E402
from neurodeploy.train import (  # noqa: E402
    Conv,
    Dense,
    Network,
    Neuron,
    Readout,
    SumPool,
    compiled,
    quantised_layer,
)

BACKENDS = ["torch", *(["native"] if compiled.available() else [])]
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "own_loop.py"


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location("own_loop", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_trains_lowers_and_leaves_a_program_that_knows_its_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "digits.h5"
    load_script().main(["--epochs", "4", "--out", str(path)])
    accuracy, differ = capsys.readouterr().out.split(" %, scores that differ from torch: ")
    assert float(accuracy.removeprefix("integer accuracy ")) > 80
    assert differ == "0\n"
    program = nd.load(path)
    assert encoder_from_metadata(program.metadata) == Direct(steps=6, peak=16, levels=16)
    assert program.names == ("hidden", "output")


def test_the_loop_of_the_readme_runs_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text()
    (code,) = [part.split("```")[0] for part in text.split("```python\n") if "AdamW" in part]
    assert len(code.splitlines()) <= 25
    monkeypatch.chdir(tmp_path)
    exec(code.replace("range(12)", "range(1)"), {})
    assert encoder_from_metadata(nd.load("digits.h5").metadata) == Direct(6, 16, levels=16)


def test_training_and_lowering_are_reached_from_the_package() -> None:
    from neurodeploy import lowering, train

    assert nd.train is train
    assert nd.lower is lowering.lower


def columns(shape: tuple[int, ...], high: int = 1, batch: int = 2000) -> Any:
    draw = torch.Generator().manual_seed(7)
    return torch.randint(0, high + 1, (5, batch, *shape), generator=draw).float()


def assert_equals_program(network: Network, x: Any, run: Any) -> None:
    trace = nd.simulate(nd.lower(network), x.movedim(0, 1).numpy().astype(np.int64), record=())
    assert int(np.count_nonzero(network.scores(run) != scores(nd.lower(network), trace))) == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("high", [1, 15])
def test_under_autocast_the_integers_stay_exact(backend: str, dtype: Any, high: int) -> None:
    x = columns((1, 8, 8), high)
    layers = [Conv(channels=6, kernel=3, stride=2), Dense(size=40), Dense(size=10)]
    network = Network(
        (1, 8, 8), layers, input_scale=high, message_bits=high.bit_length() if high > 1 else 0
    )
    network.calibrate(x)
    network.eval().use_backend(backend)
    with torch.autocast("cpu", dtype=dtype):
        run = network(x)
        halved = network(x.to(dtype))
    assert run.logits.dtype == torch.float32
    assert torch.equal(run.logits, halved.logits)
    assert_equals_program(network, x, run)


def test_a_recurrent_network_is_exact_under_autocast() -> None:
    x = columns((20,), batch=100)
    network = Network((20,), [Dense(size=60, recurrent=True), Dense(size=5)])
    network.calibrate(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run = network.eval()(x)
    assert_equals_program(network, x, run)


def test_products_of_few_bits_are_not_used_for_integers() -> None:
    x = columns((20,), 15, batch=200)
    network = Network((20,), [Dense(size=60), Dense(size=5)], input_scale=15, message_bits=4)
    network.calibrate(x)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        run = network.eval()(x)
    finally:
        torch.set_float32_matmul_precision(before)
    assert_equals_program(network, x, run)


def test_a_flat_network_takes_maps_and_a_map_network_takes_rows() -> None:
    flat = Network((16,), [Dense(size=4)]).eval()
    maps = columns((1, 4, 4), batch=3)
    rows = maps.reshape(5, 3, 16)
    assert torch.equal(flat(maps).logits, flat(rows).logits)
    conv = Network((1, 4, 4), [Conv(channels=2, kernel=3), Dense(size=4)]).eval()
    assert torch.equal(conv(maps).logits, conv(rows).logits)


EVENTS: dict[str, Any] = {"shape": (3,), "layers": [Dense(size=2)]}
GRADED: dict[str, Any] = {**EVENTS, "message_bits": 3}
WHOLE = "expected whole numbers: in eval mode a network computes with the chip's integers; encode "
BAD_DATA: list[tuple[dict[str, Any], Any, str]] = [
    (EVENTS, [[[0.5, 0, 1]]], f"x holds 0.5, {WHOLE}the data first"),
    (EVENTS, [[[float("nan"), 0, 1]]], f"x holds nan, {WHOLE}the data first"),
    (
        EVENTS,
        [[[2.0, 0, 1]]],
        "x holds 2, an input of events takes 0 and 1; for graded values give the network "
        "message_bits",
    ),
    (
        EVENTS,
        [[[0.0, -1, 1]]],
        "x holds -1, an input of events takes 0 and 1; for graded values give the network "
        "message_bits",
    ),
    (GRADED, [[[-8.0, 0, 1]]], "x holds magnitudes up to 8, an input of 3 message bits takes up "
     "to 7"),
    (EVENTS, [[[1.0, 0]]], "x has shape (1, 1, 2), expected (steps, batch, *(3,))"),
    (EVENTS, [[1.0, 0, 1]], "x has shape (1, 3), expected (steps, batch, *(3,))"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "x", "message"), BAD_DATA, ids=[m for *_, m in BAD_DATA])
def test_data_that_the_chip_cannot_take_are_an_error_in_eval_mode(
    made: dict[str, Any], x: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Network(**made).eval()(torch.tensor(x))
    assert str(caught.value) == message


def test_a_single_layer_refuses_fractions_in_eval_mode_only() -> None:
    layer = quantised_layer(Dense(size=2), (3,), name="mine")
    half = torch.full((1, 1, 3), 0.5)
    assert layer.train()(half).s.shape == (1, 1, 2)
    with pytest.raises(InputError, match=r"^layer mine: x holds 0.5, expected whole numbers"):
        layer.eval()(half)


def test_layers_made_one_by_one_are_the_network_of_their_specs() -> None:
    x = columns((1, 8, 8), batch=20)
    specs = [Conv(channels=4, kernel=3), Dense(size=5)]
    together = Network((1, 8, 8), specs, neuron=Neuron(current_decay=900))
    first = quantised_layer(specs[0], (1, 8, 8), neuron=Neuron(current_decay=900))
    second = quantised_layer(specs[1], (4, 6, 6), name="output", neuron=Neuron(current_decay=900))
    network = Network.of_layers([first, second])
    network.load_state_dict(together.state_dict())
    assert nd.lower(network).digest == nd.lower(together).digest
    assert torch.equal(second.eval()(first.eval()(x).s).s, together.eval()(x).results["output"].s)
    assert network.spiking_layers[0] is first


def dense(source: int, size: int, name: str = "hidden1", spiking: bool = True) -> Any:
    return quantised_layer(Dense(size=size), (source,), name=name, spiking=spiking)


def test_layers_that_are_no_chain_get_one_clear_line() -> None:
    pool = Network((1, 4, 4), [SumPool(size=2), Dense(size=2)]).layers[0]
    bad = [
        ([], {}, "the network has no layers, expected at least one"),
        ([dense(3, 4), dense(5, 2, "out")], {}, "layer 2: takes (5,), the layer before gives (4,)"),
        ([dense(3, 4), dense(4, 2)], {}, "layer 2: name 'hidden1' is that of another layer"),
        (
            [dense(3, 4, spiking=False)],
            {},
            "layer 1 (hidden1): is an integrator, expected spiking=True",
        ),
        (
            [dense(3, 4)],
            {"readout": Readout(kind="integrator")},
            "layer 1 (hidden1): spikes, expected spiking=False, as readout.kind is 'integrator'",
        ),
        (
            [torch.nn.Linear(3, 4)],
            {},
            "layer 1 is a Linear, expected one of quantised_layer",
        ),
        ([pool], {}, "layer 1 is the last one and a pool, expected a dense or conv layer"),
    ]
    for layers, options, message in bad:
        with pytest.raises(OptionError) as caught:
            Network.of_layers(layers, **options)
        assert str(caught.value) == message
    with pytest.raises(OptionError) as caught:
        quantised_layer(Conv(channels=2, kernel=3), (9,), name="maps")
    assert str(caught.value) == (
        "layer maps: the input has shape (9,), a convolution needs (C, H, W)"
    )


def test_what_is_no_network_is_not_lowered() -> None:
    with pytest.raises(ProgramError) as caught:
        nd.lower(torch.nn.Sequential(dense(3, 2)))
    assert str(caught.value) == (
        "Sequential cannot be lowered, expected a neurodeploy.train.Network; Network.of_layers "
        "makes one of single layers"
    )
