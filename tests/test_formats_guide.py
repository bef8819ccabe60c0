"""The guide to the files of results says what is in them: every key, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.demo import shipped_program

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of verify and compare."""
    home = tmp_path_factory.mktemp("guide")
    nd.save(shipped_program(), str(home / "p.h5"))
    arguments = ("--data", "digits", "--samples", "12", "--out", str(home / "run"))
    assert command_line(app, ["verify", str(home / "p.h5"), *arguments, "--json"]) == 0
    np.save(home / "x.npy", np.zeros((8, 64), np.int32))
    arguments = ("--input", str(home / "x.npy"), "--out", str(home / "run"), "--json")
    assert command_line(app, ["compare", str(home / "p.h5"), *arguments]) == 0
    return home / "run"


@pytest.mark.parametrize(("name", "shape"), [("verify", "verify"), ("compare", "compare")])
def test_files_are_as_the_guide_says(folder: Path, name: str, shape: str) -> None:
    content = json.loads((folder / f"{name}.json").read_text())
    assert list(problems(content, shape, name)) == []


def test_rows_of_the_suites_are_as_the_guide_says(folder: Path) -> None:
    suites = json.loads((folder / "verify.json").read_text())["suites"]
    for name in ("noise", "overflow"):
        for row in suites[name]["summary"]:
            assert list(problems(row, f"{name} row", name)) == []


def test_journals_are_as_the_guide_says(folder: Path) -> None:
    head, *lines = (folder / "verify" / "noise.jsonl").read_text().splitlines()
    assert list(problems(json.loads(head), "head", "head")) == []
    assert len(lines) == 12 * 6
    for line in lines:
        assert list(problems(json.loads(line), "noise line", "line")) == []


def test_a_key_that_is_not_in_the_guide_is_noticed() -> None:
    row = {"sample": 1, "label": 2, "sigma": 0.1, "predicted": 3}
    assert list(problems({**row, "more": 1}, "noise line", "line")) == [
        "line: more is not in the guide"
    ]
    del row["label"]
    assert list(problems(row, "noise line", "line")) == ["line: lacks label"]
    assert list(problems({**row, "label": "2"}, "noise line", "line")) == [
        "line.label is '2', the guide says number"
    ]
