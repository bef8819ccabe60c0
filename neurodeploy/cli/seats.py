"""Networks on the cores of chips, for the verbs that place them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.cli.output import console
from neurodeploy.errors import InputError, PlacementError, ProfileError

if TYPE_CHECKING:
    from neurodeploy.placement import Load, LoadWatch, Placement
    from neurodeploy.profile import ChipProfile
    from neurodeploy.program import Program


@dataclass(frozen=True)
class Seat:
    """One chip: the placement and what counts its load, or the reason why there is none."""

    profile: str
    placement: Placement | None = None
    watch: LoadWatch | None = None
    refused: str | None = None

    def load(self) -> Load | None:
        """Return what was counted, None where nothing was."""
        if self.watch is None:
            return None
        try:
            return self.watch.load()
        except InputError:
            return None


def seated(program: Program, profile: ChipProfile) -> Seat:
    """Return the program on the chip's cores, ready for counting, or why it cannot be placed."""
    from neurodeploy.placement import LoadWatch, place

    try:
        placement = place(program, profile)
    except (PlacementError, ProfileError) as error:
        return Seat(profile.name, refused=str(error))
    return Seat(profile.name, placement, LoadWatch(program, placement, profile))


def watch_of(seats: Sequence[Seat]) -> Callable[[Any, Any], None] | None:
    """Return what counts a run for all chips, None where none counts."""
    watches = [seat.watch for seat in seats if seat.watch is not None]
    if not watches:
        return None

    def take(columns: Any, trace: Any) -> None:
        for watch in watches:
            watch.take(columns, trace)

    return take


def contents(seats: Sequence[Seat]) -> list[dict[str, Any]]:
    """Return the chips as plain values: placement and load, or the refusal."""
    from neurodeploy.run_folder import plain

    result: list[dict[str, Any]] = []
    for seat in seats:
        if seat.placement is None:
            result.append({"profile": seat.profile, "refused": seat.refused})
            continue
        load = seat.load()
        entry = {"profile": seat.profile, "placement": seat.placement.to_dict()}
        result.append({**entry, "load": None if load is None else plain(load.summary())})
    return result


def keep_placements(
    folder: Path, program: Program, source: dict[str, Any] | None, seats: Sequence[Seat]
) -> None:
    """Write placement.json; other chips that it held for this program stay.

    A load that was counted on other data does not.
    """
    from neurodeploy.run_folder import FORMAT, PLACEMENT, read_json, write_json

    new = contents(seats)
    names = {entry["profile"] for entry in new}
    held = read_json(folder / PLACEMENT) or {}
    same = held.get("digest") == program.digest and held.get("data") == source
    kept = [e for e in held.get("chips", []) if same and e.get("profile") not in names]
    content = {"format": FORMAT, "digest": program.digest, "data": source, "chips": kept + new}
    write_json(folder / PLACEMENT, content)


def show_seats(seats: Sequence[Seat]) -> None:
    """Print where the network goes on every chip."""
    from neurodeploy.placement.table import renderable

    screen = console()
    for seat in seats:
        if seat.placement is None:
            screen.print(f"[bold]{seat.profile}: not placed[/]; {seat.refused}")
        else:
            screen.print(renderable(seat.placement))
        screen.print()
