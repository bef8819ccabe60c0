"""Interval bounds: the columns as a box, every state of every step as an interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import windowed
from neurodeploy.answers.runner import fitted
from neurodeploy.bounds import Bounds, bound
from neurodeploy.certify.tail import Tail, tail_of
from neurodeploy.data.presentation import Presentation
from neurodeploy.fixedpoint import M
from neurodeploy.sim.plan import Plan

CHUNK_BYTES = 1 << 26
"""Memory that the intervals of a chunk of boxes may take."""


class Boxes:
    """The interval method for ``plan`` over ``steps`` columns."""

    def __init__(self, plan: Plan, steps: int) -> None:
        self.plan, self.steps = plan, steps
        self.tail = tail_of(plan, steps)
        states = sum(len(p.neuron.variables) * p.size for p in plan.program.populations)
        inputs = sum(node.size for node in plan.program.inputs)
        self.chunk = max(1, CHUNK_BYTES // (16 * steps * (states + inputs)))

    def margins(self, data: Presentation, steps: int) -> NDArray[np.int64]:
        """Return the smallest margin within ``steps`` of each datum, int64 ``(samples,)``."""
        parts = [np.empty(0, np.int64)]
        for start in range(0, len(data), self.chunk):
            rows = slice(start, min(start + self.chunk, len(data)))
            low, high = (fitted(end, self.steps) for end in data.ends(rows, steps))
            found = bound(self.plan, low, high, steps=self.steps)
            parts.append(margins_of(self.plan, self.tail, found, data.y[rows]))
        return np.concatenate(parts)


def margins_of(
    plan: Plan, tail: Tail | None, found: Bounds, label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the smallest ``score[label] - score[j]`` over all j, int64 ``(batch,)``.

    Pair by pair where the read-out is a `Tail` and nothing in it can wrap or saturate, else from
    the bounds of the scores themselves. What may wrap in a sum of weights proves nothing.
    """
    margin = _plain(plan, found, label)
    if tail is not None:
        spikes = found[plan.stages[tail.source].population.name].s
        most = spikes.high.sum(axis=1).reshape(len(label), -1)
        better = tail.margins(tail.contribution(spikes), label).min(axis=1)
        margin = np.where(tail.safe(most), better, margin)
    return np.where(_wraps(plan, found), -1, margin)


def _wraps(plan: Plan, found: Bounds) -> NDArray[np.bool_]:
    """Whether a sum may wrap on its way into some population, or u leave 32 bits, ``(batch,)``."""
    flags: list[NDArray[np.bool_]] = []
    for stage in plan.stages:
        own = found[stage.population.name]
        flags += [own.overflow[edge.port] for edge in stage.incoming]
        flags += [own.wide["u"].magnitude >= 2**31 - 2 * M] if "u" in own.wide else []
    return np.asarray(np.any([f.reshape(len(f), -1).any(axis=1) for f in flags], axis=0))


def _plain(plan: Plan, found: Bounds, label: NDArray[np.int64]) -> NDArray[np.int64]:
    readout = plan.program.readout
    values = found[readout.population].variables[readout.variable]
    low, high = (windowed(plan.program, part) for part in (values.low, values.high))
    rows = np.arange(len(label))
    own = low[rows, label]
    high[rows, label] = np.iinfo(np.int64).min
    return np.asarray(own - high.max(axis=1))
