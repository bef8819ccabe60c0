"""What verbs print."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


LONG_NAME = 20
"""Characters from which on a name may be wrapped in a table."""


def print_json(value: Mapping[str, Any]) -> None:
    """Print ``value`` as indented JSON; paths, arrays and tuples become text and lists."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return value.tolist() if hasattr(value, "tolist") else dict(value)


def console() -> Console:
    """Return the console for results, which reads the width of the terminal or of COLUMNS."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


def facts(rows: Mapping[str, object]) -> Table:
    """Return a two-column table of names and values without a border."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(str(value)))
    return table


def columns(*names: str, right: Collection[str] = (), text: Collection[str] = ()) -> Table:
    """Return an empty table with headers; those in ``right`` hold numbers, in ``text`` may wrap."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(name, justify=justify, no_wrap=name not in text, overflow="fold")
    return table


def wrapped(column: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return ``(column,)``, to wrap it, if one of its values is long; short ones stay whole."""
    return (column,) if any(len(value) > LONG_NAME for value in values) else ()


def notes(lines: Sequence[str], style: str) -> Table:
    """Return lines with a mark before each, wrapped behind it."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row(Text("  !", style=style), Text(line))
    return table


def extent(low: int, high: int) -> str:
    """Return ``low..high``, or the value when both are the same."""
    return str(low) if low == high else f"{low}..{high}"


def shape(sizes: tuple[int, ...]) -> str:
    """Return ``2x8x8`` for (2, 8, 8)."""
    return "x".join(str(size) for size in sizes)


def amount(count: int, noun: str) -> str:
    """Return ``1 sample`` or ``1,234 samples``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
