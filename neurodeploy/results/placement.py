"""``placement.json``: where a network goes on the cores of each chip, and what they do there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neurodeploy.answers import RunChoice
from neurodeploy.data.presentation import Presentation
from neurodeploy.data.shown import Shown
from neurodeploy.errors import PlacementError, ProfileError
from neurodeploy.mapping import map_program
from neurodeploy.placement import Load, LoadSummary, LoadWatch, Placement, place
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.results.tested import Tested
from neurodeploy.run_folder import FORMAT, PLACEMENT, plain, read_json, write_json
from neurodeploy.trace import Trace


@dataclass(frozen=True)
class BrokenRule:
    """One limit of the chip that the program exceeds, in words.

    more_cores_help : whether more cores relax it. repairs : that take it away, in their order;
    refused : (repair, why) of those that cannot. mended : whether it is gone after all repairs.
    """

    rule: str
    where: str
    text: str
    more_cores_help: bool
    repairs: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    mended: bool


@dataclass(frozen=True)
class RepairCost:
    """What all repairs together cost on the data: right answers before and after, of samples.

    differing : samples that the repaired program answers otherwise.
    """

    before: int
    after: int
    samples: int
    differing: int


@dataclass(frozen=True)
class ChipPlacement:
    """One chip: its placement and the load of its cores, or the reason why there is none.

    rules : limits that the program exceeds, None where none was checked. cost : of the repairs.
    """

    profile: str
    placement: Placement | None = None
    load: LoadSummary | None = None
    refused: str | None = None
    rules: tuple[BrokenRule, ...] | None = None
    cost: RepairCost | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: placement and load, or the refusal, and the rules."""
        found: dict[str, Any] = {"profile": self.profile}
        if self.placement is None:
            found["refused"] = self.refused
        else:
            load = None if self.load is None else plain(self.load)
            found.update(placement=self.placement.to_dict(), load=load)
        return {**found, "rules": plain(self.rules), "cost": plain(self.cost)}


def with_rules(
    chip: ChipPlacement,
    program: Program,
    profile: ChipProfile,
    data: Presentation | None = None,
    shown: Shown | None = None,
    choice: RunChoice | None = None,
) -> ChipPlacement:
    """Return the chip with the limits that the program exceeds, and what would make it fit.

    data, shown : to measure what the repairs cost, where there are any, and what they are. choice :
    how they are run. A profile of no chip, or without limits, has no rules.
    """
    try:
        found = map_program(program, profile)
        if data is not None and shown is not None and found.repaired.steps:
            found = map_program(program, profile, data, shown=shown, choice=choice)
    except ProfileError:
        return chip
    rules = tuple(
        BrokenRule(
            rule=finding.violation.rule,
            where=finding.violation.where,
            text=finding.violation.text,
            more_cores_help=finding.violation.more_cores_help,
            repairs=finding.repairs,
            refused=finding.refused,
            mended=finding.mended,
        )
        for finding in found.findings
    )
    cost = None
    if found.measured is not None and found.measured.costs:
        last = found.measured.costs[-1]
        cost = RepairCost(found.measured.correct, last.correct, last.samples, last.differing)
    return replace(chip, rules=rules, cost=cost)


@dataclass(frozen=True)
class Placements:
    """``placement.json``. data : what the loads were counted on, None where nothing was run."""

    chips: tuple[ChipPlacement, ...]
    data: Tested | None = None


@dataclass(frozen=True)
class Seat:
    """A program on one chip while it runs: the placement and what counts its load, or a refusal."""

    profile: str
    placement: Placement | None = None
    watch: LoadWatch | None = None
    refused: str | None = None

    def load(self) -> Load | None:
        """Return what was counted, None where nothing was run."""
        return self.watch.load() if self.watch is not None and self.watch.counted else None

    def placed(self) -> ChipPlacement:
        """Return what files hold of it."""
        load = self.load()
        summary = None if load is None else load.summary()
        return ChipPlacement(self.profile, self.placement, summary, self.refused)


def seated(program: Program, profile: ChipProfile) -> Seat:
    """Return the program on the chip's cores, ready for counting, or why it cannot be placed."""
    try:
        placement = place(program, profile)
    except (PlacementError, ProfileError) as error:
        return Seat(profile.name, refused=str(error))
    return Seat(profile.name, placement, LoadWatch(program, placement, profile))


def watch_of(seats: Sequence[Seat]) -> Callable[[Any, Trace], None] | None:
    """Return what counts a run for all chips, None where none counts."""
    watches = [seat.watch for seat in seats if seat.watch is not None]
    if not watches:
        return None

    def take(columns: Any, trace: Trace) -> None:
        for watch in watches:
            watch.take(columns, trace)

    return take


def loads_of(seats: Sequence[Seat]) -> Mapping[str, Load]:
    """Return what was counted on each chip, by the name of its profile."""
    found = {seat.profile: seat.load() for seat in seats}
    return {name: load for name, load in found.items() if load is not None}


def keep_placements(
    folder: Path, program: Program, data: Mapping[str, Any] | None, chips: Sequence[ChipPlacement]
) -> None:
    """Write placement.json; other chips that it held for this program and data stay.

    data : what the loads were counted on, None where nothing was run.
    """
    names = {chip.profile for chip in chips}
    source = None if data is None else dict(data)
    held = read_json(folder / PLACEMENT) or {}
    same = held.get("digest") == program.digest and held.get("data") == source
    kept = [e for e in held.get("chips", []) if same and e.get("profile") not in names]
    entries = kept + [chip.to_dict() for chip in chips]
    content = {"format": FORMAT, "digest": program.digest, "data": source, "chips": entries}
    write_json(folder / PLACEMENT, content)
