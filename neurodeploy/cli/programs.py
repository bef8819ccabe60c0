"""Programs from and to files of any format that neurodeploy knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.cli.reading import Reading
from neurodeploy.converters.formats import FORMATS
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.program import Program


def read_program(path: Path, form: str | None = None, **options: Any) -> Program:
    """Return the Program that ``path`` holds; see `neurodeploy.cli.reading`."""
    given = {name: str(value) for name, value in options.items() if value not in (None, 0)}
    return Reading(given).program(path, form)


def check_format(form: str | None, option: str) -> None:
    """Raise OptionError, which names the command line's ``option``, for an unknown format."""
    if form is not None and form not in FORMATS:
        raise OptionError(f"{option} is {form!r}, expected one of {', '.join(FORMATS)}")
