"""Currents of one connection for intervals of messages.

With ``c = low + high`` and ``r = high - low`` of the messages, the ends of ``W m`` are
``(W c -+ |W| r) / 2``: two products, in float64 where no sum reaches 2^53, in int64 beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds.interval import Flags, Interval, fits, wrap
from neurodeploy.errors import located
from neurodeploy.fixedpoint import IntArray
from neurodeploy.registry import ByType
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.sim.reference import convolve
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

FLOAT_EXACT, INT_EXACT = 2**53, 2**62
Shape = tuple[int, ...]
Sums = list[tuple[int, Interval | None]]
"""Per delay, the sums of weights times messages before any wrap; None where int64 is too narrow."""
Summing = Callable[[Interval], Sums]


@dataclass(frozen=True)
class Part:
    """A current, ``(batch, target size)``, that arrives ``delay`` steps late.

    wraps : where a sum may leave its width.
    """

    delay: int
    current: Interval
    wraps: Flags


class Drive:
    """The connection ``edge`` of ``plan`` on intervals; keeps its last answer."""

    def __init__(self, plan: Plan, edge: Edge) -> None:
        self.edge = edge
        self._size = plan.stages[edge.target].population.size
        source = plan.program.node(plan.program.connections[edge.index].source)
        with located(f"connection {edge.name}"):
            summing = SUMS.of(edge.synapse)
        self._sums = summing(edge.synapse, edge.weight, source.shape)
        self._delayed = getattr(edge.synapse, "delay", None) is not None
        self._seen: tuple[Interval, tuple[Part, ...]] | None = None

    def __call__(self, messages: Interval) -> tuple[Part, ...]:
        """Return the currents of ``messages``, ``(batch, source size)``, one part per delay."""
        if self._seen is not None and _equal(self._seen[0], messages):
            return self._seen[1]
        counted = events(messages) if self.edge.binary else messages
        batch = len(messages.low)
        parts = tuple(self._part(delay, wide, batch) for delay, wide in self._sums(counted))
        self._seen = messages, parts
        return parts

    def _part(self, delay: int, wide: Interval | None, batch: int) -> Part:
        """``wrap(sum) >> shift`` without delays, ``wrap(sum >> shift)`` with them."""
        bits, shift = self.edge.bits, self.edge.shift
        if wide is None:
            half = np.full((batch, self._size), 1 << (bits - 1))
            return Part(delay, Interval(-half, half - 1), np.ones(half.shape, np.bool_))
        if self._delayed:
            wide, shift = wide >> shift, 0
        return Part(delay, wrap(wide, bits) >> shift, ~fits(wide, bits))


def events(messages: Interval) -> Interval:
    """Return the interval of ``m != 0``, within 0 and 1."""
    surely = (messages.low > 0) | (messages.high < 0)
    maybe = (messages.low != 0) | (messages.high != 0)
    return Interval(surely.astype(np.int64), maybe.astype(np.int64))


def _equal(one: Interval, two: Interval) -> bool:
    same_low = one.low is two.low or np.array_equal(one.low, two.low)
    return same_low and (one.high is two.high or np.array_equal(one.high, two.high))


def _direct(synapse: Direct, weight: IntArray, source: Shape) -> Summing:
    return lambda m: [(0, m)]


def _convolution(synapse: Conv2d, weight: IntArray, source: Shape) -> Summing:
    absolute = np.abs(weight)
    reach = int(absolute.reshape(len(weight), -1).sum(axis=1).max())

    def convolved(m: Interval) -> Sums:
        if _beyond(m, reach, INT_EXACT):
            return [(0, None)]
        centre = convolve((m.low + m.high).reshape(-1, *source), synapse, weight)
        radius = convolve((m.high - m.low).reshape(-1, *source), synapse, absolute)
        return [(0, _halved(centre, radius))]

    return convolved


def _dense(synapse: Dense, weight: IntArray, source: Shape) -> Summing:
    if synapse.delay is None:
        product = _Product(weight)
        return lambda m: [(0, product(m))]
    by_row = synapse.delay.shape[1] == 1
    return (_delayed_rows if by_row else _delayed)(weight, synapse.delay)


def _delayed_rows(weight: IntArray, delay: NDArray[np.int8]) -> Summing:
    """One delay for a whole row: one product serves all; every weight times message may wrap."""
    largest, whole = int(np.abs(weight).max()), _Product(weight)
    masks = [(int(d), delay[:, 0] == d) for d in np.unique(delay)]

    def arriving(m: Interval) -> Sums:
        wide = None if _beyond(m, largest, 2**31) else whole(m)
        if wide is None:
            return [(d, None) for d, _ in masks]
        return [(d, Interval(wide.low * mask, wide.high * mask)) for d, mask in masks]

    return arriving


def _delayed(weight: IntArray, delay: NDArray[np.int8]) -> Summing:
    """One product for each delay, of the weights that have it."""
    largest, full = int(np.abs(weight).max()), np.broadcast_to(delay, weight.shape)
    products = [(int(d), _Product(weight * (full == d))) for d in np.unique(delay)]

    def arriving(m: Interval) -> Sums:
        wide = _beyond(m, largest, 2**31)
        return [(d, None if wide else product(m)) for d, product in products]

    return arriving


class _Product:
    """``W m`` on intervals of messages, None where a sum may leave int64."""

    def __init__(self, weight: NDArray[np.int64]) -> None:
        self.weight, self.absolute = weight.T, np.abs(weight).T
        self.reach = int(self.absolute.sum(axis=0).max())
        self.floats = self.weight.astype(np.float64), self.absolute.astype(np.float64)

    def __call__(self, m: Interval) -> Interval | None:
        if _beyond(m, self.reach, INT_EXACT):
            return None
        centre, radius = m.low + m.high, m.high - m.low
        if _beyond(m, self.reach, FLOAT_EXACT):
            return _halved(centre @ self.weight, radius @ self.absolute)
        of_centre = (centre.astype(np.float64) @ self.floats[0]).astype(np.int64)
        if not radius.any():
            return _halved(of_centre, np.zeros_like(of_centre))
        return _halved(of_centre, (radius.astype(np.float64) @ self.floats[1]).astype(np.int64))


def _beyond(m: Interval, reach: int, limit: int) -> bool:
    """Whether ``(|c| + r) * reach``, at most 4 times a sum, may reach ``limit``."""
    return 4 * int(m.magnitude.max(initial=0)) * reach >= limit


def _halved(centre: IntArray, radius: IntArray) -> Interval:
    """Return ``(centre -+ radius) / 2``, which is exact: both are of the same parity."""
    return Interval((centre - radius) >> 1, (centre + radius) >> 1)


SUMS: ByType[Callable[[Any, IntArray, Shape], Summing]] = ByType(
    "interval sum", Synapse, {Dense: _dense, Conv2d: _convolution, Direct: _direct}
)
"""``SUMS.of(synapse)(synapse, weight, source shape)``: messages to sums, with weights ready."""
