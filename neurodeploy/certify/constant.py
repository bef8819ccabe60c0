"""Segment bounds: a first layer under equal columns, exact neuron by neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds import bound
from neurodeploy.bounds.drive import Drive
from neurodeploy.bounds.interval import Interval, interval
from neurodeploy.certificates.claims import known
from neurodeploy.certify.boxes import CHUNK_BYTES, margins_of
from neurodeploy.certify.segments import Extremes, Segments, segments_of
from neurodeploy.certify.tail import Tail, tail_of
from neurodeploy.certify.weights import Single, driving, matrix
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import Direct, Domain, Encoder
from neurodeploy.program import Input, Program
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Edge, Plan, Stage, prepare

Integers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rest:
    """The network behind its first layer, whose spikes are its input."""

    plan: Plan
    tail: Tail | None


@dataclass(frozen=True, eq=False)
class Constant:
    """The segment method.

    tail : where the first layer feeds the read-out itself. rest : where it feeds more layers.
    """

    plan: Plan
    stage: Stage
    steps: int
    segments: Segments
    drives: tuple[Drive | Single, ...]
    tail: Tail | None
    rest: Rest | None

    @property
    def exact(self) -> bool:
        """Whether nothing but the box over neurons is lost, so that intervals find no more."""
        return self.tail is not None

    def margins(self, data: Presentation, steps: int) -> tuple[Integers, NDArray[np.bool_]]:
        """Return the smallest margins, int64 ``(samples,)``, and where the method applies."""
        if self.tail is not None:
            return self._at_the_read_out(self.tail, *self._reached(data, steps), data.y)
        chunk = max(1, CHUNK_BYTES // (64 * self.steps * self.plan.program.neurons))
        rows = [np.arange(k, min(k + chunk, len(data))) for k in range(0, len(data), chunk)]
        parts = [self._through_the_rest(data.take(some), steps) for some in rows]
        found, applies = (np.concatenate(part) for part in zip(*parts, strict=True))
        return found, applies

    def corners(self, data: Presentation, steps: int) -> Integers:
        """Return for each sample the corner of its ball that lowers the nearest margin most.

        Along the weights: of the class that comes nearest, every neuron's contribution is taken to
        grow with its current.
        """
        low, high = data.ball(slice(None), steps)
        towards = self._slopes(data, steps)
        at = np.where(towards > 0, low.reshape(len(low), -1), high.reshape(len(high), -1))
        return np.asarray(at.reshape(data.x.shape), data.x.dtype)

    def current(self, data: Presentation, steps: int) -> tuple[Interval, NDArray[np.bool_]]:
        """Return the currents within the balls, ``(samples, neurons)``, and where none wraps."""
        encoder = cast(Direct, data.encoder)
        ends = (encoder.values(end).reshape(len(data), -1) for end in data.ball(slice(None), steps))
        return self._driven(Interval(*(end.astype(np.int64) for end in ends)))

    def _driven(self, level: Interval) -> tuple[Interval, NDArray[np.bool_]]:
        total, holds = interval(0), np.ones(len(level.low), np.bool_)
        for drive in self.drives:
            (part,) = drive(level)
            total = total + part.current
            holds &= ~part.wraps.any(axis=1)
        return total, holds

    def _reached(self, data: Presentation, steps: int) -> tuple[Interval, NDArray[np.bool_]]:
        current, holds = self.current(data, steps)
        run, inside = self.segments.reached(current)
        return run, holds & inside.all(axis=1)

    def _at_the_read_out(
        self, tail: Tail, run: Interval, applies: NDArray[np.bool_], label: Integers
    ) -> tuple[Integers, NDArray[np.bool_]]:
        counts = self.segments.values(np.ones(self.steps, np.int64))
        applies = applies & tail.safe(Extremes(counts).over(run).high)
        k = Extremes(self.segments.values(tail.weights)).over(run)
        found = tail.margins(k, label).min(axis=1)
        return np.where(applies, found, -1), applies

    def _through_the_rest(
        self, data: Presentation, steps: int
    ) -> tuple[Integers, NDArray[np.bool_]]:
        assert self.rest is not None
        run, applies = self._reached(data, steps)
        shape = self.stage.population.shape
        every = [Extremes(self.segments.train[:, t].astype(np.int64)) for t in range(self.steps)]
        spikes = [one.over(run) for one in every]
        low, high = (
            np.stack([getattr(s, end) for s in spikes], axis=1)
            .reshape(len(data), self.steps, *shape)
            .astype(np.int32)
            for end in ("low", "high")
        )
        found = bound(self.rest.plan, low, high, steps=self.steps)
        margin = margins_of(self.rest.plan, self.rest.tail, found, data.y)
        return np.where(applies, margin, -1), applies

    def _slopes(self, data: Presentation, steps: int) -> Integers:
        """Return how the margin over the nearest class moves with each datum, by sign."""
        size = int(np.prod(data.x.shape[1:]))
        if self.tail is None:
            return np.zeros((len(data), size))
        run, _ = self._reached(data, steps)
        k = Extremes(self.segments.values(self.tail.weights)).over(run)
        nearest = self.tail.margins(k, data.y).argmin(axis=1)
        along = (self.tail.rows[data.y] - self.tail.rows[nearest]) * (k.high > k.low)
        weight = sum(matrix(self.plan, drive.edge) for drive in self.drives)
        return np.asarray(along.astype(np.float64) @ weight)


def constant_of(plan: Plan, encoder: Encoder, domain: Domain, steps: int) -> Constant | None:
    """Return the segment method for ``plan`` over ``steps`` columns, None where it cannot be used.

    It takes a direct encoder without a gap inside the columns, one first layer of `CubaLif` that
    nothing but the input drives, and a network behind it that the input does not reach.
    """
    first = [stage for stage in plan.stages if any(e.from_input for e in stage.incoming)]
    if not isinstance(encoder, Direct) or steps > encoder.steps or len(first) != 1:
        return None
    stage = first[0]
    if not all(_immediate(edge) for edge in stage.incoming):
        return None
    ends = encoder.values(np.array([domain.low, domain.high])).astype(np.int64)
    largest = int(np.abs(ends).max())
    drives = tuple(driving(plan, edge, largest) for edge in stage.incoming)
    size = plan.program.inputs[0].size
    whole = Interval(*(np.full((1, size), end) for end in ends))
    parts = [drive(whole)[0].current for drive in drives]
    reach = Interval(sum(p.low[0] for p in parts), sum(p.high[0] for p in parts))
    segments = segments_of(stage, reach, steps)
    tail, rest = tail_of(plan, steps), None
    if tail is None or tail.source != stage.index:
        tail, rest = None, _rest(plan, stage, steps)
    if segments is None or (tail is None and rest is None):
        return None
    return Constant(plan, stage, steps, segments, drives, tail, rest)


def _immediate(edge: Edge) -> bool:
    return edge.from_input and edge.port == "a" and not edge.latency and not edge.synapse.max_delay


def _rest(plan: Plan, stage: Stage, steps: int) -> Rest | None:
    """Return the network behind ``stage``, None where the read-out is that stage itself."""
    program, name = plan.program, stage.population.name
    if program.readout.population == name or any(c.group for c in program.connections):
        return None
    behind = Program(
        inputs=(Input(name, stage.population.shape, 0),),
        populations=tuple(p for p in program.populations if p.name != name),
        connections=tuple(c for c in program.connections if c.target != name),
        readout=program.readout,
    )
    options = RunOptions(weights=plan.options.weights)
    if not known(behind):
        return None
    rest = prepare(behind, options)
    return Rest(rest, tail_of(rest, steps))
