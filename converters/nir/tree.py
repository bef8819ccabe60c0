"""The content of a NIR file as plain values; nothing in it is trusted, executed or unpickled.

The `nir` package reads whatever a file claims to hold; here sizes, links and texts are checked
first, and files of every release of nir are read without it.

Source: nir 1.0.8 `nir/serialization.py`.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodeploy import hdf5
from neurodeploy.converters.netx import heap
from neurodeploy.errors import FormatError, located

Tree = dict[str, Any]
"""A group as plain values: texts, arrays of numbers, rows of texts, or Tree."""

MAX_DEPTH = 24
"""Most groups inside each other; a sub-graph takes two."""
MAX_TEXT = 2**20
"""Most bytes of one text."""
MAX_TEXTS = 1_000_000
"""Most texts of one array."""
_VERSION = re.compile(r"v?[01]\.[\w.+-]+|[01]")


def is_nir(path: Path) -> bool:
    """Whether ``path`` is an HDF5 file laid out as nir writes it. OSError where it cannot be."""
    try:
        with hdf5.opened(path) as file:
            return hdf5.has(file, "node") and hdf5.has(file, "version")
    except FormatError:
        return False


def read_tree(path: Path) -> tuple[str, Tree]:
    """Return the version of nir that wrote ``path``, and its top graph.

    Raises FormatError for what is damaged, hostile or of an unknown version.
    """
    with hdf5.opened(path) as file:
        walk = _Walk(path)
        content = walk.tree(file, "", only=("version", "node"))
    version = content.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise FormatError(f"version is {version!r}, read are 0.* and 1.* of nir")
    if not isinstance(content.get("node"), dict):
        raise FormatError("has no group 'node', expected a NIR graph")
    return version, content["node"]


class _Walk:
    """One pass over a file, counting what it takes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = hdf5.Reader(path.stat().st_size, hdf5.MAX_BYTES, filters=hdf5.BUILT_IN)
        self._items = 0

    def tree(self, group: Any, where: str, depth: int = 0, only: tuple[str, ...] = ()) -> Tree:
        """Return the members of ``group``, those named in ``only`` where it names any."""
        result: Tree = {}
        for name in hdf5.names(group):
            if only and name not in only:
                continue
            place = f"{where}/{name!s}".lstrip("/")
            with located(place):
                self._count()
                if not isinstance(name, str) or not name.isprintable() or len(name) > 1000:
                    raise FormatError("has a name that is no printable text of 1000 characters")
                item = self._reader.member(group, name)
                if isinstance(item, h5py.Dataset):
                    result[name] = self._value(item)
                    continue
                if depth == MAX_DEPTH:
                    raise FormatError(f"is nested deeper than {MAX_DEPTH} groups")
            result[name] = self.tree(item, place, depth + 1)
        return result

    def _count(self) -> None:
        self._items += 1
        if self._items > hdf5.MAX_ITEMS:
            raise FormatError(f"is item {self._items} of the file, limit {hdf5.MAX_ITEMS}")

    def _value(self, dataset: Any) -> Any:
        dtype, shape = hdf5.type_and_shape(dataset)
        if shape is None:
            return None
        if dtype.kind == "O":
            return self._texts(dataset, dtype, shape)
        if dtype.kind not in "iufbS":
            raise FormatError(f"has type {dtype}, expected numbers or texts")
        values = self._reader.array(dataset)
        if dtype.kind == "S":
            return _shaped([_decoded(bytes(v)) for v in values.reshape(-1)], shape)
        return values

    def _texts(self, dataset: Any, dtype: Any, shape: tuple[int, ...]) -> Any:
        with hdf5.asking():
            text = h5py.check_string_dtype(dtype)
        if text is None:
            raise FormatError("holds objects, expected numbers or texts")
        number = math.prod(shape)
        if number > MAX_TEXTS:
            raise FormatError(f"holds {number} texts, limit {MAX_TEXTS}")
        if hdf5.stored_bytes(dataset) < 16 * number:
            raise FormatError(f"claims {number} texts, fewer are stored")
        found = heap.texts(self._path, dataset, MAX_TEXT, number)
        return _shaped([_decoded(raw) for raw in found], shape)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"is {text[:50]!r}, expected UTF-8") from error


def _shaped(found: list[str], shape: tuple[int, ...]) -> Any:
    return found[0] if shape == () else np.array(found, object).reshape(shape)
