"""``neurodeploy convert``: a program from one file format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from neurodeploy.cli.conversion import compared, show, without_overflow
from neurodeploy.cli.datasets import DataFlags, takes_data
from neurodeploy.cli.options import AsJson, in_place_of, parameter
from neurodeploy.cli.output import print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.words import in_words_of_options
from neurodeploy.converters.formats import FORMATS, reading_options, writing_options
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import OptionError

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
@takes_data
@in_place_of(
    "writing",
    [parameter(o.name, str, _WRITING, o.metavar, o.help) for o in writing_options()],
    _given,
)
def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File to read.")],
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="File to write: .net, .h5 or .nir.")
    ],
    source_format: Annotated[
        str | None,
        typer.Option("--from", metavar=_METAVAR, help="Format of SRC. Default: by content."),
    ] = None,
    target_format: Annotated[
        str | None,
        typer.Option("--to", metavar=_METAVAR, help="Format of DST. Default: by suffix."),
    ] = None,
    check: Annotated[
        str | None,
        typer.Option("--check", metavar="D", help=f"Compare with the source on data. {DATA_HELP}"),
    ] = None,
    least: Annotated[
        float,
        typer.Option(
            "--agreement", metavar="SHARE", help="Least agreement of a layer's spikes, else 1."
        ),
    ] = 0.0,
    rescale: Annotated[
        bool,
        typer.Option(
            "--rescale", help="Scale layers down until no input can make a state overflow."
        ),
    ] = False,
    json: AsJson = False,
    *,
    taken: DataFlags,
    reading: Reading,
    writing: dict[str, Any],
) -> int:
    """Convert a program between NetX, NIR and neurodeploy's own format."""
    from neurodeploy.converters import save

    _check(source_format, target_format, least)
    program = reading.program(source, source_format)
    found = None
    notes: tuple[str, ...] = ()
    if rescale:
        program, notes = without_overflow(program, check, taken)
    elif check is not None:
        found = compared(reading.floats(source, source_format), program, check, taken)
    with in_words_of_options((*reading_options(), *writing_options())):
        written = save(program, target, form=target_format, **writing)
    digest = program.digest if written is None else written.digest
    lines = notes if written is None else (*notes, *written.lines)
    if json:
        shown = None if found is None else found.to_dict()
        print_json({"output": target, "digest": digest, "notes": lines, "check": shown})
    else:
        print(f"{target}: {len(program.populations)} populations, digest {digest}")
        for note in lines:
            print(note)
        if found is not None:
            show(found)
    return int(found is not None and found.lowest < least)


def _check(source_format: str | None, target_format: str | None, least: float) -> None:
    """Raise OptionError for an unknown format, or an agreement that is no share."""
    _check_format(source_format, "--from")
    _check_format(target_format, "--to")
    if not 0 <= least <= 1:
        raise OptionError(f"--agreement is {least:g}, allowed are 0 to 1")


def _check_format(form: str | None, option: str) -> None:
    """Raise OptionError, which names the command line's ``option``, for an unknown format."""
    if form is not None and form not in FORMATS:
        raise OptionError(f"{option} is {form!r}, expected one of {', '.join(FORMATS)}")
