"""Reading profiles: those that ship with the package by name, a user's own by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from neurodeploy.errors import ProfileError
from neurodeploy.profile.chip import ChipProfile
from neurodeploy.schema import checked, nearest, read_toml


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that ship with the package, sorted."""
    folder = resources.files("neurodeploy.hw_profiles")
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


def load_profile(name_or_path: str | Path) -> ChipProfile:
    """Return a shipped profile by name (``"loihi2"``), or one of your own by path.

    Raises ProfileError for an unknown name (with the nearest known one), a file that cannot be
    read, and any breach of the schema, naming the key and the expectation.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name_or_path)
        return _checked(path, str(path))
    if text not in profile_names():
        raise ProfileError(
            f"profile {text!r} is not shipped, {nearest(text, list(profile_names()))} "
            "(a file of your own is given by its path, ending in .toml)"
        )
    with resources.as_file(resources.files("neurodeploy.hw_profiles") / f"{text}.toml") as path:
        return _checked(path, f"{text}.toml")


def _checked(path: Path, where: str) -> ChipProfile:
    data: dict[str, Any] = read_toml(path, ProfileError)
    if "validation" in data:
        raise ProfileError(
            f"{where}: validation: predictions are not written down but made when they are asked "
            "for; give what was counted and measured as a case, [cases.NAME]"
        )
    return checked(ChipProfile, data, where, ProfileError)
