"""Graphs with skip connections: trained, lowered without loss, and refused where they cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402  (needs torch)
from training_scenes import TEXT  # noqa: E402

import neurodeploy as nd  # noqa: E402
from neurodeploy.errors import ExportError, InputError, OptionError, ProgramError  # noqa: E402
from neurodeploy.runs.training import train  # noqa: E402
from neurodeploy.train import (  # noqa: E402
    Conv,
    ConvSkip,
    Dense,
    DenseSkip,
    Network,
    Neuron,
    Readout,
    SumPool,
    quantised_layer,
)
from neurodeploy.train.config import parse_config, to_toml  # noqa: E402
from neurodeploy.train.skips import Source  # noqa: E402

STEPS = 6
GRAPHS: dict[str, list[Any]] = {
    "from the input": [Dense(size=12), Dense(size=5, skip=[DenseSkip(source="input")])],
    "over a layer": [
        Dense(size=12), Dense(size=9, bias=True), Dense(size=5, skip=[DenseSkip(source="hidden1")]),
    ],
    "delayed": [
        Dense(size=12, max_delay=2), Dense(size=9),
        Dense(size=5, max_delay=1, skip=[DenseSkip(source="hidden1", max_delay=4)]),
    ],
    "recurrent": [
        Dense(size=12),
        Dense(size=9, recurrent=True, skip=[DenseSkip(source="input", max_delay=2)]),
        Dense(size=5),
    ],
    "branches that meet": [
        Dense(size=12, name="left"),
        Dense(size=9, name="right", source="input"),
        Dense(size=5, source="left", skip=[DenseSkip(source="right")]),
    ],
    "residual maps": [
        Conv(channels=4, kernel=3, padding=1, norm="batch"),
        Conv(channels=4, kernel=3, padding=1, norm="batch", skip=[ConvSkip(source="input")]),
        Conv(channels=6, kernel=3, stride=2, skip=[
            ConvSkip(source="hidden1", kernel=3, stride=2, groups=2),
            ConvSkip(source="input", kernel=2, stride=2, dilation=2),
        ]),
        Dense(size=5, norm="batch", skip=[DenseSkip(source="hidden2")]),
    ],
    "pools": [
        Conv(channels=4, kernel=3, name="maps"),
        SumPool(size=2, name="sums"),
        Conv(channels=4, kernel=1, bias=True),
        Dense(size=5, skip=[DenseSkip(source="maps"), DenseSkip(source="sums")]),
    ],
}  # fmt: skip


def columns(high: int = 1, batch: int = 4, seed: int = 1) -> Any:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, high + 1, (STEPS, batch, 2, 6, 6), generator=draw).float()


def network(specs: list[Any], high: int = 1, **options: Any) -> Network:
    options = {"neuron": Neuron(current_decay=1500), **options}
    built = Network((2, 6, 6), specs, input_scale=high, message_bits=int(high > 1) * 8, **options)
    built.calibrate(columns(high))
    return built


def assert_lowers(built: Network, x: Any) -> None:
    program = nd.lower(built.eval())
    integers = x.movedim(0, 1).numpy().astype(np.int64)
    own = built.trace(integers)
    for engine in ("reference", "native"):
        trace = nd.simulate(program, integers, engine=engine, record=("s", "v"))
        for name, variables in own.items():
            assert np.array_equal(variables["s"], trace[name].s), name
            assert np.array_equal(variables["v"], trace[name].v), name


@pytest.mark.parametrize("high", [1, 15])
@pytest.mark.parametrize("kind", ["count", "integrator"])
@pytest.mark.parametrize("specs", GRAPHS.values(), ids=GRAPHS)
def test_graphs_lower_without_loss(specs: Any, kind: Any, high: int) -> None:
    built = network(specs, high, readout=Readout(kind=kind))
    assert all(bool(run.s.any()) for run in list(built(columns(high)).results.values())[:-1])
    assert_lowers(built, columns(high, seed=2))


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**31), st.sampled_from(list(GRAPHS)), st.integers(0, 4096),
    st.integers(0, 4096), st.sampled_from(["lif", "gain"]),
)  # fmt: skip
def test_any_parameters_lower_without_loss(
    seed: int, name: str, current: int, voltage: int, model: str
) -> None:
    learn: Any = ("gain", "threshold") if model == "gain" and name != "recurrent" else ()
    neuron = Neuron(current_decay=current, voltage_decay=voltage, learn=learn)
    built = network(GRAPHS[name], neuron=neuron, steps=STEPS)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    assert_lowers(built, columns(seed=seed % 1000))


def test_currents_of_all_connections_add_and_wrap_as_on_the_chip() -> None:
    built = Network((2, 6, 6), GRAPHS["pools"], message_bits=24, neuron=Neuron(current_decay=900))
    with torch.no_grad():
        for layer in built.spiking_layers:
            layer.scale.fill_(2.0**12)
    assert_lowers(built, columns(2**23))


@pytest.mark.parametrize("specs", GRAPHS.values(), ids=GRAPHS)
def test_gradients_are_those_of_the_twin(specs: Any) -> None:
    """Of logits for the weights in integers, straight through to the floats."""
    built = network(specs, readout=Readout(kind="integrator", logit_scale=1.0)).eval()
    x = columns()
    twin = nd.to_torch(nd.lower(built))
    for connection in twin.connections:
        connection.weight.requires_grad_()
    widths = {
        layer.name: layer.neuron.width / float(layer.quantised().threshold) * layer.unit
        for layer in built.spiking_layers
    }
    y = torch.arange(4) % 5
    paths = ("threshold",)
    logits = twin(x.movedim(0, 1), width=widths, through=paths).logits
    functional.cross_entropy(logits, y).backward()
    grids = {layer.name: layer.quantised() for layer in built.spiking_layers}
    for layer in built.spiking_layers:
        layer.held = grids[layer.name]
        for weight in (layer.held.weight, *layer.held.skips):
            weight.retain_grad()
    functional.cross_entropy(built(x).logits, y).backward()
    edges = [
        (name, connection.target, own.weight.grad)
        for name, connection, own in zip(
            twin.program.connection_names, twin.program.connections, twin.connections, strict=True
        )
        if not connection.feedback
    ]
    for layer in built.spiking_layers:
        own = [(name, grad) for name, target, grad in edges if target == layer.name]
        weights = (grids[layer.name].weight, *grids[layer.name].skips)
        for (name, expected), weight in zip(own, weights, strict=True):
            if f"pooled_from.{name}" in twin.program.metadata:
                continue  # its weights stand several times in the program
            size = float(weight.grad.abs().max())
            difference = (expected.reshape(weight.shape) - weight.grad).abs().max()
            assert float(difference) <= 1e-5 * size, name


def test_samples_of_a_batch_and_an_input_given_once_change_nothing() -> None:
    built = network(GRAPHS["residual maps"]).eval()
    still = columns()[:1]
    whole = built(still.expand(STEPS, *still.shape[1:])).logits
    assert torch.equal(built(still, STEPS).logits, whole)
    assert torch.equal(built(still[:, 2:3], STEPS).logits, whole[2:3])


def test_layers_made_one_by_one_find_each_other_by_name() -> None:
    specs = GRAPHS["over a layer"]
    together = network(specs)
    layers = [
        quantised_layer(specs[0], (72,), neuron=Neuron(current_decay=1500)),
        quantised_layer(specs[1], (12,), name="hidden2", neuron=Neuron(current_decay=1500)),
        quantised_layer(
            specs[2], (9,), name="output", neuron=Neuron(current_decay=1500), skips=[Source((12,))]
        ),
    ]
    built = Network.of_layers(layers)
    built.load_state_dict(together.state_dict())
    x = columns().flatten(2)
    first = layers[0].eval()(x)
    second = layers[1].eval()(first.s)
    third = layers[2].eval()(second.s, skips=(first.s,))
    assert torch.equal(third.s, together.eval()(columns()).results["output"].s)
    assert torch.equal(built.eval()(x).logits, together(columns()).logits)
    with pytest.raises(InputError, match="layer output: is given 0 skips, expected 1"):
        layers[2](second.s)
    with pytest.raises(OptionError, match=r"layer 3: takes \(12,\), hidden1 gives \(11,\)"):
        Network.of_layers([quantised_layer(Dense(size=11), (72,)), dense_of(11), layers[2]])


def dense_of(size: int) -> Any:
    return quantised_layer(Dense(size=9), (size,), name="hidden2")


SKIP = (
    TEXT.replace("size = 10", 'size = 10\nskip = [{ source = "input" }, { source = "first" }]')
    .replace("size = 24", 'size = 24\nname = "first"\n\n[[layer]]\nkind = "dense"\nsize = 20')
    + '[readout]\nkind = "integrator"\n[optimizer]\nlearning_rate = 1e-2\n'
    + '[[hook]]\nkind = "clip"\n[[hook]]\nkind = "orthogonal"\n'
).replace("epochs = 2", "epochs = 6")  # fmt: skip


def test_a_run_on_digits_lowers_with_no_difference_and_is_not_for_netx(tmp_path: Path) -> None:
    outcome = train(SKIP, tmp_path / "run").outcome
    assert outcome.lowering.spike_differences == outcome.lowering.score_differences == 0
    assert outcome.accuracy.test_integer.rate > 0.7
    assert outcome.timing.rule == "verify-stream"
    assert outcome.timing.reason == (
        "output is reached over paths of different length, on which samples mix"
    )
    program = nd.load(tmp_path / "run" / "program.h5")
    with pytest.raises(ExportError, match="takes input from first, input, NetX is a chain"):
        nd.save(program, tmp_path / "net.net")
    again = train(SKIP, tmp_path / "run", resume=True).outcome
    assert again.weights_sha256 == outcome.weights_sha256


def test_a_configuration_with_skips_is_written_and_read_again() -> None:
    config = parse_config(SKIP)
    again = parse_config(to_toml(config))
    assert again.layer == config.layer
    assert again.digest == config.digest
    assert (
        config.digest != parse_config(SKIP.replace('source = "input"', 'source = "hidden2"')).digest
    )


BAD: list[tuple[list[Any], type[Exception], str]] = [
    ([Dense(size=4, source="hidden9"), Dense(size=2)], OptionError,
     "layer 1 (dense): source is 'hidden9', expected an earlier layer: input"),
    ([Dense(size=4), Dense(size=2, skip=[DenseSkip(source="output")])], OptionError,
     "layer 2 (dense): source is 'output', expected an earlier layer: input, hidden1"),
    ([Dense(size=4), Dense(size=2, skip=[DenseSkip(source="hidden1")])], OptionError,
     "layer 2 (dense): reads hidden1 twice, expected one connection"),
    ([Dense(size=4, name="input"), Dense(size=2)], OptionError,
     "layer 1 (dense): name 'input' is that of the input"),
    ([Dense(size=4, name="a"), Dense(size=2, name="a")], OptionError,
     "layer 2 (dense): name 'a' is that of another layer"),
    ([Dense(size=4), Dense(size=2, source="input")], OptionError,
     "no layer reads hidden1; name it in a source or a skip"),
    ([Conv(channels=2, kernel=3), Conv(channels=2, kernel=3, skip=[ConvSkip(source="input")])],
     OptionError, "layer 2 (conv): skip from input: gives (2, 6, 6), the layer has (2, 2, 2); "
     "choose its kernel, stride and padding so that both agree"),
    ([Dense(size=8), Conv(channels=2, kernel=6, source="input", skip=[ConvSkip(source="hidden1")])],
     OptionError, "layer 2 (conv): skip from hidden1: the input has shape (8,), a convolution "
     "needs (C, H, W)"),
    ([Conv(channels=3, kernel=1), Conv(channels=2, kernel=1,
      skip=[ConvSkip(source="input", groups=2)]), Conv(channels=4, kernel=1,
      skip=[ConvSkip(source="hidden1", groups=2)])], ProgramError,
     "layer 3 (conv): skip from hidden1: groups is 2, which does not divide 3 input channels"),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "kind", "message"), BAD, ids=[m for *_, m in BAD])
def test_graphs_that_cannot_be_get_one_clear_line(specs: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind) as caught:
        Network((2, 6, 6), specs)
    assert str(caught.value) == message


BAD_TEXT = [
    ('skip = [{ source = "input", kernel = 2 }]',
     "layer 2 (dense).skip 1.kernel: unknown key, known are source, max_delay"),
    ("skip = [{}]", "layer 2 (dense).skip 1.source: is missing"),
    ('name = "no/slash"', "layer 2 (dense).name: 'no/slash', string should match pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "message"), BAD_TEXT)
def test_bad_entries_are_named(entry: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_config(TEXT.replace("size = 10", f"size = 10\n{entry}"))
    assert str(caught.value).startswith(message)
