"""Faults: what each kind does at each site, which bits matter most, and the worst faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.words import percent
from neurodeploy.results.faults import FaultRows
from neurodeploy.results.tested import Tested
from neurodeploy.verification.fault_rows import BitRow


@dataclass(frozen=True)
class Content:
    """What the suite fault left, and the samples."""

    faults: FaultRows
    tested: Tested
    seed: int | None

    @property
    def widest(self) -> int:
        """Bits of the widest word."""
        return 1 + max((bit.bit for bit in self.faults.bits), default=-1)

    @property
    def by_site(self) -> Mapping[str, tuple[BitRow | None, ...]]:
        """Every site with flips of single bits: one entry per bit, None where none was tried."""
        found: dict[str, list[BitRow | None]] = {}
        for row in self.faults.rows:
            found.setdefault(row.site, [None] * self.widest)
        for bit in self.faults.bits:
            found[bit.site][bit.bit] = bit
        return {site: tuple(bits) for site, bits in found.items() if any(bits)}


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite fault left; None where it was not run."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or verify.faults is None:
        return None
    return Content(verify.faults, tested, verify.seeds.get("fault"))


def cards(content: Content) -> Sequence[Card]:
    """The worst single fault."""
    worst = next(iter(content.faults.worst), None)
    if worst is None:
        return (Card("Worst fault tried", "none", f"no sample is lost; {content.tested.short}"),)
    share = percent(worst.lost / content.faults.rows[0].n)
    return (Card("Worst fault tried", f"loses {share}", f"{worst.fault}; {content.tested.short}"),)


def json(content: Content | None) -> Mapping[str, Any]:
    """The rows, the ranking and the worst faults as verify left them."""
    return {"faults": content and content.faults}


PART = Part(content, template("faults"), cards=cards, json=json)
