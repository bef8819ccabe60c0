"""The compiled layer against the torch operations: integers exactly, gradients to rounding."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy.train import Conv, Dense, Network, Neuron, Readout, SumPool, fused  # noqa: E402
from neurodeploy.train.scan import ScanOptions, ScanParameters  # noqa: E402
from neurodeploy.train.surrogate import SURROGATES  # noqa: E402

pytestmark = pytest.mark.skipif(
    not fused.available(), reason="the compiled module has no training layer"
)

DENSE = [(1, 2, 1, 1), (9, 3, 33, 70), (16, 5, 100, 130), (70, 2, 40, 16), (128, 2, 31, 33)]
LONG = [(129, 2, 7, 17), (300, 2, 65, 10)]
"""(steps, batch, inputs, outputs)."""
MAPS = [
    ((1, 9, 8), Conv(channels=16, kernel=5, stride=2)),
    ((3, 7, 7), Conv(channels=33, kernel=3, padding=1)),
    ((16, 6, 9), Conv(channels=5, kernel=2, stride=3, padding=2)),
    ((70, 4, 4), Conv(channels=64, kernel=3, stride=2)),
    ((2, 5, 5), Conv(channels=80, kernel=1)),
    ((1, 2, 2), Conv(channels=3, kernel=3, padding=1)),
]
NEURON = Neuron(current_decay=1024, voltage_decay=512)


def spikes(steps: int, batch: int, *shape: int, rate: float = 0.3) -> Any:
    draw = torch.Generator().manual_seed(steps + batch)
    return (torch.rand((steps, batch, *shape), generator=draw) < rate).float()


def passes(network: Network, x: Any, backend: str) -> tuple[Any, dict[str, Any]]:
    """Return the run and all gradients, that of x included, of a fixed loss."""
    network.use_backend(backend)
    network.zero_grad(set_to_none=True)
    x = x.clone().requires_grad_()
    run = network(x)
    draw = torch.Generator().manual_seed(1)
    last = list(run.results.values())[-1]
    loss = (last.s * torch.randn(last.s.shape, generator=draw)).sum()
    loss = loss + (last.v * torch.randn(last.v.shape, generator=draw)).sum() / 1e4
    loss.backward()
    grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return run, {"x": x.grad, **grads}


def assert_equal(network: Network, x: Any, compiled: bool = True) -> None:
    """Compiled and torch operations agree, and the compiled layer ran (or did not)."""
    own, own_grads = passes(network, x, "native")
    twin, twin_grads = passes(network, x, "torch")
    for name, expected in twin.results.items():
        found = own.results[name]
        assert (found.packed is not None) == compiled, name
        assert torch.equal(found.s, expected.s), name
        assert torch.equal(found.v, expected.v), name
        assert torch.equal(found.a, expected.a), name
    assert own_grads.keys() == twin_grads.keys()
    for name, expected in twin_grads.items():
        size = float(expected.abs().max())
        assert torch.allclose(own_grads[name], expected, rtol=1e-4, atol=1e-5 * size), name


@pytest.mark.parametrize(("steps", "batch", "inputs", "outputs"), [*DENSE, *LONG])
def test_dense_layers_of_all_sizes(steps: int, batch: int, inputs: int, outputs: int) -> None:
    x = spikes(steps, batch, inputs)
    network = Network((inputs,), [Dense(size=outputs), Dense(size=3)], neuron=NEURON)
    network.calibrate(x)
    assert_equal(network, x)


@pytest.mark.parametrize(("source", "conv"), MAPS)
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_and_the_dense_layer_behind(source: Any, conv: Conv, bias: bool) -> None:
    x = spikes(7, 3, *source)
    layers = [conv.model_copy(update={"bias": bias}), Conv(channels=4, kernel=1), Dense(size=5)]
    network = Network(source, layers, neuron=NEURON)
    network.calibrate(x)
    assert_equal(network, x)


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("reset_gradient", [True, False])
def test_all_surrogates_and_learned_parameters(surrogate: str, reset_gradient: bool) -> None:
    neuron = Neuron(
        current_decay=700, voltage_decay=300, learn=("voltage_decay", "threshold"),
        per_neuron=True, surrogate=surrogate, width=1.3, reset_gradient=reset_gradient,
    )  # fmt: skip
    layers = [Conv(channels=20, kernel=3, bias=True), Dense(size=30, bias=True)]
    x = spikes(11, 4, 2, 6, 6)
    network = Network((2, 6, 6), layers, neuron=neuron, readout=Readout(kind="integrator"))
    network.calibrate(x)
    assert_equal(network, x)


@pytest.mark.parametrize("weight", [254, -256])
def test_u_wraps_and_v_saturates_as_the_torch_operations(weight: int) -> None:
    """126 busy inputs of the largest weight reach the fold of u and both ends of v."""
    neuron = Neuron(current_decay=0, voltage_decay=0, threshold=1e4)
    network = Network((126,), [Dense(size=20, norm="none", bias=True, scale=64)], neuron=neuron)
    with torch.no_grad():
        network.layers[0].weight.fill_(weight / 64)
        network.layers[0].bias.copy_(torch.linspace(-600, 600, 20))
    x = torch.ones(40, 2, 126)
    x[:, 1] = spikes(40, 1, 126)[:, 0]
    own, _ = passes(network, x, "native")
    assert float(own.results["output"].v.detach().abs().max()) == 2**23 - 1
    assert_equal(network, x)


def test_sums_beyond_16_bits_fall_back_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    network = Network((300,), [Dense(size=4, norm="none", scale=64)], neuron=NEURON)
    with torch.no_grad():
        network.layers[0].weight.fill_(254 / 64)
    with caplog.at_level(logging.DEBUG, "neurodeploy.train.fused"):
        assert_equal(network, torch.ones(3, 2, 300), compiled=False)
    assert "layer (4,) of (300,): sums may leave 16 bits" in caplog.text


@pytest.mark.parametrize(
    ("layers", "neuron"),
    [
        ([Dense(size=6, recurrent=True)], NEURON),
        ([Dense(size=6, max_delay=2)], NEURON),
        ([Conv(channels=4, kernel=2, dilation=2)], NEURON),
        ([Conv(channels=4, kernel=2, groups=2)], NEURON),
        ([Dense(size=6)], Neuron(current_decay=900, learn=("current_decay",))),
    ],
)
def test_what_the_compiled_layer_cannot_take_runs_as_before(layers: Any, neuron: Neuron) -> None:
    x = spikes(6, 3, 2, 5, 5)
    network = Network((2, 5, 5), layers, neuron=neuron)
    network.calibrate(x)
    run = network(x)
    assert run.results["output"].packed is None
    twin = passes(network, x, "torch")[0]
    assert torch.equal(run.results["output"].v, twin.results["output"].v)


def test_graded_input_runs_as_before_and_its_spikes_go_on_packed() -> None:
    x = spikes(6, 3, 2, 8, 8) * 3
    layers = [Conv(channels=4, kernel=3), SumPool(size=2), Dense(size=9), Dense(size=3)]
    network = Network((2, 8, 8), layers, neuron=NEURON)
    network.calibrate(x)
    results = passes(network, x, "auto")[0].results
    packed = [result.packed is not None for result in results.values()]
    assert packed[0] is False
    assert packed[2] is True
    twin = passes(network, x, "torch")[0].results
    assert all(torch.equal(results[name].v, twin[name].v) for name in twin)


def test_packing_refuses_other_values() -> None:
    x = spikes(2, 3, 40)
    assert fused.pack(x) is not None
    for value in (0.5, -1.0, 2.0, float("nan")):
        x[1, 2, 39] = value
        assert fused.pack(x) is None


def test_threads_do_not_change_a_bit() -> None:
    before, found = torch.get_num_threads(), []
    try:
        torch.set_num_threads(1)
        layer, x = fused_case()
        for threads in (1, 2, 7):
            found.append(layer_gradients(layer, x, threads))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def fused_case() -> tuple[Network, Any]:
    network = Network((2, 12, 12), [Conv(channels=20, kernel=3), Dense(size=150)], neuron=NEURON)
    x = spikes(16, 20, 2, 12, 12)
    network.calibrate(x)
    return network, x


def layer_gradients(network: Network, x: Any, threads: int) -> list[Any]:
    """Gradients of each layer alone, so that no product of torch's own is in between."""
    found = []
    for layer in network.layers:
        torch.set_num_threads(threads)
        layer.zero_grad(set_to_none=True)
        result = layer(x, len(x))
        draw = torch.Generator().manual_seed(1)
        (result.s * torch.randn(result.s.shape, generator=draw)).sum().backward()
        torch.set_num_threads(1)
        found += [result.v.detach(), layer.weight.grad]
        x = result.s.detach()
    return found


DUMP = """
import sys, numpy as np, torch
sys.path.insert(0, sys.argv[1])
import test_fused
torch.set_num_threads(1)
network, x = test_fused.fused_case()
found = test_fused.layer_gradients(network, x, 1)
np.savez(sys.argv[2], *[tensor.numpy() for tensor in found])
"""


def test_instruction_sets_do_not_change_a_bit(tmp_path: Any) -> None:
    found = []
    for name in ("portable", "avx2", "best"):
        path, environment = tmp_path / f"{name}.npz", dict(os.environ)
        environment.pop("NEURODEPLOY_ISA", None)
        if name != "best":
            environment["NEURODEPLOY_ISA"] = name
        command = [sys.executable, "-c", DUMP, str(Path(__file__).parent), str(path)]
        subprocess.run(command, env=environment, check=True)
        with np.load(path) as arrays:
            found.append([arrays[key] for key in arrays.files])
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_a_layer_without_gradients_wanted_keeps_working() -> None:
    network, x = fused_case()
    with torch.no_grad():
        assert network(x).results["output"].packed is not None


def test_arguments_of_other_sizes_are_refused() -> None:
    bits = np.zeros((6, 2), np.uint32)
    one, s = np.ones(4, np.int32), np.zeros((3, 2, 4), np.float32)
    good = {
        "bits": bits, "window": np.zeros(0, np.int32), "weight": np.zeros((4, 8), np.float32),
        "current_decay": one, "voltage_decay": one, "threshold": one, "bias": one,
        "spiking": True, "s": s, "v": s.copy(), "spikes": bits.copy(),
        "patterns": np.zeros((1, 6), np.uint32), "threads": 1,
    }  # fmt: skip
    native = fused.native_module()
    assert native.train_layer_forward(**good)
    for name, value in {
        "bits": np.zeros((6, 1), np.uint32),
        "window": np.array([1, 4, 4, 9, 1, 0], np.int32),
        "weight": np.zeros((3, 8), np.float32),
        "threshold": np.ones(5, np.int32),
        "s": np.zeros((3, 2, 5), np.float32),
        "spikes": np.zeros((6, 1), np.uint32),
        "patterns": np.zeros((2, 6), np.uint32),
    }.items():
        with pytest.raises(ValueError, match=r"differ|number of|weight|window|patterns"):
            native.train_layer_forward(**{**good, name: value})


def test_a_scan_option_of_torch_is_kept_from_the_compiled_layer() -> None:
    x, one = spikes(3, 2, 4), torch.ones(4)
    given = ScanParameters(one, one, one, one)
    assert fused.usable(x, given, ScanOptions(3, 1.0))
    assert not fused.usable(x, given, ScanOptions(3, 1.0, backend="torch"))
    assert not fused.usable(x, given, ScanOptions(4, 1.0))


def test_a_surrogate_that_only_python_knows_is_kept_from_the_compiled_layer() -> None:
    x, one = spikes(3, 2, 4), torch.ones(4)
    given = ScanParameters(one, one, one, one)
    assert not fused.usable(x, given, ScanOptions(3, 1.0, surrogate="staircase"))


@pytest.mark.parametrize("threshold", [2**17, 2**25, 2**31 - 128, -(2**25), -(2**31)])
def test_thresholds_beyond_32_bits_of_v_never_or_always_fire(threshold: int) -> None:
    x, zero = spikes(3, 2, 8, rate=1.0), torch.zeros(4)
    given = ScanParameters(zero, zero, torch.full((4,), float(threshold)), zero)
    rows = torch.full((4, 8), 254.0)
    layer = fused.run(x, None, rows, given, ScanOptions(3, 1.0), fused.Geometry((8,), (4,)))
    assert layer is not None
    assert torch.all(layer.s == float(threshold < 0))
