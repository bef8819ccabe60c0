"""A user's own power log: a CSV file of time and power, read while a program ran."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodeploy.errors import InputError

UNITS_MW = {"power_mw": 1.0, "power_w": 1e3}
"""Columns that hold the power, and milliwatts per unit."""
MOST_MW = 1e6


@dataclass(frozen=True)
class PowerLog:
    """Mean power over the time of a log. rows : readings in it."""

    mean_mw: float
    seconds: float
    rows: int


def read_log(path: Path) -> PowerLog:
    """Return the mean power of a log, by trapezoids over its times.

    The file is CSV with a header; it has the columns ``time_s`` and ``power_mw`` (or
    ``power_w``), others are passed over.

    Raises InputError for a file that is no such table, a value that is no number, a time that does
    not increase, and a power that is negative or beyond 1e6 mW.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path}: cannot be read as CSV, {problem}") from problem
    if len(rows) < 2:
        raise InputError(f"{path}: has {len(rows)} readings, expected 2 or more below a header")
    held = [name for name in rows[0] if name is not None]
    power = [name for name in UNITS_MW if name in held]
    if "time_s" not in held or len(power) != 1:
        raise InputError(
            f"{path}: has the columns {', '.join(held)}; expected time_s and power_mw or power_w"
        )
    times: list[float] = []
    powers: list[float] = []
    for number, row in enumerate(rows, start=2):
        time = _number(path, number, "time_s", row["time_s"])
        if times and time <= times[-1]:
            raise InputError(
                f"{path}, line {number}: time_s is {time:g} after {times[-1]:g}, expected more"
            )
        reading = _number(path, number, power[0], row[power[0]]) * UNITS_MW[power[0]]
        if not 0 <= reading <= MOST_MW:
            raise InputError(
                f"{path}, line {number}: {power[0]} is {row[power[0]]}, expected 0 to "
                f"{MOST_MW / UNITS_MW[power[0]]:g}"
            )
        times.append(time)
        powers.append(reading)
    spans, middles = np.diff(times), (np.array(powers[1:]) + np.array(powers[:-1])) / 2
    seconds = times[-1] - times[0]
    return PowerLog(float((spans * middles).sum() / seconds), seconds, len(rows))


def _number(path: Path, line: int, name: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{path}, line {line}: {name} is {text!r}, expected a number")
    return value
