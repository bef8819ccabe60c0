"""Which samples a result speaks of, and how they were presented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """Samples of a data set, as a file of results names them.

    name, part : of the data set; a set without parts has none. samples : how many were run, the
    first ones. of : how many the part holds. notes : how the data were read. digest : of the
    samples. place : what noise acts on. encoder : in words. low, high : range of a value. peak :
    of the budgets.
    """

    name: str
    part: str | None
    samples: int
    of: int
    notes: tuple[str, ...]
    digest: str
    place: str
    encoder: str
    low: int
    high: int
    peak: int
