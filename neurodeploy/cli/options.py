"""Options that several verbs share. Their values are checked where they are used, not here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def whole(text: str | int) -> int:
    """Return ``text`` as an int, or tell typer what is wrong with it."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


RUN_PANEL = "Run options"
"""Heading of the options of a run in --help."""
_NETX = "Reading NetX files"

ProgramFile = Annotated[
    Path, typer.Argument(metavar="PROGRAM", help="A program.h5 or NetX file, known by content.")
]
InputFile = Annotated[
    Path,
    typer.Option(
        "--input",
        metavar="X.npy",
        help="Integers (steps, *shape) or (batch, steps, *shape), C,H,W order; an .npz may hold "
        "one array, or one for each input by name.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable output only.")]

Engine = Annotated[
    str,
    typer.Option(
        metavar="native|reference|lava", help="What runs the program.", rich_help_panel=RUN_PANEL
    ),
]
JudgingEngine = Annotated[
    str,
    typer.Option(
        metavar="native|reference",
        help="What runs the program; whether Lava agrees is seen with compare.",
        rich_help_panel=RUN_PANEL,
    ),
]
Timing = Annotated[
    str | None,
    typer.Option(
        metavar="aligned|pipelined",
        help="A connection delivers in the same step, or in the next as in Lava and on the chip. "
        "Default: aligned, pipelined with Lava; on labelled data, pipelined also for a program "
        "of which the chip gives other answers than aligned time.",
        rich_help_panel=RUN_PANEL,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="exact|lava",
        help="As the file says, or as Lava's conditioning leaves them. "
        "Default: exact, lava when comparing with Lava.",
        rich_help_panel=RUN_PANEL,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Cut the input, or pad it with zeros, to N steps.",
        rich_help_panel=RUN_PANEL,
    ),
]
ResetInterval = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Clear CUBA states every N steps; -1 never. "
        "Default: never; in a stream of labelled samples, once per sample.",
        rich_help_panel=RUN_PANEL,
    ),
]
ResetOffset = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Step of the first reset, as in NetX: 1 where a dense or conv layer comes first. "
        "Default: 0; in a stream of labelled samples, what the program needs.",
        rich_help_panel=RUN_PANEL,
    ),
]
InputBits = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="0: any non-zero value is one event; above 0: the values count. "
        "Default: as the program says.",
        rich_help_panel=RUN_PANEL,
    ),
]
Record = Annotated[
    str | None,
    typer.Option(
        metavar="s,u,v,...",
        help="Variables to record, for every population that has them. "
        "Default: s, all when comparing.",
        rich_help_panel=RUN_PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole,
        help="Threads of the native engine. Default: all cores.",
        rich_help_panel=RUN_PANEL,
    ),
]

NumLayers = Annotated[
    int | None,
    typer.Option(
        metavar="N", parser=whole, help="Read the first N layers only.", rich_help_panel=_NETX
    ),
]
SkipLayers = Annotated[
    int,
    typer.Option(
        metavar="N", parser=whole, help="Leave out the first N layers.", rich_help_panel=_NETX
    ),
]
InputDrive = Annotated[
    str | None,
    typer.Option(
        metavar="current|bias",
        help="Port through which an Input block is driven. Default: current.",
        rich_help_panel=_NETX,
    ),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        metavar="W,H,C",
        help="Shape of the input where the file does not say it, in the order of netx.",
        rich_help_panel=_NETX,
    ),
]
