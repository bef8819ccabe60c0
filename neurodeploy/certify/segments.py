"""What a neuron of the first layer sends, as a function of the one integer that drives it.

Where all columns of a sample are equal, so is the current of a neuron in every step, and its spike
train is a function of that current. As long as u does not wrap and gains are not negative, v is
monotone in it among currents with the same spikes so far; so each step cuts a range of currents in
two at most, where the spike begins, and bisection finds the place with the simulator's arithmetic.

Source: this project. Exact per neuron, decays, bias, ``initial``, resets and saturation included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds.interval import Interval
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, IntArray, M, tz
from neurodeploy.neuron import CubaLif
from neurodeploy.sim.dynamics import fresh_state, update
from neurodeploy.sim.plan import Stage

MAX_SEGMENTS = 512
"""Most spike trains of one neuron that are told apart."""
UNIT = 1 << MANTISSA_SHIFT


@dataclass(frozen=True, eq=False)
class Segments:
    """The spike trains of every neuron over a range of currents.

    start : int64 ``(segments, neurons)``, the smallest current of each, rising; the last ones of a
    neuron repeat its last. end : int64 ``(neurons,)``, the largest current. train : uint8
    ``(segments, T, neurons)``, the spikes from that current on.
    """

    start: IntArray
    end: IntArray
    train: NDArray[np.uint8]

    def reached(self, current: Interval) -> tuple[Interval, NDArray[np.bool_]]:
        """Return the numbers of the first and last segment, and whether both ends are covered.

        current : ``(batch, neurons)``. Of a current outside the range the nearest segment is given.
        """
        low, high = (self._number(a) for a in (current.low, current.high))
        inside = (current.low >= self.start[0]) & (current.high <= self.end)
        return Interval(low, high), inside

    def _number(self, current: IntArray) -> IntArray:
        number = np.zeros(current.shape, np.int64)
        for start in self.start[1:]:
            number += current >= start
        return number

    def values(self, weights: IntArray) -> IntArray:
        """Return ``sum_t weights[t] * train[t]``, int64 ``(segments, neurons)``."""
        return np.asarray(np.tensordot(self.train, weights, axes=(1, 0)))


class Extremes:
    """Smallest and largest of some values over runs of segments, two looks for each run."""

    def __init__(self, values: IntArray) -> None:
        self._low, self._high = [values], [values]
        width = 1
        while 2 * width <= len(values):
            for table, pick in ((self._low, np.minimum), (self._high, np.maximum)):
                table.append(pick(table[-1][:-width], table[-1][width:]))
            width *= 2

    def over(self, run: Interval) -> Interval:
        """Return the extremes of each neuron over the segments ``run``, ``(batch, neurons)``."""
        neurons = np.arange(run.low.shape[1])
        level = np.frexp(run.high - run.low + 1)[1] - 1
        low = np.empty(run.low.shape, np.int64)
        high = np.empty(run.low.shape, np.int64)
        for width in np.unique(level):
            at = level == width
            column = np.broadcast_to(neurons, at.shape)[at]
            first, last = run.low[at], run.high[at] - (1 << int(width)) + 1
            for result, table, pick in (
                (low, self._low[width], np.minimum),
                (high, self._high[width], np.maximum),
            ):
                result[at] = pick(table[first, column], table[last, column])
        return Interval(low, high)


def segments_of(stage: Stage, reach: Interval, steps: int) -> Segments | None:
    """Return the segments of the population of ``stage`` over ``steps`` equal columns.

    reach : int64 ``(neurons,)``, the currents that can come; those that would wrap u are left out.

    None for a neuron to which the argument does not apply, and for too many segments.
    """
    neuron = stage.population.neuron
    if not isinstance(neuron, CubaLif) or neuron.moving_threshold:
        return None
    if not _monotone(neuron, steps):
        return None
    range_ = _without_wrap(neuron, reach.reshape(*stage.population.shape), steps)
    if (range_.low > range_.high).any():
        return None
    return _cut(neuron, range_, steps)


def _monotone(neuron: CubaLif, steps: int) -> bool:
    decays = np.concatenate([np.ravel(neuron.current_decay), np.ravel(neuron.voltage_decay)])
    gains = np.zeros(1) if neuron.gain is None else neuron.gain[:steps]
    return bool(((decays >= 0) & (decays <= DECAY_ONE)).all() and (gains >= 0).all())


def _without_wrap(neuron: CubaLif, reach: Interval, steps: int) -> Interval:
    """Return the part of ``reach`` whose u stays within 24 bits; u grows with the current."""
    ends = []
    for sign, end in ((-1, reach.low), (1, reach.high)):
        most: IntArray = np.maximum(sign * end, 0)
        good, bad = np.zeros_like(most), most + 1
        while (bad - good > 1).any():
            middle = (good + bad) // 2
            held = _holds(neuron, sign * middle, steps)
            good, bad = np.where(held, middle, good), np.where(held, bad, middle)
        ends.append(sign * good)
    return Interval(np.maximum(ends[0], reach.low), np.minimum(ends[1], reach.high))


def _holds(neuron: CubaLif, current: IntArray, steps: int) -> NDArray[np.bool_]:
    """Whether u stays within 24 bits, and within 32 before it is folded."""
    keep = DECAY_ONE - neuron.current_decay.astype(np.int64)
    u, held = np.zeros_like(current), np.ones(current.shape, np.bool_)
    for step in range(steps):
        drive = current * _gain(neuron, step)
        u = tz(np.clip(u, 1 - M, M) * keep) + drive
        held &= (np.abs(drive) < 2**31) & (u > -M) & (u <= M)
    return held


def _gain(neuron: CubaLif, step: int) -> int:
    return UNIT if neuron.gain is None or step >= len(neuron.gain) else int(neuron.gain[step])


def _cut(neuron: CubaLif, reach: Interval, steps: int) -> Segments | None:
    """Cut the range of every neuron at each step where its spike begins."""
    low, high = reach.low[None], reach.high[None]
    for step in range(steps):
        ends = [_trains(neuron, a, step + 1)[:, step] for a in (low, high)]
        first = _first(neuron, low, high, ends[1], step)
        cuts = (ends[0] != ends[1]) & (low < high)
        low = np.concatenate([low, np.where(cuts, first, low)])
        high = np.concatenate([np.where(cuts, first - 1, high), high])
        low, high = _ordered(low, high)
        if len(low) > MAX_SEGMENTS:
            return None
    train = _trains(neuron, low, steps)
    count = len(low)
    return Segments(
        low.reshape(count, -1),
        reach.high.reshape(-1),
        train.astype(np.uint8).reshape(count, steps, -1),
    )


def _first(
    neuron: CubaLif, low: IntArray, high: IntArray, fires: NDArray[np.bool_], step: int
) -> IntArray:
    """Return the smallest current from ``low`` to ``high`` that fires at ``step``."""
    below, at = low.copy(), high.copy()
    while (fires & (at - below > 1)).any():
        middle = (below + at) // 2
        spikes = _trains(neuron, middle, step + 1)[:, step]
        below, at = np.where(spikes, below, middle), np.where(spikes, middle, at)
    return at


def _ordered(low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """Sort each neuron's ranges, move repeated ones to the end, drop rows that only repeat."""
    order = np.argsort(low, axis=0, kind="stable")
    low, high = (np.take_along_axis(part, order, axis=0) for part in (low, high))
    repeated = np.zeros(low.shape, np.bool_)
    repeated[1:] = low[1:] == low[:-1]
    order = np.argsort(repeated, axis=0, kind="stable")
    low, high = (np.take_along_axis(part, order, axis=0) for part in (low, high))
    repeated = np.take_along_axis(repeated, order, axis=0)
    kept = int((~repeated).sum(axis=0).max())
    counts = (~repeated).sum(axis=0)
    last = np.take_along_axis(low, counts[None] - 1, axis=0)
    end = np.take_along_axis(high, counts[None] - 1, axis=0)
    low, high = np.where(repeated, last, low), np.where(repeated, end, high)
    return low[:kept], high[:kept]


def _trains(neuron: CubaLif, current: IntArray, steps: int) -> NDArray[np.bool_]:
    """Return the spikes of neurons under constant currents, ``(rows, steps, *shape)``."""
    state = fresh_state(neuron, len(current), current.shape[1:])
    given: Mapping[str, IntArray] = {"a": current, "bias": np.zeros_like(current)}
    return np.stack([update(neuron, state, given, step) > 0 for step in range(steps)], axis=1)
