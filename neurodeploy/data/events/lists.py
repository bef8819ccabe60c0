"""Lists of events: ``.npy`` and ``.csv`` with the columns x, y, p, t."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.events.record import Events
from neurodeploy.errors import DataError, located
from neurodeploy.foreign import described

NAMES = ("x", "y", "p", "t")


def read_list(path: Path | str, width: int, height: int) -> Events:
    """Return the events of one file, t in microseconds.

    ``.npy``: integers ``(n, 4)`` in the order x, y, p, t, or records with fields of these names.
    ``.csv``: whole numbers in that order, or in any order under a first line of their names.

    Raises DataError that names the file, and the line or event.
    """
    with located(str(path)):
        file = Path(path)
        x, y, p, t = _npy(file) if file.suffix == ".npy" else _csv(file)
        return Events(x, y, p, t, width, height)


def _npy(path: Path) -> list[NDArray[np.int64]]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"is {described(path)}, expected a .npy of plain numbers") from error
    if not isinstance(array, np.ndarray):
        raise DataError("is an .npz, expected a .npy of one array")
    if array.dtype.names is not None:
        missing = [name for name in NAMES if name not in array.dtype.names]
        if missing or array.ndim != 1:
            raise DataError(f"has fields {', '.join(array.dtype.names)}, expected x, y, p, t")
        return [array[name] for name in NAMES]
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iu":
        raise DataError(
            f"has shape {array.shape} and dtype {array.dtype}, expected integers (n, 4): x, y, p, t"
        )
    return list(array.T)


def _csv(path: Path) -> list[NDArray[np.int64]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read as text: {error}") from error
    order, first = list(NAMES), 0
    head = [cell.strip() for cell in lines[0].split(",")] if lines else []
    if head and all(cell.isalpha() for cell in head):
        if sorted(head) != sorted(NAMES):
            raise DataError(f"line 1 names {', '.join(head)}, expected x, y, p, t")
        order, first = head, 1
    rows = []
    for number, line in enumerate(lines[first:], first + 1):
        if not line.strip():
            continue
        try:
            row = [int(cell) for cell in line.split(",")]
        except ValueError as error:
            raise DataError(f"line {number}: {line[:40]!r} are not whole numbers") from error
        if len(row) != 4:
            raise DataError(f"line {number} has {len(row)} values, expected 4")
        rows.append(row)
    table = np.array(rows, np.int64).reshape(-1, 4)
    return [table[:, order.index(name)] for name in NAMES]
