"""Does a program fit a chip: every limit at once, what would make it fit, the link and the clock.

report = map_program(program, load_profile("truenorth"))
report.fits, report.findings, report.repaired.program
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neurodeploy.answers import RunChoice
from neurodeploy.data.presentation import Presentation
from neurodeploy.data.shown import Shown
from neurodeploy.errors import PlacementError, ProfileError
from neurodeploy.mapping.cost import measure
from neurodeploy.mapping.link import arriving, link_budget, real_time
from neurodeploy.mapping.record import (
    Cost,
    Finding,
    LimitUse,
    LinkBudget,
    MapReport,
    Measured,
    RealTime,
    Span,
)
from neurodeploy.placement import Placement, place
from neurodeploy.profile import ChipProfile
from neurodeploy.profile.evidence import Evidence
from neurodeploy.program import Program
from neurodeploy.repair import Repaired, repair, repairs_of
from neurodeploy.rules import Violation, check_stated, limit_rules, unchecked, uses, violations
from neurodeploy.rules.limits import stated

__all__ = [
    "Cost",
    "Finding",
    "LimitUse",
    "LinkBudget",
    "MapReport",
    "Measured",
    "RealTime",
    "Span",
    "check_can_map",
    "map_program",
]

CHIP_RULES = ("neurons", "synapses")
"""Rules about what a chip counts, of which several chips hold more."""


def map_program(
    program: Program,
    profile: ChipProfile,
    data: Presentation | None = None,
    *,
    rules: Sequence[str] | None = None,
    period_us: float | None = None,
    shown: Shown | None = None,
    choice: RunChoice | None = None,
) -> MapReport:
    """Return whether ``program`` fits the chip of ``profile``, and what would make it fit.

    data : to measure what the repairs cost, and to count input events. rules : those to check, None
    for all. period_us : time between inputs, for the verdict on real time. shown : what the data
    are. choice : how they are run.

    Raises ProfileError for a profile that is of no chip or states no limit at all, and for a rule
    in ``rules`` of which it states none; OptionError for a rule that does not exist and for a
    period that is no positive number.
    """
    check_can_map(profile)
    if rules is not None:
        check_stated(profile, rules)
    found = violations(program, profile, rules)
    mended = _repaired(program, profile, found)
    measured, activity = None, None
    if data is not None:
        measured, activity = measure(
            program, mended, data, shown or data.shown("data"), choice or RunChoice()
        )
    placed = _placed(program if not found else mended.program, profile, mended)
    link = link_budget(program, profile, arriving(program, data))
    return MapReport(
        profile=profile.name,
        profile_version=profile.identity.profile_version,
        status=profile.identity.status,
        digest=program.digest,
        findings=tuple(_findings(found, mended)),
        uses=_largest(program, profile, rules),
        unchecked=unchecked(profile) if rules is None else (),
        repaired=mended,
        placement=placed.placement,
        unplaced=placed.unplaced,
        unknown=placed.unknown,
        chips=_chips(program, profile) if placed.placement is None else placed.placement.chips,
        link=link,
        real_time=None
        if period_us is None
        else real_time(program, profile, link, period_us, activity),
        measured=measured,
        notes=tuple(_notes(profile)),
    )


def check_can_map(profile: ChipProfile) -> None:
    """Raise ProfileError for a profile that is of no chip, or states no limit of one."""
    if not profile.identity.chip:
        raise ProfileError(
            f"profile {profile.name}: is of {profile.identity.generation or 'no chip'}, nothing "
            "can be mapped to it"
        )
    if len(unchecked(profile)) == len(limit_rules()):
        raise ProfileError(
            f"profile {profile.name}: states no limit that a program could exceed, so that nothing "
            "can be said of what fits"
        )


def _repaired(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Repaired:
    """Return the program after the repairs of these violations; it itself where there are none."""
    names = {name for violation in found for name in repairs_of(violation.rule)}
    return repair(program, profile) if names else Repaired(program, left=tuple(found))


@dataclass(frozen=True)
class _Placed:
    """A placement, or why there is none; see `MapReport`."""

    placement: Placement | None = None
    unplaced: str = ""
    unknown: str = ""


def _placed(program: Program, profile: ChipProfile, mended: Repaired) -> _Placed:
    """Return where ``program`` goes, if nothing that the profile states is exceeded."""
    if mended.left:
        return _Placed()
    try:
        return _Placed(place(program, profile))
    except PlacementError as error:
        return _Placed(unplaced=str(error))
    except ProfileError as error:
        return _Placed(unknown=str(error))


def _findings(found: Sequence[Violation], mended: Repaired) -> Iterator[Finding]:
    for violation in found:
        offered = repairs_of(violation.rule)
        used = tuple(dict.fromkeys(s.repair for s in mended.steps if s.repair in offered))
        refused = tuple((name, why) for name, _, why in mended.refused if name in offered)
        gone = not any(_same_place(violation, other) for other in mended.left)
        yield Finding(violation, used if gone else (), () if gone else refused, gone)


def _same_place(violation: Violation, later: Violation) -> bool:
    """Whether a violation of a repaired program is the same one, perhaps of a part or a copy."""
    if violation.rule != later.rule:
        return False
    before, after = (re.split(r"->|[: #]", v.where) for v in (violation, later))
    return len(before) == len(after) and all(
        new == old or new.startswith(f"{old}.") for old, new in zip(before, after, strict=True)
    )


def _largest(
    program: Program, profile: ChipProfile, rules: Sequence[str] | None
) -> tuple[LimitUse, ...]:
    """Return for every limit that counts the use with the largest ratio, the first of equals."""
    best: dict[str, LimitUse] = {}
    for rule, use in uses(program, profile, rules):
        if use.ratio is None:
            continue
        known = best.get(use.key)
        if known is None or use.ratio > (known.use.ratio or 0.0):
            evidence = _evidence(profile, use.key)
            grade = evidence.grade if evidence is not None else ""
            sources = evidence.sources if evidence is not None else ()
            best[use.key] = LimitUse(rule, use, grade, sources)
    return tuple(best.values())


def _evidence(profile: ChipProfile, key: str) -> Evidence | None:
    section, _, name = key.partition(".")
    value = getattr(profile.section(section), name)
    return value if isinstance(value, Evidence) else None


def _chips(program: Program, profile: ChipProfile) -> int | None:
    """Return the fewest chips that hold what a chip counts, None where nothing is stated."""
    most = stated(profile.limits.chips_max) or 1
    needed = [
        math.ceil(use.used * most / use.allowed)
        for _, use in uses(program, profile, CHIP_RULES)
        if isinstance(use.used, int) and isinstance(use.allowed, int)
    ]
    return max(needed) if needed else None


def _notes(profile: ChipProfile) -> Iterator[str]:
    if profile.identity.status == "limits":
        yield (
            "the profile serves mapping only; whether the chip computes these integers is not said"
        )
    if profile.precision.deterministic is False:
        yield "the order of events on the chip is not reproducible, and answers may differ by it"
    for state in ("u", "v"):
        mode = getattr(profile.precision, f"overflow_{state}")
        expected = {"u": "wrap-once", "v": "saturate"}[state]
        if mode not in (None, expected):
            yield f"{state} overflows by {mode} there, here by {expected}"
    if profile.precision.rounding not in (None, "toward-zero"):
        yield f"decays round {profile.precision.rounding} there, here toward zero"
