"""``neurodeploy convert``: a program from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurodeploy.cli.options import InputDrive, InputShape, NumLayers, SkipLayers, whole
from neurodeploy.cli.programs import FORMATS, read_program, write_program

_METAVAR = "|".join(FORMATS)
_WRITING = "Writing NetX files"


def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File to read.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="File to write: .net or .h5.")],
    source_format: Annotated[
        str | None,
        typer.Option("--from", metavar=_METAVAR, help="Format of SRC. Default: by content."),
    ] = None,
    target_format: Annotated[
        str | None,
        typer.Option("--to", metavar=_METAVAR, help="Format of DST. Default: by suffix."),
    ] = None,
    repair: Annotated[
        str,
        typer.Option(
            metavar="none|nearest",
            help="Refuse weights that Lava's conditioning would damage, or change them by as "
            "little as avoids it.",
            rich_help_panel=_WRITING,
        ),
    ] = "none",
    reset_interval: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole,
            help="Steps of a sample, for the run script beside the file.",
            rich_help_panel=_WRITING,
        ),
    ] = None,
    num_layers: NumLayers = None,
    skip_layers: SkipLayers = 0,
    input_drive: InputDrive = None,
    input_shape: InputShape = None,
) -> None:
    """Convert a program between NetX and neurodeploy's own format."""
    program = read_program(
        source,
        source_format,
        num_layers=num_layers,
        skip_layers=skip_layers,
        input_drive=input_drive,
        input_shape=input_shape,
    )
    notes = write_program(
        program, target, target_format, reset_interval=reset_interval, repair=repair
    )
    print(f"{target}: {len(program.populations)} populations, digest {program.digest}")
    for note in notes:
        print(note)
