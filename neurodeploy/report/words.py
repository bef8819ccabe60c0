"""Numbers as a page says them: the filters of its templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from neurodeploy.accuracy import Accuracy
from neurodeploy.energy.report import Interval, Term
from neurodeploy.energy.units import digits, energy, energy_ends, energy_range, time_range


def percent(rate: float, places: int = 1) -> str:
    """Return a share as ``97.2 %``."""
    return f"{100 * rate:.{places}f} %"


def between(accuracy: Accuracy) -> str:
    """Return the 95 % interval as ``95.7 % to 98.9 %``."""
    low, high = accuracy.interval
    return f"{percent(low)} to {percent(high)}"


def signed(share: float) -> str:
    """Return a relative error as ``+2.1 %``."""
    return f"{100 * share:+.1f} %"


def count(value: float) -> str:
    """Return a count with thousands separated, one decimal below 100 unless whole."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def amount(number: int, noun: str) -> str:
    """Return ``1 sample`` or ``1,234 samples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def shape(sizes: Sequence[int]) -> str:
    """Return ``1 x 8 x 8`` with the sign of multiplication."""
    return " \N{MULTIPLICATION SIGN} ".join(str(size) for size in sizes)


def constant(term: Term) -> str:
    """Return the interval charged per event, or its one value, with a fitting unit."""
    interval = term.constant
    if term.unit == "mW":
        ends = (digits(interval.low), digits(interval.high))
        return f"{ends[0]} mW" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]} mW"
    scaled = interval.scaled(1e3 if term.unit == "nJ" else 1.0)
    return micro(energy_ends(scaled) or energy(scaled.high))


def micro(text: str) -> str:
    """Return text with the sign of micro in its units: ``uJ`` and ``us`` are for terminals."""
    return re.sub(r"\bu(?=[Js]\b)", "\N{MICRO SIGN}", text)


def energy_of(pj: float) -> str:
    """Return an energy with its sign of micro."""
    return micro(energy(pj))


def energy_span(interval: Interval) -> str:
    """Return ``mid (low to high)`` of an energy."""
    return micro(energy_range(interval))


def energy_limits(interval: Interval) -> str:
    """Return ``low to high`` of an energy, nothing where they agree."""
    return micro(energy_ends(interval))


def time_span(interval: Interval) -> str:
    """Return ``mid (low to high)`` of a time."""
    return micro(time_range(interval))


FILTERS: dict[str, Callable[..., Any]] = {
    "percent": percent,
    "signed": signed,
    "between": between,
    "count": count,
    "listed": listed,
    "shape": shape,
    "constant": constant,
    "micro": micro,
    "figure": digits,
    "energy": energy_of,
    "energy_range": energy_span,
    "energy_ends": energy_limits,
    "time_range": time_span,
}
