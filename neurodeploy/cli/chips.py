"""The option --profile: chips by name, profiles of one's own by path, or all that ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

ALL = "all"
"""Name that stands for every shipped profile."""

Profiles = Annotated[
    list[str],
    typer.Option(
        metavar="P,..",
        help="A chip by name, or a profile of your own by path; several, or all.",
    ),
]


def chosen_profiles(names: list[str]) -> list[ChipProfile]:
    """Return the profiles of ``a,b`` one by one, of ``all`` every one that ships."""
    from neurodeploy.profile import load_profile, profile_names

    parts = split_names(names)
    listed = [one for name in parts for one in (profile_names() if name == ALL else (name,))]
    return [load_profile(name) for name in dict.fromkeys(listed)]


def split_names(names: list[str]) -> list[str]:
    """Return what ``a,b`` names one by one; a file whose name holds a comma stays whole."""
    parts: list[str] = []
    for given in names:
        whole = "," not in given or Path(given).is_file()
        parts += [given] if whole else [part.strip() for part in given.split(",") if part.strip()]
    return list(dict.fromkeys(parts))
