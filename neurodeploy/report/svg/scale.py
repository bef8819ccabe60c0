"""Scales: from a value to its place on an axis, and the ticks of the axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

LABELS = 6
"""Most labels along x: so many fit a page of 390 px."""


@dataclass(frozen=True)
class Linear:
    """A linear axis from low to high. whole : ticks at whole numbers only."""

    low: float
    high: float
    whole: bool = False

    def place(self, value: float) -> float:
        """Return ``(value - low) / (high - low)``."""
        return (value - self.low) / ((self.high - self.low) or 1.0)

    def ticks(self, most: int = LABELS) -> list[tuple[float, str]]:
        """Return at most ``most`` values 1, 2 or 5 times a power of ten apart, with their text."""
        step = _nice(max(self.high - self.low, 1e-12) / max(most - 1, 1))
        if self.whole:
            step = max(1.0, step)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(k * step, _text(k * step, step)) for k in range(first, last + 1)]


@dataclass(frozen=True)
class Log:
    """A logarithmic axis of whole decades; it has no place for 0. name : text of a value."""

    low: float
    high: float
    name: Callable[[float], str]

    @classmethod
    def around(cls, values: list[float], name: Callable[[float], str]) -> Log:
        """Return whole decades that hold the positive ones among ``values``."""
        positive = [value for value in values if value > 0] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(positive)) + 1e-9)
        high = 10.0 ** math.ceil(math.log10(max(positive)) - 1e-9)
        return cls(low, high if high > low else 10 * low, name)

    def place(self, value: float) -> float:
        """Return ``log(value / low) / log(high / low)``; ValueError for 0 and below."""
        if value <= 0:
            raise ValueError(f"{value} has no place on a logarithmic axis")
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self, most: int = LABELS) -> list[tuple[float, str]]:
        """Return every, or every second, third, ... decade, at most ``most``."""
        decades = round(math.log10(self.high / self.low))
        step = max(1, math.ceil(decades / (most - 1)))
        values = [self.low * 10.0**k for k in range(0, decades + 1, step)]
        return [(value, self.name(value)) for value in values]


def steps_scale(steps: int) -> Linear:
    """Return the axis of ``steps`` time steps, counted from 1 everywhere."""
    return Linear(0.5, steps + 0.5, whole=True)


def _nice(size: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is at least ``size``."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= size * (1 - 1e-9))


def _text(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{places}f}" if value else "0"
