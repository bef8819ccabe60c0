"""``placement.json``: where a network goes on the cores of each chip, and what they do there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.errors import PlacementError, ProfileError
from neurodeploy.placement import Load, LoadSummary, LoadWatch, Placement, place
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.results.tested import Tested
from neurodeploy.run_folder import FORMAT, PLACEMENT, plain, read_json, write_json
from neurodeploy.trace import Trace


@dataclass(frozen=True)
class ChipPlacement:
    """One chip: its placement and the load of its cores, or the reason why there is none."""

    profile: str
    placement: Placement | None = None
    load: LoadSummary | None = None
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: placement and load, or the refusal."""
        if self.placement is None:
            return {"profile": self.profile, "refused": self.refused}
        load = None if self.load is None else plain(self.load)
        return {"profile": self.profile, "placement": self.placement.to_dict(), "load": load}


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
