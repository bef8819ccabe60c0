"""When aligned and pipelined time give the same answers: the theorem and its counter-examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from generate import random_program

import neurodeploy as nd
from neurodeploy.neuron import CubaLif, HomeostaticLif
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare

ALL = ("s", "u", "v", "vth", "sigma", "act", "re", "im")
STEPS, SAMPLES = 7, 6


def stream(program: nd.Program, rng: np.random.Generator) -> dict[str, Any]:
    """Return ``SAMPLES`` samples of ``STEPS`` columns in one stream, 8-bit values or events."""
    return {
        node.name: rng.integers(0, 256 if node.message_bits else 2, (STEPS * SAMPLES, *node.shape))
        * (rng.random((STEPS * SAMPLES, *node.shape)) < 0.5)
        for node in program.inputs
    }


def mismatches(program: nd.Program, data: dict[str, Any], reset: bool) -> int:
    """Count values in which an aligned and a pipelined run differ, each from its first data.

    With ``reset`` the aligned run takes the samples one by one, each from a fresh state, and the
    pipelined one takes them as one stream.
    """
    aligned_options: dict[str, Any] = {"engine": "reference", "record": ALL}
    pipelined_options = aligned_options | {"timing": "pipelined"}
    leads = [stage.lead for stage in prepare(program, RunOptions(timing="pipelined")).stages]
    if reset:
        pipelined_options |= {"reset_interval": STEPS, "reset_offset": leads[0]}
    total = STEPS * SAMPLES
    pipelined_options |= {"steps": total + max(leads)}
    if reset:
        samples = {n: x.reshape(SAMPLES, STEPS, *x.shape[1:]) for n, x in data.items()}
        aligned = nd.simulate(program, samples, **aligned_options)
    else:
        aligned = nd.simulate(program, data, **aligned_options)
    pipelined = nd.simulate(program, data, **pipelined_options)
    return sum(
        int(
            np.count_nonzero(
                array.reshape(total, *array.shape[1 + reset :])
                != pipelined[name].arrays[variable][lead : lead + total]
            )
        )
        for name, lead in zip(program.names, leads, strict=True)
        for variable, array in aligned[name].arrays.items()
    )


def adapted(program: nd.Program, *, bias: bool) -> nd.Program:
    """Return ``program`` within the theorem: forward, no delays, thresholds >= 0.

    bias : keep biases and ``initial``.
    """
    populations = []
    for population in program.populations:
        changes: dict[str, Any] = {}
        neuron = population.neuron
        if isinstance(neuron, CubaLif):
            changes["threshold"] = np.abs(neuron.threshold)
        if isinstance(neuron, HomeostaticLif):
            changes |= {"low": 0}
        if not bias:
            changes |= {name: 0 for name in ("bias", "initial") if hasattr(neuron, name)}
        populations.append(replace(population, neuron=replace(neuron, **changes)))
    connections = [
        replace(c, synapse=nd.Dense(c.synapse.weight)) if isinstance(c.synapse, nd.Dense) else c
        for c in program.connections
        if not c.feedback
    ]
    return nd.Program(program.inputs, tuple(populations), tuple(connections), program.readout)


def is_chain(program: nd.Program) -> bool:
    """Whether every path to a population has the same length and starts at the same input."""
    forward = [c for c in program.connections if not c.feedback]
    sources: dict[str, set[str]] = {}
    for connection in forward:
        sources.setdefault(connection.target, set()).add(connection.source)
    return len(program.inputs) == 1 and all(len(found) == 1 for found in sources.values())


def chains(count: int, *, bias: bool) -> list[nd.Program]:
    result, seed = [], 0
    while len(result) < count:
        rng = np.random.default_rng(seed)
        program = adapted(random_program(rng, extreme=seed % 3 == 0), bias=bias)
        seed += 1
        if is_chain(program):
            result.append(program)
    return result


def is_cuba(program: nd.Program) -> bool:
    return all(isinstance(p.neuron, (CubaLif, nd.Integrator)) for p in program.populations)


def test_unbiased_feed_forward_programs_agree_without_reset() -> None:
    """Every neuron model, every state, on a stream of many samples."""
    programs = chains(60, bias=False)
    rng = np.random.default_rng(1)
    assert sum(mismatches(p, stream(p, rng), reset=False) for p in programs) == 0
    assert {type(q.neuron).__name__ for p in programs for q in p.populations} >= {
        "CubaLif", "HomeostaticLif", "Integrator", "Delta", "SigmaDelta", "Sigma",
        "ResonateFire", "ResonateFireIz",
    }  # fmt: skip


def test_biased_feed_forward_programs_agree_with_reset_at_each_sample() -> None:
    """Reset interval T; pipelined offset 1 where the first population has a synapse, else 0."""
    programs = [p for p in chains(120, bias=True) if is_cuba(p)]
    rng = np.random.default_rng(2)
    assert len(programs) > 30
    assert sum(mismatches(p, stream(p, rng), reset=True) for p in programs) == 0


def test_biased_programs_without_reset_differ() -> None:
    """A population integrates its bias while the pipeline fills; there is no bias in the input."""
    programs = [p for p in chains(60, bias=True) if is_cuba(p)]
    rng = np.random.default_rng(3)
    assert sum(mismatches(p, stream(p, rng), reset=False) for p in programs) > 100


def test_dense_first_programs_with_offset_0_lose_the_last_column_of_a_sample() -> None:
    """Lava's default offset is one step early where a synapse comes first."""
    program = next(p for p in chains(60, bias=True) if is_cuba(p) and len(p.populations) > 1)
    data = stream(program, np.random.default_rng(4))
    right = nd.simulate(
        program, data, engine="reference", timing="pipelined", reset_interval=7, reset_offset=1
    )
    early = nd.simulate(program, data, engine="reference", timing="pipelined", reset_interval=7)
    assert right.activity.differences(early.activity)


def layered(feedback: bool, skip: bool) -> nd.Program:
    rng = np.random.default_rng(5)
    lif = nd.CubaLif(1024, 256, 200)
    connections = [
        nd.Connection("x", "a", nd.Dense(rng.integers(-60, 90, (12, 10)))),
        nd.Connection("a", "b", nd.Dense(rng.integers(-60, 90, (8, 12)))),
    ]
    if feedback:
        weight = rng.integers(-60, 90, (12, 12))
        connections.append(nd.Connection("a", "a", nd.Dense(weight), feedback=True))
    if skip:
        connections.append(nd.Connection("x", "b", nd.Dense(rng.integers(-60, 90, (8, 10)))))
    populations = (nd.Population("a", (12,), lif), nd.Population("b", (8,), lif))
    return nd.Program((nd.Input("x", (10,)),), populations, tuple(connections), nd.Readout("b"))


def test_a_plain_layered_program_agrees() -> None:
    program = layered(feedback=False, skip=False)
    data = stream(program, np.random.default_rng(6))
    assert mismatches(program, data, reset=True) == 0
    assert nd.simulate(program, data, engine="reference").activity.spikes["b"].sum() > 0


@pytest.mark.parametrize("counter", ["feedback", "skip"])
def test_counter_examples_differ(counter: str) -> None:
    """Recurrent: the current in flight leaks into the next sample. Skip: paths differ in length."""
    program = layered(feedback=counter == "feedback", skip=counter == "skip")
    assert mismatches(program, stream(program, np.random.default_rng(7)), reset=True) > 0


def test_a_recurrent_program_agrees_on_a_single_sample() -> None:
    """Without a reset in the stream, feedback is one step later in both times."""
    program = layered(feedback=True, skip=False)
    data = stream(program, np.random.default_rng(8))
    assert mismatches(program, data, reset=False) == 0


def test_delays_agree_in_an_unbroken_stream_and_differ_across_samples() -> None:
    """Buffers survive a reset: a delayed current reaches into the next sample of a stream."""
    base = layered(feedback=False, skip=False)
    weight = base.connections[1].synapse.weight  # type: ignore[attr-defined]
    delayed = nd.Dense(weight, delay=np.arange(8)[:, None])
    program = nd.Program(
        base.inputs,
        base.populations,
        (base.connections[0], replace(base.connections[1], synapse=delayed)),
        base.readout,
    )
    data = stream(program, np.random.default_rng(9))
    assert mismatches(program, data, reset=False) == 0
    assert mismatches(program, data, reset=True) > 0
