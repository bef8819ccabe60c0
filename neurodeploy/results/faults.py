"""What ``verify.json`` holds of faults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultRow:
    """Faults of one kind at one site. rate, low, high : accuracy under the fault."""

    site: str
    kind: str
    injections: int
    of: int | None
    critical: int
    rate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class BitRow:
    """Flips of one bit. lost : share of (flip, sample) pairs that are lost."""

    site: str
    bit: int
    injections: int
    critical: int
    lost: float


@dataclass(frozen=True)
class WorstFault:
    """A fault in words, and the samples that it loses."""

    fault: str
    lost: int


@dataclass(frozen=True)
class FaultRows:
    """All rows; bits and faults, those that lose most first; sites that were left out, and why."""

    rows: tuple[FaultRow, ...]
    bits: tuple[BitRow, ...]
    worst: tuple[WorstFault, ...]
    left_out: tuple[str, ...] = ()
