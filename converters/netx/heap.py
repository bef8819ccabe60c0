"""Texts of variable length, read from the file itself.

libhdf5 trusts the lengths in a damaged global heap: it takes gigabytes or loops for ever. The
layout is simple enough to read here, with a bound on every step.

Source: HDF5 File Format Specification 3.0, III.E (global heap) and IV.B (variable-length data).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import h5py

from neurodeploy import hdf5
from neurodeploy.errors import FormatError

MAX_HEAP_BYTES = 2**20
"""Most bytes of one collection of the heap; h5py makes them 4096 bytes large."""
_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_REFERENCE = struct.Struct("<IQI")


def first_text(path: Path, dataset: Any, limit: int) -> bytes:
    """Return the first variable-length text of ``dataset``, of at most ``limit`` bytes.

    Raises FormatError when it is longer, or the reference leads nowhere.
    """
    return texts(path, dataset, limit, 1)[0]


def texts(path: Path, dataset: Any, limit: int, number: int) -> list[bytes]:
    """Return the first ``number`` variable-length texts of ``dataset``, stored in one piece.

    Raises FormatError when one is longer than ``limit`` bytes, or a reference leads nowhere.
    """
    with hdf5.asking():
        made = h5py.h5i.get_file_id(dataset.id).get_create_plist()
        offset, base, sizes = _offset(dataset), made.get_userblock(), made.get_sizes()
    if offset is None or sizes != (8, 8):
        raise FormatError("is not one text stored in one piece")
    with path.open("rb") as file:
        places = [offset + k * _REFERENCE.size for k in range(number)]
        return [_text(file, base, place, limit) for place in places]


def _text(file: BinaryIO, base: int, place: int, limit: int) -> bytes:
    length, address, index = _unpack(_REFERENCE, file, place)
    if length > limit:
        raise FormatError(f"is {length} bytes long, limit {limit}")
    return _heap_object(file, base + address, index)[:length] if length else b""


def _offset(dataset: Any) -> int | None:
    """Where the reference to the first text stands in the file, None where it is not plain."""
    if dataset.chunks is None:
        return dataset.id.get_offset()  # type: ignore[no-any-return]
    if dataset.id.get_create_plist().get_nfilters() or not dataset.id.get_num_chunks():
        return None
    first = dataset.id.get_chunk_info(0)
    return None if any(first.chunk_offset) else first.byte_offset


def _heap_object(file: BinaryIO, address: int, index: int) -> bytes:
    """Walk through a collection of the heap to the object ``index``."""
    signature, version, size = _unpack(_COLLECTION, file, address)
    if signature != b"GCOL" or version != 1 or size > MAX_HEAP_BYTES:
        raise FormatError("is lost, its heap is damaged")
    position, end = address + _COLLECTION.size, address + size
    while position + _OBJECT.size <= end:
        found, _, length = _unpack(_OBJECT, file, position)
        position += _OBJECT.size
        if found == 0 or length > end - position:
            break
        if found == index:
            file.seek(position)
            return file.read(length)
        position += (length + 7) // 8 * 8
    raise FormatError("is lost, its heap is damaged")


def _unpack(layout: struct.Struct, file: BinaryIO, position: int) -> tuple[Any, ...]:
    if position >= 2**63:
        raise FormatError("is lost, its heap is damaged")
    file.seek(position)
    data = file.read(layout.size)
    if len(data) < layout.size:
        raise FormatError("is lost, its heap is damaged")
    return layout.unpack(data)
