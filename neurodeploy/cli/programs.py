"""The formats of program files that a user names."""

from __future__ import annotations

from neurodeploy.converters.formats import FORMATS
from neurodeploy.errors import OptionError


def check_format(form: str | None, option: str) -> None:
    """Raise OptionError, which names the command line's ``option``, for an unknown format."""
    if form is not None and form not in FORMATS:
        raise OptionError(f"{option} is {form!r}, expected one of {', '.join(FORMATS)}")
