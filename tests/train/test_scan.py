"""The recurrence: integers of the reference engine forward, written-out gradients backward."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy.errors import EngineError, OptionError  # noqa: E402  (needs torch)
from neurodeploy.fixedpoint import M  # noqa: E402
from neurodeploy.neuron import CubaLif, Integrator  # noqa: E402
from neurodeploy.sim.dynamics import fresh_state, update  # noqa: E402
from neurodeploy.train import compiled  # noqa: E402
from neurodeploy.train.scan import ScanOptions, ScanParameters, scan  # noqa: E402
from neurodeploy.train.surrogate import SURROGATES  # noqa: E402

BACKENDS = ["torch", *(["native"] if compiled.available() else [])]
T, BATCH, N = 9, 3, 70


def parameters(seed: int, learned: bool = False) -> ScanParameters:
    draw = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> torch.Tensor:
        return torch.randint(low, high, (N,), generator=draw).float().requires_grad_(learned)

    return ScanParameters(pick(0, 4097), pick(0, 4097), pick(1, 4000), pick(-400, 400))


def currents(seed: int, largest: int, steps: int = T) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-largest, largest + 1, (steps, BATCH, N), generator=draw).float()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spiking", [True, False])
@pytest.mark.parametrize("largest", [0, 3000, 200_000, 2**24 - 1])
def test_forward_is_the_arithmetic_of_the_reference(
    backend: str, spiking: bool, largest: int
) -> None:
    """Wraps of u, folds and saturation of v included: a reaches 2^24 - 1."""
    given, a = parameters(1), currents(2, largest)
    s, v = scan(a, given, ScanOptions(T, 100.0, spiking=spiking, backend=backend))
    decays = [p.int().numpy() for p in (given.current_decay, given.voltage_decay)]
    bias = given.bias.int().numpy()
    neuron = (
        CubaLif(*decays, given.threshold.int().numpy(), bias)
        if spiking
        else Integrator(*decays, bias)
    )
    state = fresh_state(neuron, BATCH, (N,))
    zero = np.zeros((BATCH, N), np.int64)
    for t in range(T):
        expected = update(neuron, state, {"a": a[t].numpy().astype(np.int64), "bias": zero}, t)
        assert np.array_equal(s[t].numpy(), expected)
        assert np.array_equal((v * (1 - s))[t].numpy(), state.variables["v"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constant_current_may_be_given_once(backend: str) -> None:
    given, a = parameters(1), currents(2, 3000, steps=1)
    options = ScanOptions(T, 100.0, backend=backend)
    once, repeated = scan(a, given, options), scan(a.expand(T, -1, -1), given, options)
    assert all(torch.equal(x, y) for x, y in zip(once, repeated, strict=True))


def gradients(backend: str, options: ScanOptions, steps: int, largest: int) -> list[torch.Tensor]:
    given = parameters(3, learned=True)
    a = currents(4, largest, steps).requires_grad_()
    s, v = scan(a, given, options)
    draw = torch.Generator().manual_seed(5)
    weight_s, weight_v = (torch.randn(s.shape, generator=draw) for _ in range(2))
    ((s * weight_s).sum() + 1e-4 * (v * weight_v).sum()).backward()
    found = [a, given.current_decay, given.voltage_decay, given.threshold, given.bias]
    return [tensor.grad if tensor.grad is not None else torch.zeros(1) for tensor in found]


@pytest.mark.skipif(not compiled.available(), reason="the compiled module is not built")
@pytest.mark.parametrize("kind", SURROGATES)
@pytest.mark.parametrize("reset_gradient", [True, False])
@pytest.mark.parametrize("spiking", [True, False])
@pytest.mark.parametrize("steps", [1, T])
def test_compiled_gradients_are_those_of_the_torch_operations(
    kind: str, reset_gradient: bool, spiking: bool, steps: int
) -> None:
    found = []
    for backend in BACKENDS:
        options = ScanOptions(T, 900.0, kind, 1.3, spiking, reset_gradient, backend)
        found.append(gradients(backend, options, steps, 300_000))
    for expected, own in zip(*found, strict=True):
        assert torch.allclose(own, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.skipif(not compiled.available(), reason="the compiled module is not built")
def test_compiled_gradients_do_not_depend_on_the_number_of_threads() -> None:
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            torch.set_num_threads(threads)
            options = ScanOptions(300, 900.0, backend="native")
            found.append(gradients("native", options, 300, 3000))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(x, y) for x, y in zip(found[0], other, strict=True))


def staircase(z: torch.Tensor, width: float) -> torch.Tensor:
    return 0.5 * (z.abs() < width).to(z.dtype) / width


def test_a_surrogate_that_only_python_knows_trains_with_its_own_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SURROGATES, "staircase", staircase)
    options = {b: ScanOptions(T, 900.0, "staircase", 1.3, backend=b) for b in ("auto", "torch")}
    found = [gradients(b, own, T, 300_000) for b, own in options.items()]
    assert all(torch.equal(x, y) for x, y in zip(*found, strict=True))
    if compiled.available():
        with pytest.raises(EngineError, match="surrogate staircase: False\\); use 'auto'"):
            gradients("native", ScanOptions(T, 900.0, "staircase", backend="native"), T, 3000)


@pytest.mark.skipif(not compiled.available(), reason="the compiled module is not built")
def test_the_compiled_surrogates_are_those_of_python() -> None:
    """By name: nothing depends on the order of either table."""
    assert all(compiled.knows(name) for name in SURROGATES)
    assert not compiled.knows("staircase")


@pytest.mark.skipif(not compiled.available(), reason="the compiled module is not built")
def test_the_scan_runs_with_the_instruction_set_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ScanOptions(T, 900.0, backend="native")
    monkeypatch.setenv("NEURODEPLOY_ISA", "portable")
    assert compiled.means()[1] == "portable"
    scan(currents(1, 9), parameters(1), options)
    monkeypatch.setenv("NEURODEPLOY_ISA", "sse9")
    with pytest.raises(OptionError, match="NEURODEPLOY_ISA is 'sse9'"):
        scan(currents(1, 9), parameters(1), options)


def test_gradients_are_those_of_autograd_through_a_smooth_twin() -> None:
    """The twin runs the same steps in float64 with the surrogate's integral in the backward pass.

    Decays 0, 2048 and 4096 with multiples of 64 keep every state whole, so both compute the same.
    """
    options = ScanOptions(3, 64.0, "triangle", 2.0, reset_gradient=True, backend="torch")
    a = torch.tensor([[[64.0, 32.0]], [[-16.0, 48.0]], [[80.0, 8.0]]], requires_grad=True)
    decay = torch.tensor([2048.0, 4096.0], requires_grad=True)
    leak = torch.tensor([0.0, 2048.0], requires_grad=True)
    threshold = torch.tensor([90.0, 40.0], requires_grad=True)
    bias = torch.tensor([4.0, 0.0], requires_grad=True)
    leaves = (a, decay, leak, threshold, bias)
    s, v = scan(a, ScanParameters(decay, leak, threshold, bias), options)
    weight = torch.tensor([[[1.0, -2.0]], [[0.5, 3.0]], [[-1.0, 2.0]]])
    expected = torch.autograd.grad(twin(*leaves, weight), leaves)
    found = torch.autograd.grad((s * weight).sum() + 1e-3 * v.sum(), leaves)
    for own, other in zip(found, expected, strict=True):
        assert torch.allclose(own, other.float(), rtol=1e-5, atol=1e-9)
    assert s.sum() > 0


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(z)
        return (z > 0).to(z.dtype)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (z,) = ctx.saved_tensors
        return grad * SURROGATES["triangle"](z / (64 * 64.0), 2.0) / (64 * 64.0)


def twin(a, decay, leak, threshold, bias, weight):  # type: ignore[no-untyped-def]
    u = v = torch.zeros(a.shape[1:], dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for t in range(len(a)):
        u = u * (4096 - decay) / 4096 + 64 * a[t]
        v = v * (4096 - leak) / 4096 + u + 64 * bias
        s = Step.apply(v - 64 * threshold)
        total = total + (s * weight[t]).sum() + 1e-3 * v.sum()
        v = v * (1 - s)
    return total


def test_a_saturated_v_passes_no_gradient() -> None:
    zero = torch.zeros(1)
    a = torch.full((2, 1, 1), 130_000.0, requires_grad=True)
    options = ScanOptions(2, 64.0, spiking=False, backend="torch")
    _, v = scan(a, ScanParameters(zero + 4096, zero, zero + 1, zero), options)
    assert v[1].item() == M - 1
    v[1].sum().backward()
    assert a.grad is not None
    assert not a.grad.any()


def test_recurrent_spikes_arrive_one_step_later_and_pass_their_gradient() -> None:
    given = parameters(1)
    recurrent = (torch.eye(N).roll(1, 1) * 254).requires_grad_()
    with_feedback = ScanParameters(
        given.current_decay, given.voltage_decay, given.threshold, given.bias, recurrent
    )
    a = currents(2, 6000).requires_grad_()
    options = ScanOptions(T, 100.0, backend="torch")
    s, _ = scan(a, with_feedback, options)
    fed = a.detach().clone()
    fed[1:] += s[:-1].detach() @ recurrent.detach().t()
    expected, _ = scan(fed, given, options)
    assert torch.equal(s, expected)
    s[-1].sum().backward()
    assert recurrent.grad is not None and recurrent.grad.abs().sum() > 0
    assert a.grad is not None and a.grad[0].abs().sum() > 0


def test_the_native_backend_is_refused_where_it_cannot_run() -> None:
    from neurodeploy.errors import EngineError

    given = parameters(1)
    with pytest.raises(EngineError, match="backend 'native' cannot run here"):
        scan(currents(2, 9).double(), given, ScanOptions(T, 100.0, backend="native"))
