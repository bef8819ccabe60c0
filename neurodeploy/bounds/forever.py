"""Bounds for any number of steps from rest, resets at any time included.

Populations are taken in order, each with the hull of what it may ever receive. An interval of its
states that holds the states at rest, and that the interval step maps into itself, holds for ever:
`neurodeploy.bounds.invariants` proposes one, the step decides. Where it does not hold, the state is
taken to have any value before a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.bounds.drive import Drive
from neurodeploy.bounds.interval import Flags, Interval, fits, interval, wrap
from neurodeploy.bounds.invariants import INVARIANTS, steps_apart
from neurodeploy.bounds.neurons import INTERVAL_STEPS
from neurodeploy.bounds.record import Bounds, PopulationBounds, frozen, frozen_flags
from neurodeploy.bounds.stepped import Stepped
from neurodeploy.bounds.steps import at_rest
from neurodeploy.errors import located
from neurodeploy.frozen import FrozenMapping
from neurodeploy.neuron import Neuron
from neurodeploy.record import INT32_MAX, INT32_MIN
from neurodeploy.sim.plan import Plan, Stage

PASSES = 3
"""Rounds through a network with feedback; one is enough without."""
NARROWINGS = 3
"""Steps that tighten an interval that holds."""
ANY = 2**34
"""Beyond every state, the length of a resonator included."""


@dataclass(frozen=True)
class _Ports:
    """What may arrive at each port in any column."""

    currents: dict[str, Interval]
    wraps: dict[str, Flags]


def bound_forever(plan: Plan, inputs: Sequence[Interval]) -> Bounds:
    """Bound every state in all columns; inputs ``(batch, size)`` hold in every column."""
    batch = len(inputs[0].low)
    drives = [Drive(plan, edge) for edge in plan.edges]
    sent = [_anything(stage, batch) for stage in plan.stages]
    found: dict[str, PopulationBounds] = {}
    for _ in range(PASSES if plan.has_feedback else 1):
        for stage in plan.stages:
            messages = [(inputs if e.from_input else sent)[e.source] for e in stage.incoming]
            ports = _ports(stage, drives, messages, batch)
            with located(f"population {stage.population.name}"):
                stepped = _settle(stage, ports, batch)
            sent[stage.index] = stepped.sent.reshape(batch, -1)
            found[stage.population.name] = _bounds(stage, stepped, ports)
    return Bounds(plan.program.digest, None, FrozenMapping(found))


def _anything(stage: Stage, batch: int) -> Interval:
    """Return every message that the population's neurons can send."""
    neuron, shape = stage.population.neuron, (batch, stage.population.size)
    low, high = (INT32_MIN, INT32_MAX) if neuron.graded else (0, int(neuron.spikes))
    return Interval(np.full(shape, low, np.int64), np.full(shape, high, np.int64))


def _ports(
    stage: Stage, drives: Sequence[Drive], messages: Sequence[Interval], batch: int
) -> _Ports:
    """Sum the currents of all connections and delays; before the first arrives, each is 0."""
    shape = (batch, *stage.population.shape)
    ports = _Ports({}, {})
    for port in stage.population.neuron.ports:
        total, wraps = interval(np.zeros(shape, np.int64)), np.zeros(shape, np.bool_)
        for edge, sent in zip(stage.incoming, messages, strict=True):
            for part in drives[edge.index](sent) if edge.port == port else ():
                current = part.current.reshape(*shape)
                late = edge.latency + part.delay > 0
                total = total + (current.hull(0) if late else current)
                wraps |= part.wraps.reshape(shape)
        ports.currents[port] = wrap(total, 32)
        ports.wraps[port] = wraps | ~fits(total, 32)
    return ports


def _settle(stage: Stage, ports: _Ports, batch: int) -> Stepped:
    """Return one step from an interval of states that holds for ever."""
    population = stage.population
    neuron, shape = population.neuron, (batch, *population.shape)
    rest = at_rest(neuron, batch, population.shape)
    proposed = INVARIANTS.of(neuron)(neuron, rest, ports.currents)
    states = {name: _spread(value, shape) for name, value in proposed.items()}
    after = _step(neuron, states, ports).states
    stays = np.ones(shape, np.bool_)
    for name, value in states.items():
        stays &= value.holds(after[name])
        if name in rest:
            stays &= value.holds(rest[name])
    states = {
        name: Interval(np.where(stays, value.low, -ANY), np.where(stays, value.high, ANY))
        for name, value in states.items()
    }
    for _ in range(NARROWINGS):
        after = _step(neuron, states, ports).states
        states = {n: after[n].hull(rest[n]) if n in rest else after[n] for n in states}
    return _step(neuron, states, ports)


def _spread(value: Interval, shape: tuple[int, ...]) -> Interval:
    return Interval(np.broadcast_to(value.low, shape), np.broadcast_to(value.high, shape))


def _step(neuron: Neuron, states: dict[str, Interval], ports: _Ports) -> Stepped:
    """Return the hull of one step over all steps of a sample."""
    rule = INTERVAL_STEPS.of(neuron)
    found = rule(neuron, states, ports.currents, -1)
    for step in steps_apart(neuron):
        found = _joined(found, rule(neuron, states, ports.currents, step))
    return found


def _joined(one: Stepped, two: Stepped) -> Stepped:
    return Stepped(
        one.sent.hull(two.sent),
        {name: value.hull(two.states[name]) for name, value in one.states.items()},
        {name: value.hull(two.wide[name]) for name, value in one.wide.items()},
        {name: flags | two.overflow[name] for name, flags in one.overflow.items()},
    )


def _bounds(stage: Stage, stepped: Stepped, ports: _Ports) -> PopulationBounds:
    states = {"s": stepped.sent, **stepped.states}
    overflow = dict(stepped.overflow)
    for port, wraps in ports.wraps.items():
        overflow[port] = overflow[port] | wraps if port in overflow else wraps
    return PopulationBounds(
        stage.population.name,
        stage.population.shape,
        frozen({name: states[name] for name in stage.population.neuron.variables}),
        frozen(stepped.wide),
        frozen_flags(overflow),
    )
