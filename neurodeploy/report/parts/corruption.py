"""Corruptions: what is left of the accuracy where the data suffer, by kind and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.words import percent
from neurodeploy.results.corruption import CorruptedRow
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class Content:
    """rows : of all corruptions; clean : the one without."""

    rows: tuple[CorruptedRow, ...]
    clean: CorruptedRow | None
    tested: Tested
    seed: int | None

    @property
    def source(self) -> str:
        """What stands at every number."""
        return self.tested.label + ("" if self.seed is None else f"; seed {self.seed}")

    @property
    def by_kind(self) -> Mapping[str, tuple[CorruptedRow, ...]]:
        """The levels of every kind, the lightest first."""
        found: dict[str, list[CorruptedRow]] = {}
        for row in self.rows:
            found.setdefault(row.kind, []).append(row)
        return {k: tuple(sorted(v, key=lambda row: row.level)) for k, v in found.items()}

    @property
    def most_levels(self) -> int:
        """Levels of the kind that has the most."""
        return max(len(levels) for levels in self.by_kind.values())


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite corruption left; None where it was not run."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or verify.suites.corruption is None:
        return None
    every = verify.suites.corruption.summary
    rows = tuple(row for row in every if row.kind != "none")
    clean = next((row for row in every if row.kind == "none"), None)
    return Content(rows, clean, tested, verify.seeds.get("corruption")) if rows else None


def cards(content: Content) -> Sequence[Card]:
    """The kind that costs most at its lightest level."""
    worst = min((levels[0] for levels in content.by_kind.values()), key=lambda row: row.rate)
    detail = f"{worst.kind}, {worst.level:g} {worst.unit}; {content.tested.short}"
    return (Card("Worst light corruption", percent(worst.rate), detail),)


PART = Part(content, template("corruption"), cards=cards)
"""What ``verify.json`` holds of corruptions."""
