"""Reads docs/formats.md, and says where a JSON value is not as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[1] / "docs" / "formats.md"
PLAIN = {
    "number": (int, float),
    "text": (str,),
    "flag": (bool,),
}


@dataclass(frozen=True)
class Entry:
    """One key. kind : a plain type, ``any``, or the name of a shape. optional : may be missing."""

    path: str
    kind: str
    optional: bool


def shapes() -> dict[str, list[Entry]]:
    """Return the tables of the guide by their heading."""
    found: dict[str, list[Entry]] = {}
    heading = ""
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            heading = line[4:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if heading and line.startswith("| `") and len(cells) == 3:
            kind = cells[1].rstrip("?")
            for path in re.findall(r"`([^`]+)`", cells[0]):
                entry = Entry(path, kind, cells[1].endswith("?"))
                found.setdefault(heading, []).append(entry)
    return found


SHAPES = shapes()


def problems(value: Any, shape: str, where: str) -> Iterator[str]:
    """Yield what the guide does not say of an object, and what it says that is not there."""
    entries = SHAPES[shape]
    seen: set[str] = set()
    for path, item in leaves(value, [entry.path for entry in entries]):
        entry = next((e for e in entries if e.path == path), None)
        if entry is None:
            yield f"{where}: {path} is not in the guide"
            continue
        seen.add(path)
        yield from wrong(item, entry, f"{where}.{path}")
    for entry in entries:
        always = not entry.optional and not re.search(r"\[\]|\{", entry.path)
        if always and entry.path not in seen:
            yield f"{where}: lacks {entry.path}"


def wrong(item: Any, entry: Entry, where: str) -> Iterator[str]:
    if item is None:
        if not entry.optional:
            yield f"{where} is null"
    elif entry.kind in PLAIN:
        kinds = PLAIN[entry.kind]
        if not isinstance(item, kinds) or (isinstance(item, bool) and bool not in kinds):
            yield f"{where} is {item!r}, the guide says {entry.kind}"
    elif entry.kind != "any":
        yield from problems(item, entry.kind, where)


def leaves(value: Any, known: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path of the guide, value): down to the first path that the guide knows."""
    if path in known:
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            longer = f"{path}.{key}".lstrip(".")
            general = re.sub(r"[^.]+$", "{}", longer)
            match = [k for k in known if re.sub(r"\{\w+\}", "{}", k).startswith(general)]
            specific = any(k == longer or k.startswith((f"{longer}.", f"{longer}[")) for k in known)
            if not specific and match:
                braces = re.match(re.escape(general).replace(r"\{\}", r"\{\w+\}"), match[0])
                longer = braces[0] if braces else longer
            yield from leaves(item, known, longer)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, known, f"{path}[]")
    else:
        yield path, value
