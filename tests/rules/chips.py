"""Profiles that state just a few limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.profile import ChipProfile, load_profile

HEAD = '[identity]\nname = "chip"\nstatus = "limits"\nschema_version = 1\n'
TAIL = '\n[citations]\nbook = "A book"\n'
EVIDENCE = 'grade = "vendor", source = "book"'


def chip(folder: Path, section: str = "limits", **limits: Any) -> ChipProfile:
    """A profile whose section states these limits: numbers, lists, choices; words as they are."""
    lines = [f"{name} = {_written(value)}" for name, value in limits.items()]
    path = folder / "chip.toml"
    path.write_text("\n".join([HEAD, f"[{section}]", *lines, TAIL]), "utf-8")
    return load_profile(path)


def _written(value: Any) -> str:
    if isinstance(value, tuple):  # words, which stand without evidence
        return str(list(value)).replace("'", '"')
    if isinstance(value, list):
        return f"{{ values = {value}, {EVIDENCE} }}"
    number = f'"{value}"' if isinstance(value, str) else value
    return f"{{ value = {number}, {EVIDENCE} }}"
