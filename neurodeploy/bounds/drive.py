"""Currents of one connection for intervals of messages.

With ``c = low + high`` and ``r = high - low`` of the messages, the ends of ``W m`` are
``(W c -+ |W| r) / 2``: two products, in float64 where no sum reaches 2^53, in int64 beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds.interval import Flags, Interval, fits, wrap
from neurodeploy.fixedpoint import IntArray
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.sim.reference import convolve
from neurodeploy.synapse import Conv2d, Dense

FLOAT_EXACT, INT_EXACT = 2**53, 2**62
Sums = list[tuple[int, Interval | None]]
"""Per delay, the sums of weights times messages before any wrap; None where int64 is too narrow."""


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
        self._sums = _sums(plan, edge)
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


def _sums(plan: Plan, edge: Edge) -> Callable[[Interval], Sums]:
    """Return the function from messages to sums, with its weights ready."""
    weight, synapse = edge.weight, edge.synapse
    if weight is None:
        return lambda m: [(0, m)]
    if isinstance(synapse, Conv2d):
        return _convolution(plan, edge, weight)
    delay = synapse.delay if isinstance(synapse, Dense) else None
    if delay is not None:
        return _delayed(weight, delay)
    product = _Product(weight)
    return lambda m: [(0, product(m))]


def _convolution(plan: Plan, edge: Edge, weight: NDArray[np.int64]) -> Callable[[Interval], Sums]:
    shape = plan.program.node(plan.program.connections[edge.index].source).shape
    absolute = replace(edge, given=np.abs(weight))
    reach = int(np.abs(weight).reshape(len(weight), -1).sum(axis=1).max())

    def convolved(m: Interval) -> Sums:
        if _beyond(m, reach, INT_EXACT):
            return [(0, None)]
        centre = convolve((m.low + m.high).reshape(-1, *shape), edge)
        radius = convolve((m.high - m.low).reshape(-1, *shape), absolute)
        return [(0, _halved(centre, radius))]

    return convolved


def _delayed(weight: NDArray[np.int64], delay: NDArray[np.int8]) -> Callable[[Interval], Sums]:
    """Delays by row share one product, others have one each; every product wraps on its own."""
    largest, delays = int(np.abs(weight).max()), [int(d) for d in np.unique(delay)]
    if delay.shape[1] == 1:
        whole = _Product(weight)

        def by_row(m: Interval) -> Sums:
            wide = None if _beyond(m, largest, 2**31) else whole(m)
            masks = ((d, delay[:, 0] == d) for d in delays)
            if wide is None:
                return [(d, None) for d in delays]
            return [(d, Interval(wide.low * mask, wide.high * mask)) for d, mask in masks]

        return by_row
    full = np.broadcast_to(delay, weight.shape)
    products = [(d, _Product(weight * (full == d))) for d in delays]

    def freely(m: Interval) -> Sums:
        wide = _beyond(m, largest, 2**31)
        return [(d, None if wide else product(m)) for d, product in products]

    return freely


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
