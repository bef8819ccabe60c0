"""Repairs: what makes a program fit a chip, each one named, told of, and registered.

    repaired = repair(program, load_profile("truenorth"))
    for step in repaired.steps:
        print(step.repair, *step.changes)

A repair gives a new program. Those that leave every answer as it was say so (`Change.exact`); what
the others cost is measured by running both programs.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.registry import ByName
from neurodeploy.repair.edits import concerned
from neurodeploy.repair.fan import FAN_REPAIRS
from neurodeploy.repair.levels import LEVELS
from neurodeploy.repair.ranges import RANGE_REPAIRS
from neurodeploy.repair.record import Change, Outcome, Repair, Repaired, Step
from neurodeploy.repair.rescale import RESCALE
from neurodeploy.repair.split import SPLIT
from neurodeploy.rules import violations

__all__ = ["REPAIRS", "Change", "Outcome", "Repair", "Repaired", "Step", "repair", "repairs_of"]

REPAIRS: ByName[Repair] = ByName(
    "repair",
    {one.name: one for one in (*RANGE_REPAIRS, *FAN_REPAIRS, SPLIT, LEVELS, RESCALE)},
)
"""In the order in which they are tried: what leaves the network as it was comes first."""
ROUNDS = 4
"""A repair may bring up what another one mends: so often all of them are tried."""


def repairs_of(rule: str) -> tuple[str, ...]:
    """Return the repairs that mend violations of a rule."""
    return tuple(name for name, one in REPAIRS.items() if rule in one.rules)


def repair(program: Program, profile: ChipProfile, names: Iterable[str] | None = None) -> Repaired:
    """Return ``program`` after every repair that it needs and that can be done.

    names : of the repairs that may be used, None for all. What they cannot mend is in ``left``.

    Raises OptionError for a repair that does not exist.
    """
    chosen = [REPAIRS.named(name) for name in (REPAIRS if names is None else names)]
    steps: list[Step] = []
    refused: dict[tuple[str, str, str], None] = {}
    for _ in range(ROUNDS):
        before = len(steps)
        for one in chosen:
            found = [v for v in violations(program, profile) if v.rule in one.rules]
            if not found:
                continue
            outcome = one.apply(program, profile, found)
            refused |= {(one.name, where, why): None for where, why in outcome.refused}
            if outcome.changes:
                program = outcome.program
                steps.append(Step(one.name, outcome.changes, program))
        if len(steps) == before:
            break
    left = violations(program, profile)
    places = {v.where for v in left} | {f"population {name}" for name in concerned(program, left)}
    kept = tuple(entry for entry in refused if entry[1] in places)
    return Repaired(program, tuple(steps), left, kept)
