"""Bounds over a number of steps from rest: the network's own order of steps, on intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neurodeploy.bounds.drive import Drive
from neurodeploy.bounds.interval import Flags, Interval, fits, interval, wrap
from neurodeploy.bounds.neurons import INTERVAL_STEPS
from neurodeploy.bounds.record import Bounds, PopulationBounds, frozen, frozen_flags
from neurodeploy.bounds.stepped import Stepped
from neurodeploy.errors import located
from neurodeploy.fixedpoint import IntArray
from neurodeploy.frozen import FrozenMapping
from neurodeploy.neuron import Neuron
from neurodeploy.sim.dynamics import fresh_state
from neurodeploy.sim.plan import Edge, Plan, Stage


def bound_steps(plan: Plan, inputs: Sequence[Interval], steps: int, extrema: bool) -> Bounds:
    """Bound every state in each of ``steps`` columns.

    inputs : per input ``(batch, steps, size)``, or ``(batch, 1, size)`` for one that holds in every
    column. extrema : keep the hull over all columns alone.
    """
    run = _Run(plan, len(inputs[0].low))
    records = [_Record(stage, extrema) for stage in plan.stages]
    for column in range(steps):
        given = [_column(data, column) for data in inputs]
        for record, (stepped, ports) in zip(records, run.advance(given), strict=True):
            record.take(stepped, ports)
    found = {record.population.name: record.result() for record in records}
    return Bounds(plan.program.digest, steps, FrozenMapping(found))


def _column(data: Interval, column: int) -> Interval:
    at = 0 if data.low.shape[1] == 1 else column
    return Interval(data.low[:, at], data.high[:, at])


def at_rest(neuron: Neuron, batch: int, shape: tuple[int, ...]) -> dict[str, Interval]:
    """Return the states before the first step, and after a reset: points."""
    found = fresh_state(neuron, batch, shape).variables
    return {name: interval(value) for name, value in found.items()}


class _Slots:
    """Currents under way over one edge, one slot per column; see `neurodeploy.sim.reference`."""

    def __init__(self, edge: Edge, batch: int, size: int) -> None:
        shape = (edge.latency + edge.synapse.max_delay + 1, batch, size)
        self.low, self.high = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.wraps = np.zeros(shape, np.bool_)

    def add(self, column: int, current: Interval, wraps: Flags) -> None:
        """Add a current that arrives in that column."""
        at = column % len(self.low)
        total = Interval(self.low[at], self.high[at]) + current
        self.wraps[at] |= wraps | ~fits(total, 32)
        held = wrap(total, 32)
        self.low[at], self.high[at] = held.low, held.high

    def collect(self, column: int) -> tuple[Interval, Flags]:
        """Take out what arrives in that column."""
        at = column % len(self.low)
        due = Interval(self.low[at].copy(), self.high[at].copy()), self.wraps[at].copy()
        self.low[at], self.high[at], self.wraps[at] = 0, 0, False
        return due


class _Run:
    """A network on intervals, column by column."""

    def __init__(self, plan: Plan, batch: int) -> None:
        self.plan, self.batch, self.column = plan, batch, 0
        self.drives = [Drive(plan, edge) for edge in plan.edges]
        sizes = [plan.stages[edge.target].population.size for edge in plan.edges]
        self.slots = [_Slots(e, batch, n) for e, n in zip(plan.edges, sizes, strict=True)]
        self.rest = [at_rest(s.population.neuron, batch, s.population.shape) for s in plan.stages]
        self.states: list[Mapping[str, Interval]] = [dict(states) for states in self.rest]

    def advance(self, inputs: Sequence[Interval]) -> list[tuple[Stepped, dict[str, Flags]]]:
        """Run one column; return what each population did, and where its ports may wrap."""
        for edge in self.plan.edges:
            if edge.from_input:
                self._send(edge, inputs[edge.source])
        found = []
        for stage in self.plan.stages:
            stepped, ports = self._step(stage)
            self.states[stage.index] = stepped.states
            flat = stepped.sent.reshape(self.batch, -1)
            for edge in stage.outgoing:
                self._send(edge, flat)
            found.append((stepped, ports))
        self.column += 1
        return found

    def _send(self, edge: Edge, messages: Interval) -> None:
        for part in self.drives[edge.index](messages):
            arrival = self.column + edge.latency + part.delay
            self.slots[edge.index].add(arrival, part.current, part.wraps)

    def _step(self, stage: Stage) -> tuple[Stepped, dict[str, Flags]]:
        population, interval_ = stage.population, self.plan.options.reset_interval
        neuron, shape = population.neuron, (self.batch, *population.shape)
        if neuron.resets and stage.is_reset(self.column, interval_):
            self.states[stage.index] = self.rest[stage.index]
        currents, ports = {}, {}
        for port in neuron.ports:
            total, wraps = interval(np.zeros(shape, np.int64)), np.zeros(shape, np.bool_)
            for edge in stage.incoming:
                if edge.port == port:
                    due, wrapped = self.slots[edge.index].collect(self.column)
                    wide = total + due.reshape(*shape)
                    wraps |= wrapped.reshape(shape) | ~fits(wide, 32)
                    total = wrap(wide, 32)
            currents[port], ports[port] = total, wraps
        step = stage.sample_step(self.column, interval_)
        with located(f"population {stage.population.name}"):
            rule = INTERVAL_STEPS.of(neuron)
        return rule(neuron, self.states[stage.index], currents, step), ports


class _Record:
    """Intervals of one population, gathered over the columns."""

    def __init__(self, stage: Stage, extrema: bool) -> None:
        self.population, self.extrema = stage.population, extrema
        self.columns: dict[str, list[Interval]] = {}
        self.wide: dict[str, Interval] = {}
        self.overflow: dict[str, Flags] = {}

    def take(self, stepped: Stepped, ports: Mapping[str, Flags]) -> None:
        """Take in one column."""
        states = {"s": stepped.sent, **stepped.states}
        for name in self.population.neuron.variables:
            kept = self.columns.setdefault(name, [])
            if self.extrema and kept:
                kept[0] = kept[0].hull(states[name])
            else:
                kept.append(states[name])
        for name, value in stepped.wide.items():
            self.wide[name] = self.wide[name].hull(value) if name in self.wide else value
        # A port and the state that it limits may share a name: "bias", "re" and "im".
        for name, flags in (*stepped.overflow.items(), *ports.items()):
            self.overflow[name] = self.overflow[name] | flags if name in self.overflow else flags

    def result(self) -> PopulationBounds:
        """Return the bounds of the population."""
        variables = {name: self._joined(kept) for name, kept in self.columns.items()}
        return PopulationBounds(
            self.population.name,
            self.population.shape,
            frozen(variables),
            frozen(self.wide),
            frozen_flags(self.overflow),
        )

    def _joined(self, kept: list[Interval]) -> Interval:
        if self.extrema:
            return kept[0]
        low: IntArray = np.stack([value.low for value in kept], axis=1)
        return Interval(low, np.stack([value.high for value in kept], axis=1))
