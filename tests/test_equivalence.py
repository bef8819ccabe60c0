"""What is said about aligned samples and the pipelined stream is true of every program tried."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from generate import random_program

import neurodeploy as nd
from neurodeploy.equivalence import arrivals, equivalence
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare

STEPS, SAMPLES = 6, 5
RECORD = ("s", "u", "v", "vth", "sigma", "act", "re", "im")


def samples(program: nd.Program, rng: np.random.Generator) -> dict[str, Any]:
    shape = (SAMPLES, STEPS)
    return {
        node.name: rng.integers(0, 200 if node.message_bits else 2, (*shape, *node.shape))
        for node in program.inputs
    }


def differing(program: nd.Program, offset: int, seed: int = 0) -> int:
    """Count values in which the stream, reset once per sample, differs from aligned samples."""
    data = samples(program, np.random.default_rng(seed))
    leads = [arrival.lead for arrival in arrivals(program).values()]
    total = STEPS * SAMPLES
    aligned = nd.simulate(program, data, engine="reference", record=RECORD)
    stream = nd.simulate(
        program,
        {name: x.reshape(total, *x.shape[2:]) for name, x in data.items()},
        engine="reference",
        timing="pipelined",
        steps=total + max(leads),
        reset_interval=STEPS,
        reset_offset=offset,
        record=RECORD,
    )
    return sum(
        int(np.count_nonzero(array.reshape(total, -1) != own.reshape(len(own), -1)[lead:][:total]))
        for name, lead in zip(program.names, leads, strict=True)
        for variable, array in aligned[name].arrays.items()
        for own in [stream[name].arrays[variable]]
    )


def test_what_holds_holds_on_random_programs() -> None:
    """Programs as they come, biases, gains, moving thresholds and ``initial`` included."""
    held = tried = 0
    kinds = set[str]()
    rng = np.random.default_rng(11)
    for seed in range(400):
        program = with_initial(random_program(np.random.default_rng(seed)), rng)
        found = equivalence(program)
        tried += 1
        if found.holds:
            held += 1
            kinds |= {type(p.neuron).__name__ for p in program.populations}
            assert differing(program, found.reset_offset, seed) == 0, (seed, found)
    assert held > 20 and held < tried
    assert kinds >= {"CubaLif", "HomeostaticLif", "Integrator"}


def with_initial(program: nd.Program, rng: np.random.Generator) -> nd.Program:
    """Return ``program``, every third time with populations that start elsewhere than at 0."""
    if rng.integers(3):
        return program
    populations = tuple(
        replace(p, neuron=replace(p.neuron, initial=int(rng.integers(-5000, 5000))))
        if hasattr(p.neuron, "initial")
        else p
        for p in program.populations
    )
    return replace(program, populations=populations)


def chain(first: Any = None, **changes: Any) -> nd.Program:
    """Return x -> a -> b with lively weights; ``changes`` go to the neurons of a."""
    rng = np.random.default_rng(3)
    lif: dict[str, Any] = {"current_decay": 1024, "voltage_decay": 256, "threshold": 150}
    return nd.Program(
        inputs=(nd.Input("x", (9,)),),
        populations=(
            nd.Population("a", (12,), nd.CubaLif(**lif | changes)),
            nd.Population("b", (7,), nd.CubaLif(**lif)),
        ),
        connections=(
            nd.Connection("x", "a", first or nd.Dense(rng.integers(-60, 90, (12, 9)))),
            nd.Connection("a", "b", nd.Dense(rng.integers(-60, 90, (7, 12)))),
        ),
        readout=nd.Readout("b"),
    )


def with_connection(*connections: nd.Connection) -> nd.Program:
    program = chain()
    return replace(program, connections=(*program.connections, *connections))


def sigma_delta() -> nd.Program:
    rng = np.random.default_rng(4)
    return nd.Program(
        inputs=(nd.Input("x", (6,), 8),),
        populations=(nd.Population("d", (6,), nd.Delta(2)), nd.Population("e", (4,), nd.Sigma())),
        connections=(
            nd.Connection("x", "d", nd.Direct()),
            nd.Connection("d", "e", nd.Dense(rng.integers(-9, 9, (4, 6)))),
        ),
        readout=nd.Readout("e"),
    )


WEIGHTS = np.random.default_rng(5).integers(-60, 90, (12, 12))
OUTSIDE = {
    "b is recurrent: currents in flight survive a reset": with_connection(
        nd.Connection("b", "b", nd.Dense(WEIGHTS[:7, :7]), feedback=True)
    ),
    "a is delayed: currents in flight survive a reset": chain(
        nd.Dense(WEIGHTS[:, :9], np.arange(12, dtype=np.int8).reshape(12, 1) % 5)
    ),
    "b is reached over paths of different length, on which samples mix": with_connection(
        nd.Connection("x", "b", nd.Dense(WEIGHTS[:7, :9]))
    ),
    "d and e are not cleared by a reset: a sample begins in the state that the one before left": (
        sigma_delta()
    ),
}


@pytest.mark.parametrize("reason", OUTSIDE)
def test_each_condition_has_a_counter_example(reason: str) -> None:
    found = equivalence(OUTSIDE[reason])
    assert (found.holds, found.reason) == (False, reason)
    assert differing(OUTSIDE[reason], found.reset_offset) > 0


def test_a_negative_threshold_is_left_to_the_stream() -> None:
    found = equivalence(chain(threshold=-1))
    assert (found.holds, found.reason) == (
        False, "a spikes without input: a threshold is below 0",
    )  # fmt: skip


def test_biases_and_initial_need_the_reset() -> None:
    assert equivalence(chain()).needs_reset is False
    biased, started = equivalence(chain(bias=3)), equivalence(chain(initial=-70))
    assert biased.holds and biased.needs_reset and biased.reason.startswith("a has biases that act")
    assert started.holds and started.needs_reset
    assert started.reason.startswith("a starts above or below 0, before the first data")


def test_the_offset_is_0_where_an_input_block_comes_first() -> None:
    assert equivalence(sigma_delta()).reset_offset == 0
    assert equivalence(chain()).reset_offset == 1


def test_arrivals_are_the_leads_of_a_plan() -> None:
    for seed in range(60):
        program = random_program(np.random.default_rng(seed))
        stages = prepare(program, RunOptions(timing="pipelined")).stages
        found = arrivals(program)
        assert [(s.depth, s.lead) for s in stages] == [
            (found[name].depth, found[name].lead) for name in program.names
        ]
