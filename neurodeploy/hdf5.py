"""HDF5 files that nobody vouches for, read as plain values.

What a file claims to hold is compared with its size before memory is taken. Links out of the file,
external or virtual storage, and filters that are not built in are refused, so that nothing but the
file itself is read and no plug-in is loaded.
"""

from __future__ import annotations

import math
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
    """Open ``path`` for reading as an `h5py.File`; what the block asks of it is asked in `asking`.

    Raises FormatError when it is no HDF5 file, OSError when it cannot be opened at all.
    """
    with path.open("rb") as raw:
        if not any(_signature_at(raw, place) for place in _USER_BLOCKS):
            raise FormatError(described(path))
        raw.seek(0)
        with asking():
            file = h5py.File(raw, "r")
        try:
            yield file
        finally:
            with asking():
                file.close()


@contextmanager
def asking() -> Iterator[None]:
    """Raise FormatError in place of what h5py raises; nothing else is called in the block."""
    try:
        yield
    except _ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise FormatError(f"is damaged or truncated: {reason}") from error


def stored_bytes(dataset: Any) -> int:
    """Return the bytes of the file that hold the values of ``dataset``, 0 if never written."""
    with asking():
        return int(dataset.id.get_storage_size())


def _signature_at(raw: BinaryIO, place: int) -> bool:
    raw.seek(place)
    return raw.read(len(_SIGNATURE)) == _SIGNATURE


def attribute(item: Any, name: str) -> int | bool | str | tuple[int, ...] | None:
    """Return an attribute of a group: a text, a whole number, a flag or a row of whole numbers.

    None where there is none of that name.
    """
    with asking():
        if name not in item.attrs:
            return None
        handle = item.attrs.get_id(name)
        dtype, shape, size = handle.dtype, handle.shape, handle.get_storage_size()
    kind = dtype.kind
    if kind not in "Siub" or shape is None or len(shape) > 1 or (kind in "Sb" and shape):
        raise FormatError(f"{name} has type {dtype}, expected text or whole numbers")
    if size > MAX_TEXT:
        raise FormatError(f"{name} takes {size} bytes, limit {MAX_TEXT}")
    with asking():
        value: Any = item.attrs[name]
    if kind == "S":
        return _decoded(name, bytes(value))
    return tuple(value.tolist()) if shape else value.item()


def names(group: Any) -> list[str | bytes]:
    """Return the names of the members of ``group``, bytes where they are not UTF-8."""
    with asking():
        return list(group)


def has(group: Any, name: str) -> bool:
    """Whether ``group`` has a member of that name."""
    with asking():
        return name in group


def count(group: Any) -> int:
    """Return the number of members of ``group``."""
    with asking():
        return len(group)


def type_and_shape(dataset: Any) -> tuple[np.dtype[Any], tuple[int, ...] | None]:
    """Return the type and the shape of a dataset, None for one without space."""
    with asking():
        return dataset.dtype, dataset.shape


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is {text[:50]!r}, expected UTF-8") from error


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
            self._count(count(group.attrs) + count(group))
            attributes = [_checked(name) for name in names(group.attrs)]
            result: Tree = {name: attribute(group, name) for name in attributes}
            members = [_checked(name) for name in names(group)]
            if twice := result.keys() & set(members):
                raise FormatError(f"has {min(twice)} as an attribute and as an object")
        for name in members:
            result[name] = self._value(group, name, f"{where}/{name}".lstrip("/"), depth)
        return result

    def member(self, group: Any, name: str) -> Any:
        """Return the group or dataset ``name`` of ``group``, unless it is a link to elsewhere."""
        with asking():
            link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise FormatError("is a soft or external link, expected the object itself")
        with asking():
            item = group[name]
        if not isinstance(item, (h5py.Group, h5py.Dataset)):
            raise FormatError("is a named type, expected a group or a dataset")
        return item

    def _value(self, group: Any, name: str, where: str, depth: int) -> Any:
        with located(where):
            item = self.member(group, name)
            if isinstance(item, h5py.Dataset):
                dtype, shape = type_and_shape(item)
                if dtype.kind not in "iu" or shape is None:
                    raise FormatError(f"has type {dtype}, expected an array of integers")
                return self.array(item)
            if depth == MAX_DEPTH:
                raise FormatError(f"is nested deeper than {MAX_DEPTH} groups")
        return self.tree(item, where, depth + 1)

    def array(self, dataset: Any) -> NDArray[Any]:
        """Return the values of a dataset, after what the file claims about their size and place.

        The caller has looked at the type.
        """
        with asking():
            plan = dataset.id.get_create_plist()
            filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
            elsewhere = plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count()
        if not set(filters) <= self._filters.keys() or len(set(filters)) < len(filters):
            raise FormatError(
                f"uses HDF5 filters {filters}, allowed are {', '.join(self._filters.values())}"
            )
        if elsewhere:
            raise FormatError("keeps its values in another file, expected them in this one")
        self._check_size(dataset)
        with asking():
            values = dataset[()]
        return np.asarray(values)

    def _check_size(self, dataset: Any) -> None:
        dtype, shape = type_and_shape(dataset)
        stored = min(stored_bytes(dataset), self._file_bytes)
        with asking():
            chunks = dataset.chunks or (0,)
        chunk = math.prod(chunks) * dtype.itemsize
        size = math.prod(shape or ()) * dtype.itemsize
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


def _checked(name: str | bytes) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FormatError(f"has an item named {name!r}, expected letters, digits and '_'")
    return name
