"""``neurodeploy profiles``: the chips, their numbers, and how much each is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import columns, console, facts, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.profile import ChipProfile, Quantity, Section


def profiles(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A chip, or the path of a profile of your own."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show the chips, their numbers, sources and grades."""
    from neurodeploy.profile import load_profile, profile_names

    if name is None:
        chips = [load_profile(known) for known in profile_names()]
        if json:
            print_json({chip.name: chip.model_dump(exclude_none=True) for chip in chips})
        else:
            console().print(_overview(chips))
        return
    chip = load_profile(name)
    if json:
        print_json(chip.model_dump(exclude_none=True))
        return
    screen = console()
    for part in rendered(chip):
        screen.print(part)


def _overview(chips: list[ChipProfile]) -> RenderableType:
    names = ("name", "status", "synop pJ", "grade", "static mW", "grade ")
    table = columns(*names, right=("synop pJ", "static mW"))
    for chip in chips:
        synop = chip.energy.quantity("synop_pj")
        static = chip.power.quantity("static_mw")
        table.add_row(
            chip.name,
            chip.identity.status,
            *(_interval(synop), synop.grade if synop else "none"),
            *(_interval(static), static.grade if static else "none"),
        )
    return table


def rendered(chip: ChipProfile) -> Iterator[RenderableType]:
    """Yield what a terminal shows of ``chip``, part by part."""
    from rich.text import Text

    yield facts(_identity(chip))
    for title, section in chip.sections():
        rows = list(section.quantities())
        if rows:
            yield ""
            yield Text(title, style="bold")
            yield _quantities(section)
            yield _notes(section)
    if chip.cases:
        yield ""
        yield Text("measured cases run through this profile", style="bold")
        yield _validation(chip)
    yield ""
    yield Text("sources", style="bold")
    yield facts(chip.citations)


def _identity(chip: ChipProfile) -> dict[str, object]:
    identity, energy, power = chip.identity, chip.energy, chip.power
    rows: dict[str, object] = {
        "profile": f"{identity.name}, version {identity.profile_version}",
        "chip": f"{identity.vendor} {identity.generation}".strip(),
        "board": identity.board,
        "status": identity.status,
        "synops counted as": energy.count_convention or "",
        "constants hold": ", ".join(energy.includes),
        "joint constraint": ", ".join(energy.joint),
        "static power of": power.static_scope,
        "baseline": power.baseline,
    }
    return {key: value for key, value in rows.items() if value}


def _quantities(section: Section) -> RenderableType:
    table = columns("key", "value", "grade", "source", right=("value",), text=("source",))
    for key, quantity in section.quantities():
        table.add_row(key, _interval(quantity), quantity.grade, ", ".join(quantity.sources))
    return table


def _notes(section: Section) -> RenderableType:
    """Operating points and remarks, which a number is worth little without."""
    from rich.padding import Padding
    from rich.text import Text

    lines = []
    for key, quantity in section.quantities():
        remarks = "; ".join(part for part in (quantity.op, quantity.note) if part)
        if remarks:
            lines.append(f"{key}: {remarks}")
    return Padding(Text("\n".join(lines), style="dim"), (0, 0, 0, 2)) if lines else Text("")


def _validation(chip: ChipProfile) -> RenderableType:
    """Run the measured cases through the profile."""
    from neurodeploy.energy.cases import validate
    from neurodeploy.energy.units import digits

    table = columns(
        "case",
        "quantity",
        "measured",
        "predicted",
        "error",
        right=("measured",),
        text=("quantity",),
    )
    for entry in validate(chip):
        low, mid, high = (entry.predicted.low, entry.predicted.mid, entry.predicted.high)
        middle = "" if mid is None else f"{digits(mid)} "
        verdict = "within" if entry.contained else "outside"
        table.add_row(
            entry.case,
            f"{entry.quantity}, {entry.role}",
            digits(entry.measured),
            f"{middle}({digits(low)}-{digits(high)})",
            verdict if entry.error is None else f"{entry.error:+.1%}",
        )
    return table


def _interval(quantity: Quantity | None) -> str:
    """Return ``mid (low to high)``, one value, or ``unknown``."""
    if quantity is None or not quantity.known:
        return "unknown"
    low, mid, high = (f"{x:g}" if x < 1e6 else f"{x:,.0f}" for x in quantity.bounds)
    return mid if low == high else f"{mid} ({low}-{high})"
