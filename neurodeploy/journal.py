"""A journal: results of single samples, one JSON object a line, written as they come.

The first line says what the rest belongs to: format, kind, digests of program and data, settings
and seeds. It holds no clock time, so that a run that was interrupted and goes on leaves the file
that an uninterrupted one leaves. Beside a journal may stand its payload: one record of fixed size
for each line, in ``NAME.part``, for arrays that lines are too clumsy for; whoever finishes the
journal turns it into a file of its own.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import FormatError, OptionError

FORMAT = 1
MAX_LINE = 2**20
"""Longest line, in characters; more is taken for damage."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Head:
    """What the lines belong to. kind : of the lines. program, data : digests. settings : JSON."""

    kind: str
    program: str
    data: str
    settings: Mapping[str, Any]

    def to_dict(self) -> Line:
        """Return the first line of the file."""
        return {"format": FORMAT, **vars(self), "settings": dict(self.settings)}


@dataclass
class Journal:
    """An open journal. lines : all of them so far, those that were there before included.

    dropped : whether the file ended within a line, which is written again.
    """

    path: Path
    lines: list[Line]
    dropped: bool
    _file: IO[bytes] = field(repr=False)
    _payload: IO[bytes] | None = field(repr=False)

    def append(self, lines: Iterable[Line], payload: NDArray[Any] | None = None) -> None:
        """Write some lines, and the records that belong to them, and flush both."""
        new = list(lines)
        if self._payload is not None and payload is not None:
            self._payload.write(payload.tobytes())
            self._payload.flush()
        self._file.write("".join(_text(line) for line in new).encode())
        self._file.flush()
        self.lines += new

    def keep(self, count: int, record_bytes: int = 0) -> None:
        """Forget all lines but the first ``count``, and their records of ``record_bytes``."""
        if count < len(self.lines):
            self.lines = self.lines[:count]
            self._file.truncate(_size(self.path, count))
            if self._payload is not None:
                self._payload.truncate(count * record_bytes)

    def close(self) -> None:
        """Close the files; they can be gone on with later."""
        self._file.close()
        if self._payload is not None:
            self._payload.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened(path: Path, head: Head, *, resume: bool, payload: np.dtype[Any] | None) -> Journal:
    """Open the journal ``path`` to go on where it ends, or anew unless ``resume``.

    payload : type of the records beside the lines, None for none. A line that is cut off, and a
    record without its line, are dropped.

    Raises OptionError when the journal belongs to another program, data or settings; FormatError
    when it is damaged before its last line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    if not resume or not path.exists():
        part.unlink(missing_ok=True)
        path.write_bytes(_text(head.to_dict()).encode())
        return Journal(path, [], False, path.open("ab"), _part(part, payload, 0))
    found, whole = _scan(path)
    _check(path, found[0] if found else None, head)
    lines = found[1:]
    if payload is not None:
        stored = part.stat().st_size // payload.itemsize if part.exists() else 0
        if stored < len(lines):
            whole, lines = _size(path, stored), lines[:stored]
    dropped = path.stat().st_size > whole
    os.truncate(path, whole)
    return Journal(path, lines, dropped, path.open("ab"), _part(part, payload, len(lines)))


def read(path: Path) -> tuple[Line, list[Line]]:
    """Return the head and the whole lines of a journal.

    Raises FormatError for a file that is none, or is damaged before its last line.
    """
    found, _ = _scan(path)
    if not found:
        raise FormatError(f"{path}: is empty, expected a first line with format and digests")
    return found[0], found[1:]


def payload(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the records that belong to the lines of the journal ``path``."""
    part = path.with_suffix(".part")
    if not part.exists():
        return np.empty(0, kind)
    content = part.read_bytes()
    return np.frombuffer(content[: len(content) // kind.itemsize * kind.itemsize], kind)


def _scan(path: Path) -> tuple[list[Line], int]:
    """Return the lines that are whole, and how many bytes they take."""
    found, at = list[Line](), 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                break
            found.append(_parsed(path, number, raw))
            at += len(raw)
    return found, at


def _parsed(path: Path, number: int, raw: bytes) -> Line:
    if len(raw) > MAX_LINE:
        raise FormatError(f"{path}: line {number} has {len(raw)} bytes, limit {MAX_LINE}")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: line {number} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{path}: line {number} is damaged: expected a JSON object")
    return value


def _check(path: Path, found: Line | None, head: Head) -> None:
    if found is None:
        raise OptionError(f"{path}: holds no results to go on with; leave out --resume")
    if found.get("format") != FORMAT:
        raise FormatError(f"{path}: format is {found.get('format')!r}, this release reads {FORMAT}")
    for name, wanted in head.to_dict().items():
        if found.get(name) != wanted:
            raise OptionError(
                f"{path}: holds results of {_which(name, found.get(name))}, this run has "
                f"{_which(name, wanted)}; leave out --resume or choose another folder"
            )


def _which(name: str, value: object) -> str:
    return f"{name} {value[:12] if isinstance(value, str) else value}"


def _size(path: Path, count: int) -> int:
    """Return the bytes of the head and the ``count`` lines behind it."""
    with path.open("rb") as file:
        return sum(len(raw) for raw in itertools.islice(file, count + 1))


def _part(path: Path, kind: np.dtype[Any] | None, count: int) -> IO[bytes] | None:
    """Open the payload behind its first ``count`` records."""
    if kind is None:
        return None
    with path.open("ab") as file:
        file.truncate(count * kind.itemsize)
    return path.open("ab")


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, allow_nan=False) + "\n"
