"""What the suite corruption left: its entry in ``verify.json``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorruptedRow:
    """Accuracy under one corruption, kind ``"none"`` without any. level : counted in ``unit``."""

    kind: str
    level: float
    unit: str
    rate: float
    low: float
    high: float
    n: int
    ties: int


@dataclass(frozen=True)
class Corrupted:
    """The entry of ``verify.json``."""

    summary: tuple[CorruptedRow, ...]
