"""``neurodeploy convert``: a program from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from neurodeploy.cli.options import in_place_of, parameter
from neurodeploy.cli.programs import check_format
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.converters.formats import FORMATS, writing_options

_METAVAR = "|".join(FORMATS)
_WRITING = "Writing the program"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the writing options that were given."""
    return {
        option.name: option.parsed(values[option.name], option.flag)
        for option in writing_options()
        if values[option.name] is not None
    }


@reads_program
@in_place_of(
    "writing",
    [parameter(o.name, str, _WRITING, o.metavar, o.help) for o in writing_options()],
    _given,
)
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
    *,
    reading: Reading,
    writing: dict[str, Any],
) -> None:
    """Convert a program between NetX and neurodeploy's own format."""
    from neurodeploy.converters import save

    check_format(source_format, "--from")
    check_format(target_format, "--to")
    program = reading.program(source, source_format)
    written = save(program, target, form=target_format, **writing)
    digest = program.digest if written is None else written.digest
    print(f"{target}: {len(program.populations)} populations, digest {digest}")
    for note in () if written is None else written.lines:
        print(note)
