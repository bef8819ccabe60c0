"""`initial`: where v starts a sample and where a due reset puts it, in every native kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.sim.native import INSTRUCTION_SETS, instruction_sets

ALL = ("s", "u", "v", "vth")
TOP = 2**23 - 1


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force an instruction set; skip, with the reason, where this machine lacks it."""
    name: str = request.param
    if name not in instruction_sets():
        pytest.skip(f"this processor or build lacks {name}; it has {', '.join(instruction_sets())}")
    monkeypatch.setenv("NEURODEPLOY_ISA", name)
    return name


def homeostatic(reset: str, initial: Any, size: int) -> nd.HomeostaticLif:
    signature = np.arange(4 * size).reshape(4, size) * 50
    return nd.HomeostaticLif(
        500, 300, 60, reset=reset, initial=initial, theta=300, signature=signature
    )


NEURONS: dict[str, Any] = {
    "plain": lambda initial, size: nd.CubaLif(500, 300, 60, initial=initial),
    "biased": lambda initial, size: nd.CubaLif(500, 300, 60, 7, initial=initial),
    "subtract": lambda initial, size: nd.CubaLif(500, 300, 60, 0, "subtract", initial=initial),
    "none": lambda initial, size: nd.CubaLif(500, 300, 60, 0, "none", initial=initial),
    "gain": lambda initial, size: nd.CubaLif(500, 300, 60, gain=[32, 100, 64], initial=initial),
    "64 bits": lambda initial, size: nd.CubaLif(500, -300, 60, initial=initial),
    "integrator": lambda initial, size: nd.Integrator(500, 300, 9, initial=initial),
    "homeostatic": lambda initial, size: homeostatic("zero", initial, size),
    "homeostatic, none": lambda initial, size: homeostatic("none", initial, size),
}
INITIALS: dict[str, Any] = {
    "one": lambda rng, size: 2500,
    "negative": lambda rng, size: -70_000,
    "above the threshold": lambda rng, size: 60 * 64 + 1,
    "each": lambda rng, size: rng.integers(-9000, 9000, size),
    "the edges": lambda rng, size: rng.choice([-TOP, -1, 0, 1, TOP], size),
}


def layer(neuron: Any, size: int, rng: Generator) -> nd.Program:
    """One dense layer of ``size`` neurons, which are padded to a multiple of 32 lanes."""
    weight = rng.integers(-60, 90, (size, 9))
    return nd.Program(
        (nd.Input("x", (9,)),),
        (nd.Population("n", (size,), neuron),),
        (nd.Connection("x", "n", nd.Dense(weight)),),
        nd.Readout("n"),
    )


def agree(program: nd.Program, data: Any, **options: Any) -> None:
    """Compare all variables and counts of both engines."""
    mine = nd.simulate(program, data, record=ALL, **options)
    theirs = nd.simulate(program, data, record=ALL, engine="reference", **options)
    for name, array in theirs.flat().items():
        assert np.array_equal(mine.flat()[name], array), name
    assert mine.activity.differences(theirs.activity) == []


@pytest.mark.parametrize("where", INITIALS)
@pytest.mark.parametrize("kind", NEURONS)
def test_every_kernel_starts_and_resets_at_initial(isa: str, kind: str, where: str) -> None:
    rng = np.random.default_rng(1)
    for size in (1, 32, 70):
        program = layer(NEURONS[kind](INITIALS[where](rng, size), size), size, rng)
        data = rng.integers(0, 2, (3, 20, 9), np.uint8)
        for timing in ("aligned", "pipelined"):
            agree(program, data, timing=timing)
            agree(program, data, timing=timing, reset_interval=6, reset_offset=2)


@pytest.mark.parametrize("timing", ["aligned", "pipelined"])
def test_a_stream_in_pieces_starts_at_initial_once(isa: str, timing: str) -> None:
    rng = np.random.default_rng(2)
    program = layer(nd.CubaLif(500, 300, 90, initial=rng.integers(-9000, 9000, 40)), 40, rng)
    data = rng.integers(0, 2, (21, 9), np.uint8)
    options: dict[str, Any] = {"timing": timing, "reset_interval": 8, "record": ALL}
    whole = nd.simulate(program, data, engine="reference", **options)
    stream = nd.compile(program, **options)
    for _ in range(2):
        parts = [stream.run(piece) for piece in np.split(data, [1, 5, 5, 13])]
        for name, array in whole.flat().items():
            assert np.array_equal(np.concatenate([p.flat()[name] for p in parts]), array), name
        stream.reset()


def test_a_run_of_no_columns_leaves_the_start_in_place() -> None:
    rng = np.random.default_rng(3)
    program = layer(nd.Integrator(0, 0, initial=rng.integers(-9, 9, 40)), 40, rng)
    stream = nd.compile(program, record="v")
    stream.run(np.zeros((0, 9), np.uint8))
    v = stream.run(np.zeros((1, 9), np.uint8))["n"].v
    assert np.array_equal(v[0], program.populations[0].neuron.initial)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_start_at_the_edge_saturates_however_small_the_currents(isa: str, sign: int) -> None:
    """Bounds of v count ``initial``: the kernels may not leave the check of v out here."""
    rng = np.random.default_rng(4)
    neuron = nd.CubaLif(4096, 4000, 60, reset="none", bias=sign * 100, initial=sign * TOP)
    fast = nd.CubaLif(4096, 0, 2**17, bias=sign * 100, initial=sign * TOP)
    for subject in (neuron, fast):
        agree(layer(subject, 40, rng), rng.integers(0, 2, (2, 9, 9), np.uint8), reset_interval=3)


def test_maps_take_an_initial_per_channel_and_per_neuron(isa: str) -> None:
    rng = np.random.default_rng(5)
    for initial in (rng.integers(-4000, 4000, (5, 1, 1)), rng.integers(-4000, 4000, (5, 6, 7))):
        program = nd.Program(
            (nd.Input("x", (2, 6, 7)),),
            (nd.Population("n", (5, 6, 7), nd.CubaLif(300, 200, 60, initial=initial)),),
            (nd.Connection("x", "n", nd.Conv2d(rng.integers(-60, 90, (5, 2, 3, 3)), padding=1)),),
            nd.Readout("n"),
        )
        agree(program, rng.integers(0, 2, (2, 14, 2, 6, 7), np.uint8), reset_interval=5)
