"""The verdict: what was checked, what came out, and the fidelity level that this supports.

Never more is claimed than a file shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurodeploy.report.check import Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.levels import LEVELS, level
from neurodeploy.report.parts import PARTS


@dataclass(frozen=True)
class Verdict:
    """good : True, False, or None where something is open."""

    level: str
    good: bool | None
    headline: str
    checks: tuple[Check, ...]

    @property
    def meaning(self) -> str:
        """The level in words."""
        return LEVELS[self.level]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "level": self.level,
            "meaning": self.meaning,
            "good": self.good,
            "headline": self.headline,
            "checks": [check.to_dict() for check in self.checks],
        }


def verdict(evidence: Evidence) -> Verdict:
    """Return the level, the checks of all parts in page order, and what they amount to."""
    checks = tuple(check for part in PARTS.values() for check in part.checks(evidence))
    states = [check.state for check in checks if check.weight]
    good = False if "bad" in states else None if "open" in states else True
    return Verdict(level(evidence.comparisons), good, _headline(good, evidence), checks)


def _headline(good: bool | None, evidence: Evidence) -> str:
    if good is False:
        return "Not exact: see the failed checks"
    if good is None:
        return "Checked in part: see what is open"
    if evidence.result is None:
        return "Every engine computes the same integers"
    return "What was trained is what runs"
