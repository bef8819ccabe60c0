"""Arithmetic of integer intervals: the smallest interval that holds every result of a rule.

Each function is the twin of one of `neurodeploy.fixedpoint`. Arrays are int64 and broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import IntArray, M
from neurodeploy.fixedpoint import saturate as saturated
from neurodeploy.fixedpoint import tz as truncated

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """The integers from ``low`` to ``high``, both included, for each element of two arrays."""

    low: NDArray[Any]
    high: NDArray[Any]

    def __add__(self, other: Interval | IntArray) -> Interval:
        """Return ``[low + low', high + high']``."""
        other = interval(other)
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval | IntArray) -> Interval:
        """Return ``[low - high', high - low']``."""
        other = interval(other)
        return Interval(self.low - other.high, self.high - other.low)

    def __rshift__(self, bits: int) -> Interval:
        """Return the interval shifted right with floor, which is monotone."""
        return Interval(self.low >> bits, self.high >> bits)

    def __lshift__(self, bits: int) -> Interval:
        return Interval(self.low << bits, self.high << bits)

    def reshape(self, *shape: int) -> Interval:
        """Return both ends in another shape."""
        return Interval(self.low.reshape(*shape), self.high.reshape(*shape))

    def hull(self, other: Interval | IntArray | int) -> Interval:
        """Return the smallest interval that holds both."""
        other = interval(other)
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def within(self, low: Any, high: Any) -> Flags:
        """Whether every value lies in ``low..high``."""
        return np.asarray((self.low >= low) & (self.high <= high))

    def holds(self, other: Interval | IntArray) -> Flags:
        """Whether every value of ``other`` lies in this interval."""
        other = interval(other)
        return np.asarray((other.low >= self.low) & (other.high <= self.high))

    def over_time(self) -> Interval:
        """Return the hull over the second axis, the steps."""
        return Interval(self.low.min(axis=1), self.high.max(axis=1))

    @property
    def magnitude(self) -> IntArray:
        """Largest absolute value."""
        largest: IntArray = np.maximum(np.abs(self.low), np.abs(self.high))
        return largest


def interval(value: Interval | IntArray | int) -> Interval:
    """Return ``value`` as an interval; a number is the interval that holds it alone."""
    if isinstance(value, Interval):
        return value
    array = np.asarray(value, np.int64)
    return Interval(array, array)


def scale(value: Interval, factor: IntArray | int) -> Interval:
    """Return ``factor * value``; the ends change places where the factor is negative."""
    low, high = value.low * factor, value.high * factor
    return Interval(np.minimum(low, high), np.maximum(low, high))


def tz(value: Interval) -> Interval:
    """Return ``value / 4096`` rounded toward zero, which is monotone."""
    return Interval(truncated(value.low), truncated(value.high))


def wrap(value: Interval, bits: int) -> Interval:
    """Wrap to ``bits`` bits: a shift by one multiple of 2^bits, or the whole range.

    Where both ends lie in the same period all values move together; elsewhere some value comes out
    at either end of the range.
    """
    half = np.int64(1) << np.int64(bits - 1)
    first, last = (value.low + half) >> bits, (value.high + half) >> bits
    if not first.any() and not last.any():
        return value
    same = first == last
    return Interval(
        np.where(same, value.low - (first << bits), -half),
        np.where(same, value.high - (last << bits), half - 1),
    )


def fits(value: Interval, bits: int) -> Flags:
    """Whether no value is changed by wrapping to ``bits`` bits."""
    half = 1 << (bits - 1)
    return value.within(-half, half - 1)


def correct_once(value: Interval) -> Interval:
    """Fold u back by 2^24 once: the hull of the three pieces into which the limits cut.

    Pieces: up to -M (moved up by 2^24), -M + 1 to M (as it is), above M (moved down by 2^24).
    """
    if bool(value.within(1 - M, M).all()):
        return value
    below = value.low <= -M, value.low + 2 * M, np.minimum(value.high, -M) + 2 * M
    inside = (
        (value.low <= M) & (value.high > -M),
        np.maximum(value.low, 1 - M),
        np.minimum(value.high, M),
    )
    above = value.high > M, np.maximum(value.low, M + 1) - 2 * M, value.high - 2 * M
    far = np.int64(2**62)
    pieces = (below, inside, above)
    low = np.minimum.reduce([np.where(there, start, far) for there, start, _ in pieces])
    high = np.maximum.reduce([np.where(there, end, -far) for there, _, end in pieces])
    return Interval(low, high)


def saturate(value: Interval) -> Interval:
    """Clamp to [-(M-1), M-1], which is monotone."""
    return Interval(saturated(value.low), saturated(value.high))


def either(may_first: Flags, first: Interval, may_second: Flags, second: Interval) -> Interval:
    """Return the hull of those of two outcomes that may happen; at least one may."""
    both = may_first & may_second
    return Interval(
        np.where(
            both, np.minimum(first.low, second.low), np.where(may_first, first.low, second.low)
        ),
        np.where(
            both, np.maximum(first.high, second.high), np.where(may_first, first.high, second.high)
        ),
    )
