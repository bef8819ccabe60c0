"""Two programs side by side: every field of every record, arrays by what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.difference.item import Item, paired
from neurodeploy.program import Program
from neurodeploy.record import Record, told_fields

SHOWN = 8
"""Values of an array that are written out."""


def program_items(first: Program, second: Program) -> list[Item]:
    """Return the items of both programs; metadata come last and are no part of the digest."""
    items = paired("program", {"digest": first.digest[:12]}, {"digest": second.digest[:12]})
    for kind in ("inputs", "populations"):
        mine, theirs = ({n.name: n for n in getattr(p, kind)} for p in (first, second))
        items += _records(kind[:-1], mine, theirs)
    links = (dict(zip(p.connection_names, p.connections, strict=True)) for p in (first, second))
    items += _records("connection", *links)
    items += paired("read-out", _fields(first.readout), _fields(second.readout))
    told = ({key: repr(value) for key, value in p.metadata.items()} for p in (first, second))
    return items + paired("metadata", *told)


def _records(kind: str, first: dict[str, Any], second: dict[str, Any]) -> list[Item]:
    """Return the items of records by name; arrays that differ say in how many values."""
    items: list[Item] = []
    for name in [*first, *(n for n in second if n not in first)]:
        mine, theirs = first.get(name), second.get(name)
        found = paired(f"{kind} {name}", _fields(mine), _fields(theirs))
        items += [_counted(item, mine, theirs) for item in found]
    return items


def _fields(record: Record | None, prefix: str = "") -> dict[str, str]:
    """Return the fields of a record in words, those of records within it by their path."""
    if record is None:
        return {}
    found: dict[str, str] = {}
    for name, value in told_fields(record):
        if isinstance(value, Record):
            found[f"{prefix}{name}"] = type(value).__name__
            found |= _fields(value, f"{prefix}{name}.")
        elif value is not None:
            found[f"{prefix}{name}"] = _words(value)
    return found


def _words(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return str(value)
    if value.size <= SHOWN:
        return str(value.tolist())
    shape = "x".join(str(size) for size in value.shape)
    return f"{shape}, {value.min()} to {value.max()}, sum {int(value.sum(dtype=np.int64))}"


def _counted(item: Item, first: Record | None, second: Record | None) -> Item:
    """Add to arrays of one shape in how many values they differ, and by how much."""
    one, other = _at(first, item.name), _at(second, item.name)
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return item
    if one.shape != other.shape or one.size == 1 or np.array_equal(one, other):
        return item
    change = np.abs(other.astype(np.int64) - one)
    text = f"{np.count_nonzero(change)} of {change.size} values differ, by up to {change.max()}"
    return Item(item.where, item.name, item.first, f"{item.second}; {text}")


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = getattr(record, name, None)
    return record
