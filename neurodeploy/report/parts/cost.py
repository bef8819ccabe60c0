"""Cost under attack: how much more the network works for data that keep their class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.results.cost import CostlyRow
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class Content:
    """rows : one for each budget. seed : of the attacks."""

    rows: tuple[CostlyRow, ...]
    tested: Tested
    seed: int | None

    @property
    def source(self) -> str:
        """What stands at every number."""
        return self.tested.label + ("" if self.seed is None else f"; seed {self.seed}")


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite cost left; None where it was not run."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or verify.suites.cost is None:
        return None
    return Content(verify.suites.cost.summary, tested, verify.seeds.get("cost"))


def cards(content: Content) -> Sequence[Card]:
    """How much the costliest sample grows at the smallest budget."""
    row = content.rows[0]
    what, case = row.totals[1 if row.measure == "synops" else 0]
    grown = case.attacked / max(1, case.largest)
    detail = f"{what} of the costliest sample, {row.text}; {content.tested.short}"
    return (Card("Cost under attack", f"{grown:.2f} x", detail),)


PART = Part(content, template("cost"), cards=cards)
"""What ``verify.json`` holds of attacks on the cost."""
