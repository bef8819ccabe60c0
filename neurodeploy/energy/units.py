"""Energies and times as people read them."""

from __future__ import annotations

from neurodeploy.energy.report import Interval

_ENERGY = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"))
_TIME = ((1e6, "s"), (1e3, "ms"), (1.0, "us"), (1e-3, "ns"))


def energy(pj: float) -> str:
    """Return an energy with three digits and a fitting unit: ``energy(1.09e9) == "1.09 mJ"``."""
    return _one(pj, _ENERGY)


def energy_range(interval: Interval) -> str:
    """Return ``mid (low to high)`` in one unit: ``"1.09 (0.579 to 1.1) mJ"``.

    Bounds without a centre are ``low to high``.
    """
    return _range(interval, _ENERGY)


def energy_ends(interval: Interval) -> str:
    """Return ``low to high``, each in its unit, or nothing where they agree."""
    return "" if interval.low == interval.high else _ends(interval, _ENERGY)


def time(us: float) -> str:
    """Return a duration with three digits and a fitting unit."""
    return _one(us, _TIME)


def time_range(interval: Interval) -> str:
    """Return ``mid (low to high)`` in one unit, or one value where the ends agree."""
    return _range(interval, _TIME)


def digits(value: float) -> str:
    """Return three significant digits without an exponent: 1096, 12.3, 0.00456."""
    if value == 0:
        return "0"
    return (
        f"{value:.0f}"
        if abs(value) >= 100
        else f"{float(f'{value:.3g}'):.10f}".rstrip("0").rstrip(".")
    )


def _scale(value: float, units: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    return next((entry for entry in units if abs(value) >= entry[0]), units[-1])


def _one(value: float, units: tuple[tuple[float, str], ...]) -> str:
    factor, unit = _scale(value, units)
    return f"{digits(value / factor)} {unit}"


def _ends(interval: Interval, units: tuple[tuple[float, str], ...]) -> str:
    """Return ``low to high`` in one unit where three digits of both read well, else in two."""
    factor, unit = _scale(interval.mid or interval.high, units)
    low, high = interval.low / factor, interval.high / factor
    if interval.low > 0 and low < 0.01:
        return f"{_one(interval.low, units)} to {_one(interval.high, units)}"
    return f"{digits(low)} to {digits(high)} {unit}"


def _range(interval: Interval, units: tuple[tuple[float, str], ...]) -> str:
    if interval.low == interval.high:
        return _one(interval.high, units)
    if interval.mid is None:
        return _ends(interval, units)
    factor, unit = _scale(interval.mid or interval.high, units)
    low, mid, high = (digits(x / factor) for x in (interval.low, interval.mid, interval.high))
    return f"{mid} ({low} to {high}) {unit}"
