"""Shipped profiles with one thing changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from neurodeploy.errors import ProfileError
from neurodeploy.profile import load_profile

Edit = Callable[[str], str]


def key(name: str, value: str) -> Edit:
    """Give the first line of that key another value."""
    line = re.compile(rf"(?m)^{re.escape(name)} = .*$")
    return lambda text: line.sub(lambda _: f"{name} = {value}", text, count=1)


def without(name: str) -> Edit:
    """Drop the first line of that key."""
    return lambda text: re.sub(rf"(?m)^{name} = .*\n", "", text, count=1)


def add(section: str, line: str) -> Edit:
    """Add a line to a section."""
    return lambda text: text.replace(f"[{section}]\n", f"[{section}]\n{line}\n", 1)


def swap(old: str, new: str) -> Edit:
    """Replace the first place of a text."""
    return lambda text: text.replace(old, new, 1)


def both(first: Edit, second: Edit) -> Edit:
    return lambda text: second(first(text))


def point(value: object) -> str:
    return f'{{ value = {value}, grade = "measured", source = "blouw_2019" }}'


def ends(low: object, mid: object, high: object) -> str:
    numbers = f"low = {low}, mid = {mid}, high = {high}"
    return f'{{ {numbers}, grade = "simulated", source = "sanafe_2_2_9" }}'


def fitted(low: object, mid: object, high: object, cases: str = "1") -> str:
    numbers = f"low = {low}, mid = {mid}, high = {high}"
    return f'{{ {numbers}, grade = "fitted", cases = {cases}, source = "lavadl_pilotnet_lif" }}'


def refused(shipped: str, edit: Edit, folder: Path) -> str:
    """Return what is said of a shipped profile after an edit, without the name of the file."""
    text = (resources.files("neurodeploy.hw_profiles") / f"{shipped}.toml").read_text("utf-8")
    changed = edit(text)
    assert changed != text
    path = folder / "chip.toml"
    path.write_text(changed, "utf-8")
    with pytest.raises(ProfileError) as raised:
        load_profile(path)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path}: ")
