"""The compiled training scan on its own, without torch: odd sizes, edges, wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodeploy.neuron import CubaLif
from neurodeploy.sim.dynamics import fresh_state, update

native = pytest.importorskip("neurodeploy.sim._native", reason="the compiled module is not built")

SIZES = [(1, 1, 1), (3, 2, 63), (4, 5, 64), (2, 3, 65), (5, 1, 200), (70, 16, 190)]


def case(steps: int, batch: int, neurons: int, source_steps: int) -> dict[str, Any]:
    draw = np.random.default_rng(neurons)
    return {
        "a": draw.integers(-(2**24) + 1, 2**24, (source_steps, batch, neurons)).astype(np.float32)
        // draw.choice([1, 1000, 10_000], neurons).astype(np.float32),
        "current_decay": draw.integers(0, 4097, neurons).astype(np.int32),
        "voltage_decay": draw.integers(0, 4097, neurons).astype(np.int32),
        "threshold": draw.integers(1, 2**17, neurons).astype(np.int32),
        "bias": draw.integers(-(2**15), 2**15, neurons).astype(np.int32),
    }


def forward(
    given: dict[str, Any], steps: int, threads: int = 1, instruction_set: str = ""
) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    shape = (steps, *given["a"].shape[1:])
    s, v, u = (np.full(shape, np.nan, np.float32) for _ in range(3))
    native.train_forward(
        **given, spiking=True, s=s, v=v, u=u, threads=threads, instruction_set=instruction_set
    )
    return s, v, u


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize(("steps", "batch", "neurons"), SIZES)
def test_forward_is_the_reference_at_every_size(
    steps: int, batch: int, neurons: int, still: bool
) -> None:
    given = case(steps, batch, neurons, 1 if still else steps)
    s, v, u = forward(given, steps)
    parameters = (given[n] for n in ("current_decay", "voltage_decay", "threshold", "bias"))
    neuron = CubaLif(*parameters)
    state = fresh_state(neuron, batch, (neurons,))
    zero = np.zeros((batch, neurons), np.int64)
    for t in range(steps):
        a = given["a"][0 if still else t].astype(np.int64)
        expected = update(neuron, state, {"a": a, "bias": zero}, t)
        assert np.array_equal(s[t], expected)
        assert np.array_equal(np.where(s[t] > 0, 0, v[t]), state.variables["v"])
        assert np.array_equal(u[t], state.variables["u"].astype(np.float32))


def backward(given: dict[str, Any], steps: int, threads: int) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    s, v, u = forward(given, steps, threads)
    draw = np.random.default_rng(1)
    grad_s, grad_v = (draw.standard_normal(s.shape).astype(np.float32) for _ in range(2))
    grad_a = np.full(given["a"].shape, np.nan, np.float32)
    sums = np.zeros((4, s.shape[2]))
    names = ("current_decay", "voltage_decay", "threshold")
    native.train_backward(
        grad_s=grad_s, grad_v=grad_v, s=s, v=v, u=u, **{n: given[n] for n in names},
        surrogate="fast_sigmoid", width=1.0, unit=500.0, spiking=True, reset_gradient=True,
        grad_a=grad_a, sums=sums, threads=threads,
    )  # fmt: skip
    return grad_a, sums


@pytest.mark.parametrize(("steps", "batch", "neurons"), SIZES)
def test_gradients_are_finite_and_independent_of_threads(
    steps: int, batch: int, neurons: int
) -> None:
    given = case(steps, batch, neurons, steps)
    alone, shared = backward(given, steps, 1), backward(given, steps, 3)
    assert all(np.isfinite(array).all() for array in alone)
    assert all(np.array_equal(x, y) for x, y in zip(alone, shared, strict=True))


@pytest.mark.parametrize("instruction_set", native.instruction_sets())
@pytest.mark.parametrize(("steps", "batch", "neurons"), SIZES)
def test_slopes_worked_out_elsewhere_stand_for_a_surrogate(
    steps: int, batch: int, neurons: int, instruction_set: str
) -> None:
    """Those of a triangle, given, are its own; of any size, one for every neuron and step."""
    given = case(steps, batch, neurons, steps)
    s, v, _ = forward(given, steps)
    size = np.float32(64 * 500.0)
    z = (v - 64 * given["threshold"].astype(np.float32)) / size
    triangle = np.maximum(np.float32(2) - np.abs(z), 0) / np.float32(4) / size
    grad_s = np.random.default_rng(1).standard_normal(s.shape).astype(np.float32)
    names = ("current_decay", "voltage_decay", "threshold")
    found = []
    for slopes in (None, triangle.astype(np.float32)):
        grad_a = np.full(s.shape, np.nan, np.float32)
        native.train_backward(
            grad_s=grad_s, grad_v=None, s=s, v=v, u=None, **{n: given[n] for n in names},
            surrogate="triangle", width=2.0, unit=500.0, spiking=True, reset_gradient=False,
            grad_a=grad_a, sums=None, threads=1, instruction_set=instruction_set, slopes=slopes,
        )  # fmt: skip
        found.append(grad_a)
    assert np.abs(found[0] - found[1]).max() <= 1e-5 * np.abs(found[0]).max()
    with pytest.raises(ValueError, match="an array differs in size from v"):
        native.train_backward(
            grad_s=None, grad_v=None, s=s, v=v, u=None, **{n: given[n] for n in names},
            surrogate="triangle", width=1.0, unit=1.0, spiking=True, reset_gradient=False,
            grad_a=grad_a, sums=None, threads=1, slopes=np.zeros((steps, batch, neurons + 1), "f4"),
        )  # fmt: skip


@pytest.mark.parametrize("name", ["a", "bias", "threshold", "s", "u"])
def test_arrays_of_other_sizes_are_refused(name: str) -> None:
    given = case(3, 2, 5, 3)
    outputs = {key: np.zeros((3, 2, 5), np.float32) for key in ("s", "v", "u")}
    table = {**given, **outputs}
    table[name] = np.zeros((4, 2, 6) if table[name].ndim == 3 else 6, table[name].dtype)
    with pytest.raises(ValueError, match=r"differs from v|another number|other steps"):
        native.train_forward(**table, spiking=True, threads=1)


def test_every_instruction_set_gives_the_same_bits_and_others_are_refused() -> None:
    given = case(9, 3, 70, 9)
    found = [forward(given, 9, instruction_set=name) for name in native.instruction_sets()]
    for other in found[1:]:
        assert all(np.array_equal(x, y) for x, y in zip(found[0], other, strict=True))
    with pytest.raises(ValueError, match="this instruction set is not available here"):
        forward(given, 9, instruction_set="sse9")


FAR = (2**17 - 1, 2**17, 2**25 - 1, 2**25, 2**26, 2**31 - 1)
"""Threshold mantissas; times 64 the last three leave 32 bits, and v never exceeds the last five."""


@pytest.mark.parametrize("instruction_set", native.instruction_sets())
def test_thresholds_out_of_reach_never_or_always_fire(instruction_set: str) -> None:
    """v lies within +-(2^23 - 1): thresholds from 2^17 on never fire, from -2^17 down always."""
    size = 2 * len(FAR)
    zero = np.zeros(size, np.int32)
    given = {
        "a": np.where(np.arange(size) % 2, 2**17 - 1, 1 - 2**17).astype(np.float32)[None, None],
        "current_decay": zero, "voltage_decay": zero, "bias": zero,
        "threshold": np.repeat(np.array(FAR, np.int32), 2),
    }  # fmt: skip
    s, _, _ = forward(given, 3, instruction_set=instruction_set)
    assert not s[:, 0, 2:].any()
    given["threshold"] = -given["threshold"]
    s, _, _ = forward(given, 3, instruction_set=instruction_set)
    assert s[:, 0, 2:].all()


def test_an_unknown_surrogate_is_refused_by_name() -> None:
    one = np.ones((1, 1, 1), np.float32)
    row = np.ones(1, np.int32)
    with pytest.raises(ValueError, match="the kernels know no surrogate staircase"):
        native.train_backward(
            one, None, one, one, None, row, row, row, "staircase", 1.0, 1.0, True, False,
            one.copy(), None, 1,
        )  # fmt: skip
