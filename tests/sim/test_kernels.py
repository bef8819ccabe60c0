"""Every way of adding on every instruction set gives what the reference gives, to the edges.

A forced way that does not exist for a connection (8-bit dot products of 9-bit weights, tables of
sums beyond 16 bits) gives way to one that does: the results are compared either way.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.errors import OptionError
from neurodeploy.sim.native import (
    INSTRUCTION_SETS,
    KERNELS,
    KernelWork,
    NativeEngine,
    forced_kernel,
    instruction_sets,
)

ALL = ("s", "u", "v")
LIF = nd.CubaLif(1024, 512, 300)
M = 2**23


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force an instruction set; skip, with the reason, where this machine lacks it."""
    name: str = request.param
    if name not in instruction_sets():
        pytest.skip(f"this processor or build lacks {name}; it has {', '.join(instruction_sets())}")
    monkeypatch.setenv("NEURODEPLOY_ISA", name)
    return name


@pytest.fixture(params=("", *KERNELS))
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force a way of adding; "" leaves the choice to the engine."""
    name: str = request.param
    monkeypatch.setenv("NEURODEPLOY_KERNEL", name)
    return name


def agree(program: nd.Program, x: Any, **options: Any) -> None:
    """Compare all variables and counts of both engines."""
    mine = nd.compile(program, record=ALL, **options).run(x)
    theirs = nd.compile(program, record=ALL, engine="reference", **options).run(x)
    for name, array in theirs.flat().items():
        assert np.array_equal(mine.flat()[name], array), name
    assert mine.activity.differences(theirs.activity) == []


def spikes(rng: Generator, *shape: int, rate: float = 0.3) -> Any:
    return (rng.random(shape) < rate).astype(np.uint8)


def chain(source: tuple[int, ...], *synapses: Any, neuron: Any = LIF, **connection: Any) -> Any:
    """A chain of populations behind the synapses."""
    shapes = [source]
    for synapse in synapses:
        conv = isinstance(synapse, nd.Conv2d)
        shapes.append(synapse.output_shape(shapes[-1]) if conv else (synapse.weight.shape[0],))
    names = ["x", *(f"n{k}" for k in range(len(synapses)))]
    return nd.Program(
        (nd.Input("x", source),),
        [nd.Population(n, shape, neuron) for n, shape in zip(names[1:], shapes[1:], strict=True)],
        [
            nd.Connection(a, b, synapse, **connection)
            for a, b, synapse in zip(names, names[1:], synapses, strict=False)
        ],
        nd.Readout(names[-1]),
    )


WEIGHTS: dict[str, Any] = {
    "8 bits": lambda rng, shape: rng.integers(-128, 128, shape),
    "even": lambda rng, shape: 2 * rng.integers(-128, 128, shape),
    "one too large": lambda rng, shape: np.where(rng.random(shape) < 0.01, 128, 1),
    "9 bits, odd": lambda rng, shape: rng.integers(-255, 256, shape),
    "16 bits": lambda rng, shape: rng.integers(-(2**15), 2**15, shape),
    "17 bits": lambda rng, shape: rng.integers(-(2**16), 2**16, shape),
    "at the edge of 16-bit sums": lambda rng, shape: np.full(shape, (2**15 - 1) // shape[1]),
    "beyond it": lambda rng, shape: np.full(shape, -(2**15) // shape[1] - 1),
    "zeros": lambda rng, shape: np.zeros(shape, int),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_dense_layers_of_every_width(isa: str, kernel: str, kind: str) -> None:
    rng = np.random.default_rng(1)
    for outputs, inputs in ((1, 1), (33, 7), (64, 64), (130, 131), (10, 400)):
        weight = np.asarray(WEIGHTS[kind](rng, (outputs, inputs)), np.int32)
        program = chain((inputs,), nd.Dense(weight))
        for rate in (0.02, 0.4, 1.0):
            agree(program, spikes(rng, 3, 9, inputs, rate=rate))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 66])
def test_any_number_of_steps_meets_the_groups_of_four(isa: str, kernel: str, steps: int) -> None:
    rng = np.random.default_rng(2)
    weight = rng.integers(-128, 128, (70, 50)).astype(np.int32)
    data = spikes(rng, 5, steps, 50)
    data[:, :, 16:32] = 0  # groups that are silent throughout
    agree(chain((50,), nd.Dense(weight)), data)
    agree(chain((50,), nd.Dense(weight)), data[0])  # a stream


def test_feedback_runs_step_by_step_with_the_same_kernels(isa: str, kernel: str) -> None:
    rng = np.random.default_rng(3)
    program = nd.Program(
        (nd.Input("x", (40,)),),
        (nd.Population("a", (70,), LIF), nd.Population("b", (40,), LIF)),
        (
            nd.Connection("x", "a", nd.Dense(rng.integers(-128, 128, (70, 40)))),
            nd.Connection("a", "a", nd.Dense(rng.integers(-128, 128, (70, 70))), feedback=True),
            nd.Connection("a", "b", nd.Dense(rng.integers(-128, 128, (40, 70)))),
            nd.Connection("b", "a", nd.Dense(rng.integers(-128, 128, (70, 40))), feedback=True),
        ),
        nd.Readout("b"),
    )
    agree(program, spikes(rng, 4, 30, 40))


@pytest.mark.parametrize("axis", ["row", "column", "synapse"])
def test_delays_with_every_kernel(isa: str, kernel: str, axis: str) -> None:
    rng = np.random.default_rng(4)
    shape = {"row": (70, 1), "column": (1, 50), "synapse": (70, 50)}[axis]
    delay = rng.integers(0, 6, shape).astype(np.int8)
    weight = rng.integers(-128, 128, (70, 50)).astype(np.int32)
    agree(chain((50,), nd.Dense(weight, delay)), spikes(rng, 3, 20, 50), timing="pipelined")


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 28, 28), (16, 1, 5, 5), {"stride": 2}),
    ((16, 12, 12), (32, 16, 3, 3), {"stride": 2}),
    ((1, 9, 11), (3, 1, 3, 2), {"padding": (1, 2)}),
    ((2, 9, 9), (24, 2, 3, 3), {"padding": 1, "stride": (1, 2)}),
    ((3, 8, 40), (36, 3, 3, 3), {"stride": 2, "padding": (0, 1)}),
    ((3, 6, 70), (20, 3, 3, 5), {"padding": (2, 4)}),
    ((4, 7, 7), (5, 4, 3, 3), {"dilation": 2, "padding": 2}),
    ((8, 6, 9), (48, 8, 2, 3), {"dilation": (2, 3), "padding": (1, 3)}),
    ((5, 6, 6), (17, 5, 3, 3), {}),
    ((12, 5, 5), (64, 12, 3, 3), {"padding": 1}),
    ((4, 30, 5), (8, 4, 20, 2), {"padding": (9, 0)}),
    ((6, 6, 6), (9, 2, 3, 3), {"groups": 3}),
    ((1, 4, 70), (4, 1, 1, 70), {}),
    ((4, 5, 5), (130, 4, 5, 5), {}),
]


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_convolutions(isa: str, kernel: str, case: int) -> None:
    source, shape, geometry = CONVOLUTIONS[case]
    rng = np.random.default_rng(5)
    weight = rng.integers(-64, 64, shape).astype(np.int32)
    program = chain(source, nd.Conv2d(weight, **geometry))
    for rate in (0.03, 0.5, 1.0):
        agree(program, spikes(rng, 2, 6, *source, rate=rate))


def test_a_convolution_behind_one_keeps_the_rows_of_its_map(isa: str, kernel: str) -> None:
    rng = np.random.default_rng(6)
    first = nd.Conv2d(rng.integers(-64, 64, (12, 1, 3, 3)), padding=1)
    second = nd.Conv2d(rng.integers(-64, 64, (20, 12, 3, 3)), stride=2, padding=1)
    flat = nd.Dense(rng.integers(-64, 64, (10, 20 * 7 * 9)))
    agree(chain((1, 14, 17), first, second, flat), spikes(rng, 3, 8, 1, 14, 17))


def test_two_connections_meet_in_one_population(isa: str, kernel: str) -> None:
    """Their sums are of 32 bits, whichever way each of them adds."""
    rng = np.random.default_rng(7)
    program = nd.Program(
        (nd.Input("map", (4, 6, 6)), nd.Input("flat", (30,))),
        (nd.Population("n", (20, 4, 4), LIF),),
        (
            nd.Connection("map", "n", nd.Conv2d(rng.integers(-99, 99, (20, 4, 3, 3)))),
            nd.Connection("flat", "n", nd.Dense(rng.integers(-99, 99, (320, 30)))),
        ),
        nd.Readout("n"),
    )
    agree(program, {"map": spikes(rng, 2, 7, 4, 6, 6), "flat": spikes(rng, 2, 7, 30)})


# --- Bounds that leave checks out ---------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("extra", range(-2, 3))
@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_states_at_the_bound_that_makes_checks_unnecessary(
    isa: str, sign: int, extra: int, reset: str
) -> None:
    """All inputs active: u settles at 64 a * 4096 / current_decay, on either side of 2^23."""
    limit = M // (64 * 4)  # with a current decay of 1024
    weight = np.full((40, 2), sign * (limit // 2), np.int32)
    weight[:, 1] = sign * (limit - limit // 2 + extra)
    neuron = nd.CubaLif(1024, 4096, 131071, bias=sign * 3, reset=reset)
    agree(chain((2,), nd.Dense(weight), neuron=neuron), np.ones((1, 200, 2), np.uint8))


@pytest.mark.parametrize("threshold", [-40, 0, 1000, 131071])
@pytest.mark.parametrize("voltage_decay", [0, 1, 512, 4096])
@pytest.mark.parametrize("current_decay", [0, 1, 1024, 4096])
def test_slow_decays_reach_every_edge(
    isa: str, current_decay: int, voltage_decay: int, threshold: int
) -> None:
    rng = np.random.default_rng(8)
    for reset, bias in itertools.product(("zero", "subtract", "none"), (-300, 0, 300)):
        neuron = nd.CubaLif(current_decay, voltage_decay, threshold, bias=bias, reset=reset)
        weight = rng.integers(-9000, 9000, (70, 3)).astype(np.int32)
        agree(chain((3,), nd.Dense(weight), neuron=neuron), spikes(rng, 1, 150, 3, rate=0.7))


# --- What is chosen, and what it costs ----------------------------------------------------------


def engine(program: nd.Program) -> NativeEngine:
    made = nd.compile(program, record=(), threads=1)._engine
    assert isinstance(made, NativeEngine)
    return made


def work(program: nd.Program, x: Any) -> list[KernelWork]:
    made = engine(program)
    made.run([np.ascontiguousarray(x)])
    return made.kernel_work()


def test_a_forced_kernel_is_the_one_that_works(kernel: str) -> None:
    rng = np.random.default_rng(9)
    weight = rng.integers(-128, 128, (128, 64)).astype(np.int32)
    found = work(chain((64,), nd.Dense(weight)), spikes(rng, 8, 16, 64))
    names = {entry.kernel for entry in found}
    assert [entry.edge for entry in found] == ["x->n0"]
    if kernel in ("tiles", "dense") and instruction_sets()[0] != "avx512":
        assert names <= {"rows", "subsets"}
    elif kernel:
        assert names == {kernel}


def test_work_is_counted_in_vectors_of_64_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    x = spikes(rng, 6, 12, 64)
    program = chain((64,), nd.Dense(rng.integers(-128, 128, (128, 64))))
    grouped = x.reshape(6, 12, 16, 4).any(-1)
    vectors = 128 * 2 // 64
    expected = {"rows": int(x.sum()) * vectors, "subsets": int(grouped.sum()) * vectors}
    for name, adds in expected.items():
        monkeypatch.setenv("NEURODEPLOY_KERNEL", name)
        assert work(program, x) == [KernelWork("x->n0", name, adds, 0)]
    if instruction_sets()[0] != "avx512":
        return
    tiles = grouped.reshape(6, 3, 4, 16).any(2)
    for name, groups in (("tiles", int(tiles.sum()) * 4), ("dense", 6 * 12 * 16)):
        monkeypatch.setenv("NEURODEPLOY_KERNEL", name)
        assert work(program, x) == [KernelWork("x->n0", name, 0, groups * 128 // 16)]


def test_the_choice_follows_the_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODEPLOY_KERNEL", raising=False)
    rng = np.random.default_rng(11)
    program = chain((512,), nd.Dense(rng.integers(-128, 128, (512, 512))))
    sparse = work(program, spikes(rng, 64, 16, 512, rate=0.02))
    busy = work(program, spikes(rng, 64, 16, 512, rate=0.5))
    assert [entry.kernel for entry in sparse] == ["rows"]
    assert "rows" not in {entry.kernel for entry in busy}


def test_an_unknown_kernel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODEPLOY_KERNEL", "magic")
    with pytest.raises(OptionError) as caught:
        forced_kernel()
    assert str(caught.value) == (
        "NEURODEPLOY_KERNEL is 'magic', expected one of rows, subsets, tiles, dense"
    )


@pytest.mark.parametrize("step", [1, 2, 4])
def test_lavas_weights_with_every_kernel(isa: str, kernel: str, step: int) -> None:
    """Small weights are shifted up by Lava and their sums down again."""
    rng = np.random.default_rng(12)
    for scale in (1, 5, 60):
        weight = step * rng.integers(-scale, scale + 1, (70, 50)).astype(np.int32)
        program = chain((50,), nd.Dense(weight))
        agree(program, spikes(rng, 2, 9, 50), timing="pipelined", weights="lava")
