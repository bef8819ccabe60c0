"""Reading profiles: those that ship with the package by name, a user's own by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from neurodeploy.errors import ProfileError
from neurodeploy.profile.chip import ChipProfile
from neurodeploy.profile.inherit import EXTENDS, merged
from neurodeploy.schema import checked, nearest, read_toml


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that ship with the package, sorted."""
    folder = resources.files("neurodeploy.hw_profiles")
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


def load_profile(name_or_path: str | Path) -> ChipProfile:
    """Return a shipped profile by name (``"loihi2"``), or one of your own by path.

    A file with ``extends = "loihi1"`` (a name, or a path seen from the file) holds what differs:
    its tables are laid over those of the other, key by key.

    Raises ProfileError for an unknown name (with the nearest known one), a file that cannot be
    read, files that extend each other in a circle, and any breach of the schema, naming the key and
    the expectation.
    """
    where, data = _read(name_or_path, Path(), ())
    if "validation" in data:
        raise ProfileError(
            f"{where}: validation: predictions are not written down but made when they are asked "
            "for; give what was counted and measured as a case, [cases.NAME]"
        )
    return checked(ChipProfile, data, where, ProfileError)


def _read(
    name_or_path: str | Path, beside: Path, above: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    """Return (file, content), with what it extends beneath it.

    beside : folder that a relative path starts from. above : the files that led here.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = beside / name_or_path
        return str(path), _with_parent(path, str(path), above)
    if text not in profile_names():
        raise ProfileError(
            f"profile {text!r} is not shipped, {nearest(text, list(profile_names()))} "
            "(a file of your own is given by its path, ending in .toml)"
        )
    with resources.as_file(resources.files("neurodeploy.hw_profiles") / f"{text}.toml") as path:
        return f"{text}.toml", _with_parent(path, f"{text}.toml", above)


def _with_parent(path: Path, where: str, above: tuple[str, ...]) -> dict[str, Any]:
    identity = str(path.resolve())
    if identity in above:
        names = " extends ".join(Path(file).name for file in (*above, identity))
        raise ProfileError(f"{where}: {EXTENDS} goes in a circle, {names}")
    data: dict[str, Any] = read_toml(path, ProfileError)
    if EXTENDS not in data:
        return data
    parent = data.pop(EXTENDS)
    if not isinstance(parent, str) or not parent:
        raise ProfileError(f"{where}: {EXTENDS} is {parent!r}, expected a chip's name or a path")
    _, inherited = _read(parent, path.parent, (*above, identity))
    return merged(inherited, data, where)
