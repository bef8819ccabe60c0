"""``neurodeploy profiles``: the chips, their numbers, and how much each is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import columns, console, facts, print_json
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.profile import ChipProfile, Quantity, Section


WORDS = ("neuron_models", "reset_modes", "topology", "routing", "injection")
"""Keys of words that a terminal shows."""


def profiles(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A chip, or the path of a profile of your own."),
    ] = None,
    blank: Annotated[
        bool,
        typer.Option(
            "--template", help="Print a commented profile to start from: every key, as a comment."
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Show the chips, their numbers, sources and grades.

    neurodeploy profiles --template > mine.toml starts a profile of your own, which every verb takes
    by its path; with extends = "loihi1" before its first table it says only what differs.
    """
    from neurodeploy.profile import load_profile, profile_names, template

    if blank:
        if name is not None or json:
            raise OptionError("--template stands alone, without NAME and --json")
        print(template(), end="")
        return
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
    names = ("name", "status", "cores", "neurons/core", "synop pJ", "grade")
    table = columns(*names, right=("cores", "neurons/core", "synop pJ"))
    for chip in chips:
        synop = chip.energy.quantity("synop_pj")
        cores, neurons = (
            chip.limits.quantity(key) for key in ("cores_per_chip", "neurons_per_core_max")
        )
        table.add_row(
            chip.name,
            chip.identity.status if chip.identity.chip else f"{chip.identity.status}, no chip",
            *(_ends(quantity) for quantity in (cores, neurons, synop)),
            synop.grade if synop else "none",
        )
    return table


def rendered(chip: ChipProfile) -> Iterator[RenderableType]:
    """Yield what a terminal shows of ``chip``, part by part."""
    from rich.text import Text

    yield facts(_identity(chip))
    for title, section in chip.sections():
        if list(section.quantities()) or _others(section):
            yield ""
            yield Text(title, style="bold")
            if list(section.quantities()):
                yield _quantities(section)
                yield _notes(section)
            if _others(section):
                yield facts(_others(section))
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
        "rests on": identity.based_on,
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


def _others(section: Section) -> dict[str, object]:
    """Return what is no single number: lists and choices, with their grades."""
    rows: dict[str, object] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        listed, chosen = section.listing(key), section.choice(key)
        if listed is not None:
            rows[key] = f"{', '.join(f'{x:g}' for x in listed)} ({value.grade})"
        elif chosen is not None:
            rows[key] = f"{chosen} ({value.grade}{'; ' if value.note else ''}{value.note})"
        elif key in WORDS and value:
            rows[key] = ", ".join(value) if isinstance(value, tuple) else str(value)
    return rows


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


def _ends(quantity: Quantity | None) -> str:
    """Return ``low-high``, one value, or ``unknown``."""
    if quantity is None or not quantity.known:
        return "unknown"
    low, _, high = quantity.bounds
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def _interval(quantity: Quantity | None) -> str:
    """Return ``mid (low to high)``, one value, or ``unknown``."""
    if quantity is None or not quantity.known:
        return "unknown"
    low, mid, high = (f"{x:g}" if x < 1e6 else f"{x:,.0f}" for x in quantity.bounds)
    return mid if low == high else f"{mid} ({low}-{high})"
