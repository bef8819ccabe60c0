"""What a campaign of faults sums up to: the rows of ``verify.json``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BitRow:
    """Flips of one bit of a site's words. lost : share of (flip, sample) pairs that are lost."""

    site: str
    bit: int
    injections: int
    critical: int
    lost: float


@dataclass(frozen=True)
class WorstFault:
    """A fault, and how many of the samples it loses."""

    fault: str
    lost: int


@dataclass(frozen=True)
class FaultRow:
    """What faults of one kind do at one site.

    of : faults that there are, None where they are drawn at a rate. critical : injections that
    lose at least one of the n samples; critical_low, critical_high : 95 % Wilson interval of their
    share, the share itself where every fault was tried. clean : accuracy without faults. rate :
    accuracy under the fault, the mean over injections and samples; low, high : 95 % Wilson interval
    for n samples, whatever the number of injections. changed : share of answers that change.
    by_bit : for flips of single bits. worst : faults that lose most.
    """

    site: str
    kind: str
    injections: int
    of: int | None
    critical: int
    critical_low: float
    critical_high: float
    clean: float
    rate: float
    low: float
    high: float
    changed: float
    n: int
    by_bit: tuple[BitRow, ...]
    worst: tuple[WorstFault, ...]
