"""``neurodeploy diff``: two programs, or two run folders, side by side."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import amount, columns, console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.difference import Difference


@reads_program
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A program file, or a run folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one of the same kind.")],
    json: AsJson = False,
    *,
    reading: Reading,
) -> int:
    """Show where two programs, or two run folders, differ.

    The exit code is 0 when nothing differs and 1 when something does.
    """
    found = _difference(first, second, reading)
    if json:
        print_json(found.to_dict())
    else:
        for part in rendered(found):
            console().print(part)
    return failures.NO if found.differing else failures.GOOD


def _difference(first: Path, second: Path, reading: Reading) -> Difference:
    from neurodeploy.difference import Difference, program_items, run_items
    from neurodeploy.report.evidence import read_evidence

    if first.is_dir() != second.is_dir():
        folder, file = (first, second) if first.is_dir() else (second, first)
        raise OptionError(
            f"{folder} is a run folder and {file} a file; compare two of a kind, such as "
            f"{folder / 'program.h5'}"
        )
    if first.is_dir():
        items = run_items(read_evidence(first), read_evidence(second))
    else:
        items = program_items(reading.program(first), reading.program(second))
    return Difference(str(first), str(second), tuple(items))


def rendered(found: Difference) -> list[RenderableType]:
    """Return what a terminal shows: a table of what differs for each part, or that nothing does."""
    compared = amount(len(found.items), "item")
    if not found.differing:
        return [f"[bold green]equal[/]: {compared} of {found.first} and {found.second}"]
    head = f"[bold red]different[/]: {len(found.differing)} of {compared}"
    parts: list[RenderableType] = [head, f"A: {found.first}", f"B: {found.second}"]
    for where, items in groupby(found.differing, lambda item: item.where):
        table = columns(where, "A", "B", text=("A", "B"))
        for item in items:
            table.add_row(item.name, item.first, item.second)
        parts += ["", table]
    return parts
