"""Lowering loses nothing: the Program runs the very integers of the trained model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import neurodeploy as nd  # noqa: E402  (needs torch)
from neurodeploy.equivalence import equivalence  # noqa: E402
from neurodeploy.errors import OptionError, ProgramError  # noqa: E402
from neurodeploy.lowering import fold_pool_conv, fold_pool_dense, lower  # noqa: E402
from neurodeploy.train import compiled  # noqa: E402
from neurodeploy.train.network import Network  # noqa: E402
from neurodeploy.train.specs import (  # noqa: E402
    Conv,
    Dense,
    Flatten,
    LayerSpec,
    Neuron,
    Readout,
    SumPool,
)

SLOW = Neuron(current_decay=1000, voltage_decay=300)
MAPS = (2, 9, 7)


def random_input(shape: Sequence[int], seed: int, high: int = 1, low: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(low, high + 1, (4, 7, *shape))


def calibrated(network: Network, x: np.ndarray) -> Network:  # type: ignore[type-arg]
    network.calibrate(torch.from_numpy(np.moveaxis(x, 1, 0).astype(np.float32)))
    return network.eval()


def assert_same(network: Network, x: np.ndarray, busy: bool = True) -> None:  # type: ignore[type-arg]
    """Every spike and every v of every population, model against reference engine."""
    own = network.trace(x)
    trace = nd.simulate(lower(network), x, engine="reference", record=("s", "v"))
    assert list(own) == list(trace)
    for name, variables in own.items():
        assert np.array_equal(variables["s"], trace[name].s), name
        assert np.array_equal(variables["v"], trace[name].v), name
    if busy:
        assert all(np.any(variables["v"]) for variables in own.values())


CHAINS: dict[str, list[LayerSpec]] = {
    "dense": [Dense(size=30), Dense(size=10)],
    "dense without norm, with bias": [Dense(size=30, norm="none", bias=True), Dense(size=10)],
    "conv": [Conv(channels=4, kernel=3, stride=2, padding=1), Dense(size=10)],
    "conv groups dilation": [Conv(channels=4, kernel=2, dilation=2, groups=2), Dense(size=10)],
    "batch norm": [
        Conv(channels=4, kernel=3, norm="batch"),
        Flatten(),
        Dense(size=12, norm="batch"),
        Dense(size=10, norm="batch"),
    ],
    "pool then conv": [SumPool(size=2), Conv(channels=5, kernel=2, dilation=2), Dense(size=10)],
    "pool then padded conv": [
        Conv(channels=3, kernel=2, padding=0),
        SumPool(size=2),
        Conv(channels=4, kernel=3, padding=1, groups=1),
        Dense(size=10),
    ],
    "pool then dense": [Conv(channels=3, kernel=3), SumPool(size=3), Flatten(), Dense(size=10)],
    "two pools": [SumPool(size=2), SumPool(size=2), Dense(size=10)],
    "recurrent": [Dense(size=20, recurrent=True), Dense(size=10)],
    "delayed": [Dense(size=20, max_delay=4), Dense(size=10, max_delay=3)],
    "recurrent and delayed": [Dense(size=20, recurrent=True, max_delay=3), Dense(size=10)],
}


@pytest.mark.parametrize("backend", ["torch", *(["native"] if compiled.available() else [])])
@pytest.mark.parametrize("kind", ["count", "integrator"])
@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_model_and_program_agree_in_every_spike_and_state(
    layers: list[LayerSpec], kind: str, backend: str
) -> None:
    if backend == "native" and any(getattr(spec, "recurrent", False) for spec in layers):
        pytest.skip("the compiled scan takes no recurrent layer")
    x = random_input(MAPS, 1)
    network = Network(MAPS, layers, neuron=SLOW, readout=Readout(kind=kind))  # type: ignore[arg-type]
    network.use_backend(backend)
    assert_same(calibrated(network, x), x)


@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_they_agree_where_every_accumulator_overflows(layers: list[LayerSpec]) -> None:
    """Graded input up to 2^20 wraps the currents, folds u and saturates v."""
    x = random_input(MAPS, 2, high=2**20, low=-(2**20))
    network = Network(MAPS, layers, neuron=SLOW, message_bits=22).eval()
    for layer in network.spiking_layers:
        layer.weight.data.mul_(30)
        if layer.gain is not None:
            layer.gain.data.mul_(30)
    assert_same(network, x)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.sampled_from(["weight", "batch", "none"]))
def test_random_parameters_lower_without_loss(seed: int, per_neuron: bool, norm: str) -> None:
    draw = np.random.default_rng(seed)
    neuron = Neuron(
        current_decay=int(draw.integers(0, 4097)),
        voltage_decay=int(draw.integers(0, 4097)),
        threshold=float(draw.uniform(0.01, 4)),
        learn=("current_decay", "voltage_decay", "threshold"),
        per_neuron=per_neuron,
    )
    layers: list[LayerSpec] = [
        Conv(channels=3, kernel=2, norm=norm, bias=True),  # type: ignore[arg-type]
        Dense(size=6, norm=norm, bias=True),  # type: ignore[arg-type]
    ]
    network = Network((1, 4, 4), layers, neuron=neuron, seed=seed % 1000).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator)
    assert_same(network, random_input((1, 4, 4), seed), busy=False)


def test_scores_are_the_readout_of_the_program() -> None:
    from neurodeploy.accuracy import scores

    x = random_input(MAPS, 1)
    for kind, window in (("count", 0), ("count", 3), ("integrator", 1), ("integrator", 0)):
        readout = Readout(kind=kind, window=window)  # type: ignore[arg-type]
        network = calibrated(Network(MAPS, CHAINS["dense"], readout=readout), x)
        run = network(torch.from_numpy(np.moveaxis(x, 1, 0).astype(np.float32)))
        program = lower(network)
        trace = nd.simulate(program, x, engine="reference")
        assert np.array_equal(network.scores(run), scores(program, trace))
        order = np.argsort(network.scores(run), 1, kind="stable")[:, -1]
        assert np.array_equal(run.logits.argmax(1).numpy()[order > 0] >= 0, order[order > 0] >= 0)


def test_an_input_given_once_equals_the_same_input_at_every_step() -> None:
    x = random_input(MAPS, 3)[:, :1]
    network = calibrated(Network(MAPS, CHAINS["conv"], neuron=SLOW), x.repeat(5, 1))
    still = torch.from_numpy(np.moveaxis(x, 1, 0).astype(np.float32))
    once, repeated = network(still, 5), network(still.expand(5, *still.shape[1:]))
    for name, result in once.results.items():
        assert torch.equal(result.s, repeated.results[name].s)
        assert torch.equal(result.v, repeated.results[name].v)


# Folding of pools


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_folded_kernel_repeats_its_taps(dilation: int) -> None:
    weight = np.array([[[[1, 2]]]], np.int32)
    folded = fold_pool_conv(weight, 2, dilation)
    row = [1, 1, 2, 2] if dilation == 1 else [1, 1, 0, 0, 2, 2]
    assert folded[0, 0].tolist() == [row, row]


def test_a_folded_matrix_leaves_the_ragged_border_at_zero() -> None:
    folded = fold_pool_dense(np.array([[7]], np.int32), 2, (1, 3, 3))
    assert folded.reshape(3, 3).tolist() == [[7, 7, 0], [7, 7, 0], [0, 0, 0]]


def test_pools_are_named_in_the_metadata() -> None:
    program = lower(Network(MAPS, CHAINS["two pools"]))
    assert program.metadata["pooled_from.input->output"] == 4


# Time


def test_the_metadata_say_what_the_pipelined_stream_needs() -> None:
    expected = {
        "dense": ("theorem", False),
        "dense without norm, with bias": ("theorem", True),
        "batch norm": ("theorem", True),
        "recurrent": ("verify-stream", True),
        "delayed": ("verify-stream", True),
    }
    for name, (rule, needs_reset) in expected.items():
        network = Network(MAPS, CHAINS[name])
        with torch.no_grad():
            for layer in network.spiking_layers:
                if layer.bias is not None:
                    layer.bias.fill_(0.25)
        program = lower(network)
        found = program.metadata["timing.rule"], program.metadata["timing.needs_reset"]
        assert found == (rule, needs_reset)
        assert program.metadata["timing.reason"] == equivalence(program).reason


def test_recurrent_matrices_are_conditioned_together() -> None:
    program = lower(Network(MAPS, CHAINS["recurrent"]))
    groups = [(c.group, c.feedback) for c in program.connections]
    assert groups == [("hidden1", False), ("hidden1", True), (None, False)]


# Chains that do not fit


BAD_CHAINS: list[tuple[tuple[int, ...], list[LayerSpec], str]] = [
    ((4,), [], "the network has no layers, expected at least one"),
    (
        (1, 4, 4),
        [Dense(size=4), SumPool(size=2)],
        "layer 2 is the last one and a pool, expected a dense or conv layer",
    ),
    (
        (4,),
        [Conv(channels=2, kernel=2)],
        "layer 1 (conv): the input has shape (4,), a convolution needs (C, H, W)",
    ),
    (
        (1, 4, 4),
        [Dense(size=9), SumPool(size=2), Dense(size=2)],
        "layer 2 (pool): the input has shape (9,), pooling needs (C, H, W)",
    ),
    (
        (1, 4, 4),
        [SumPool(size=2), Flatten(), Conv(channels=2, kernel=1)],
        "layer 3 (conv): the input is flattened, only a dense layer can follow",
    ),
    (
        (1, 4, 4),
        [SumPool(size=5), Dense(size=2)],
        "layer 1 (pool): size is 5, the input (1, 4, 4) is smaller",
    ),
    (
        (1, 5, 5),
        [SumPool(size=2), Conv(channels=2, kernel=3, padding=1)],
        "layer 2 (conv): padding is 1 behind a pool of 2 that does not divide (5, 5); "
        "use padding 0 or another pool",
    ),
    (
        (3, 4, 4),
        [Conv(channels=4, kernel=2, groups=2)],
        "layer 1 (conv): groups is 2, which does not divide 3 input channels",
    ),
    (
        (1, 4, 4),
        [Conv(channels=4, kernel=5)],
        "layer 1 (conv): kernel reaches over 5 cells, source (1, 4, 4) with padding "
        "(0, 0) is smaller",
    ),
    (
        (4,),
        [Dense(size=4, recurrent=True, norm="batch")],
        "layer 1 (dense): recurrent is true with norm 'batch'; use 'weight' or 'none'",
    ),
]


@pytest.mark.parametrize(("shape", "layers", "message"), BAD_CHAINS)
def test_chains_that_do_not_fit_get_one_clear_line(
    shape: tuple[int, ...], layers: list[LayerSpec], message: str
) -> None:
    with pytest.raises(nd.errors.NeurodeployError) as caught:
        Network(shape, layers)
    assert str(caught.value) == message


def test_a_recurrent_integrator_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        Network((4,), [Dense(size=4, recurrent=True)], readout=Readout(kind="integrator"))
    assert str(caught.value) == (
        "layer 1 (dense): recurrent is true, but an integrator sends no spikes back"
    )


BROKEN = {
    "a weight that is no number": ("weight", float("nan"), "weight holds nan"),
    "an infinite weight": ("weight", float("inf"), "weight holds inf"),
    "an infinite gain": ("gain", float("-inf"), "gain holds -inf"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_parameters_that_are_no_finite_numbers_are_refused(name: str) -> None:
    parameter, value, text = BROKEN[name]
    network = Network((4,), [Dense(size=3), Dense(size=2)]).eval()
    getattr(network.spiking_layers[1], parameter).data.view(-1)[1] = value
    with pytest.raises(ProgramError) as caught:
        lower(network)
    assert str(caught.value) == f"population output: {text}, expected finite numbers"


def test_numbers_outside_the_ranges_of_the_chip_are_refused() -> None:
    network = Network((4,), [Dense(size=3)], neuron=Neuron(threshold=10_000.0)).eval()
    with pytest.raises(ProgramError) as caught:
        lower(network)
    assert str(caught.value) == (
        "population output: threshold holds 640000, loihi2 takes 0 to 131071"
    )


def test_another_chip_has_other_ranges() -> None:
    from neurodeploy.profile import load_profile

    network = Network((4,), [Dense(size=3, norm="none", bias=True)]).eval()
    bias = network.spiking_layers[0].bias
    assert bias is not None
    bias.data.fill_(64.016)
    program = lower(network)
    (value,) = set(np.ravel(program.populations[0].neuron.bias).tolist())
    assert value == 4097
    with pytest.raises(ProgramError, match="bias holds 4097, loihi1 takes -2048 to 2047"):
        lower(network, load_profile("loihi1"))


def test_importing_the_package_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, neurodeploy, neurodeploy.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
