"""HDF5 files that nobody vouches for, read as plain values.

What a file claims to hold is compared with its size before memory is taken. Links out of the file,
external or virtual storage, and filters that are not built in are refused, so that nothing but the
file itself is read and no plug-in is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import FormatError, located
from neurodeploy.foreign import described

Tree = dict[str, Any]
"""A group as plain values: int, bool, str, tuple of int, integer array, or Tree."""

MAX_BYTES = 2**32
"""Most bytes of all arrays of one file together."""
MAX_EXPANSION = 1100
"""Most bytes of an array per byte stored; deflate reaches 1032."""
MAX_ITEMS = 100_000
"""Most groups, datasets and attributes of one file."""
MAX_TEXT = 4096
"""Most bytes of one attribute."""
MAX_DEPTH = 3
"""Most groups inside each other, the root left out."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (0, *(512 << k for k in range(12)))
"""Where the signature may stand: a file may begin with a block of its user's, up to 1 MiB here."""
_NAME = re.compile(r"\w{1,100}", re.ASCII)
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}
BUILT_IN = {
    **_FILTERS,
    h5py.h5z.FILTER_LZF: "lzf",
    h5py.h5z.FILTER_SZIP: "szip",
    h5py.h5z.FILTER_NBIT: "nbit",
    h5py.h5z.FILTER_SCALEOFFSET: "scaleoffset",
}
"""Filters that h5py reads without a plug-in."""
_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError)
"""What h5py raises for a file that libhdf5 cannot make sense of."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open ``path`` for reading as an `h5py.File`.

    Raises FormatError when it is no HDF5 file, and in place of whatever h5py raises in the block;
    OSError when it cannot be opened at all.
    """
    with path.open("rb") as raw:
        if not any(_signature_at(raw, place) for place in _USER_BLOCKS):
            raise FormatError(described(path))
        raw.seek(0)
        try:
            with h5py.File(raw, "r") as file:
                yield file
        except _ERRORS as error:
            reason = " ".join(str(error).split())[:200]
            raise FormatError(f"is damaged or truncated: {reason}") from error


def _signature_at(raw: BinaryIO, place: int) -> bool:
    raw.seek(place)
    return raw.read(len(_SIGNATURE)) == _SIGNATURE


def attribute(item: Any, name: str) -> int | bool | str | tuple[int, ...]:
    """Return an attribute of a group: a text, a whole number, a flag or a row of whole numbers."""
    handle = item.attrs.get_id(name)
    kind, shape, size = handle.dtype.kind, handle.shape, handle.get_storage_size()
    if kind not in "Siub" or shape is None or len(shape) > 1 or (kind in "Sb" and shape):
        raise FormatError(f"{name} has type {handle.dtype}, expected text or whole numbers")
    if size > MAX_TEXT:
        raise FormatError(f"{name} takes {size} bytes, limit {MAX_TEXT}")
    value: Any = item.attrs[name]
    if kind == "S":
        return bytes(value).decode()
    return tuple(value.tolist()) if shape else value.item()


def tree(file: Any, file_bytes: int) -> Tree:
    """Return the whole content of ``file``, which takes ``file_bytes`` on disk, as plain values.

    Raises FormatError that names the item, what it claims and the limit.
    """
    return Reader(file_bytes, MAX_BYTES).tree(file)


class Reader:
    """Reads objects of one file, counting what they take against the limits of the file.

    file_bytes : what the file takes on disk. max_bytes : most bytes of all arrays together.
    max_unstored : most of them that no stored byte stands for, such as fill values of what was
        created but never written. filters : those allowed, with their names.
    """

    def __init__(
        self,
        file_bytes: int,
        max_bytes: int,
        max_unstored: int = 0,
        filters: Mapping[int, str] = _FILTERS,
    ) -> None:
        self._file_bytes = file_bytes
        self._max_bytes = max_bytes
        self._max_unstored = max_unstored
        self._filters = filters
        self._bytes = 0
        self._unstored = 0
        self._items = 0

    def tree(self, group: Any, where: str = "", depth: int = 0) -> Tree:
        """Return the attributes, datasets and sub-groups of ``group``, whose path is ``where``."""
        with located(where or "the file"):
            self._count(len(group.attrs) + len(group))
            result: Tree = {_checked(name): attribute(group, name) for name in group.attrs}
            members = [_checked(name) for name in group]
            if twice := result.keys() & set(members):
                raise FormatError(f"has {min(twice)} as an attribute and as an object")
        for name in members:
            result[name] = self._value(group, name, f"{where}/{name}".lstrip("/"), depth)
        return result

    def member(self, group: Any, name: str) -> Any:
        """Return the group or dataset ``name`` of ``group``, unless it is a link to elsewhere."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FormatError("is a soft or external link, expected the object itself")
        item = group[name]
        if not isinstance(item, (h5py.Group, h5py.Dataset)):
            raise FormatError("is a named type, expected a group or a dataset")
        return item

    def _value(self, group: Any, name: str, where: str, depth: int) -> Any:
        with located(where):
            item = self.member(group, name)
            if isinstance(item, h5py.Dataset):
                if item.dtype.kind not in "iu" or item.shape is None:
                    raise FormatError(f"has type {item.dtype}, expected an array of integers")
                return self.array(item)
            if depth == MAX_DEPTH:
                raise FormatError(f"is nested deeper than {MAX_DEPTH} groups")
        return self.tree(item, where, depth + 1)

    def array(self, dataset: Any) -> NDArray[Any]:
        """Return the values of a dataset, after what the file claims about their size and place.

        The caller has looked at the type.
        """
        plan = dataset.id.get_create_plist()
        filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
        if not set(filters) <= self._filters.keys() or len(set(filters)) < len(filters):
            raise FormatError(
                f"uses HDF5 filters {filters}, allowed are {', '.join(self._filters.values())}"
            )
        if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
            raise FormatError("keeps its values in another file, expected them in this one")
        self._check_size(dataset)
        return np.asarray(dataset[()])

    def _check_size(self, dataset: Any) -> None:
        stored = min(dataset.id.get_storage_size(), self._file_bytes)
        chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dataset.dtype.itemsize
        size = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize
        self._unstored += max(max(size, chunk) - MAX_EXPANSION * stored, 0)
        if self._unstored > self._max_unstored:
            raise FormatError(
                f"claims {max(size, chunk)} bytes of which {stored} are stored, "
                f"limit {MAX_EXPANSION} to one"
            )
        self._bytes += size
        if self._bytes > self._max_bytes:
            raise FormatError(f"brings the arrays to {self._bytes} bytes, limit {self._max_bytes}")

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            raise FormatError(
                f"holds {self._items} groups, arrays and attributes, limit {MAX_ITEMS}"
            )


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormatError(f"has an item named {name!r}, expected letters, digits and '_'")
    return name
