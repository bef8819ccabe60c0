"""Options that hold several numbers."""

from __future__ import annotations

from neurodeploy.errors import OptionError


def numbers(flag: str, text: str) -> tuple[float, ...] | None:
    """Return the numbers of ``A,B,...``, None for an empty text.

    Raises OptionError for what is no number.
    """
    if not text:
        return None
    found = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise OptionError(f"{flag}: {part!r} is no number, expected A,B,...") from None
    return tuple(found)
