"""``program.h5``: a Program stored whole, field by field, in HDF5.

Layout of version 1::

    /                 attributes format, version, digest (SHA-256 of the Program)
    /inputs/0 ...     one group per record: attribute ``record`` names its class,
    /populations/0 .. attributes hold its whole numbers (int64), texts, flags and pairs,
    /connections/0 .. datasets its arrays (int32, delays int8), sub-groups its ``neuron`` or
                      ``synapse``;
    /readout          a field that is None is left out, and one that a record gained later
                      while it has its default
    /metadata         uint8 dataset, a JSON object of text and numbers

A file is untrusted: only the record classes listed here are built, from integers and short texts
alone, and nothing in it is executed or unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeGuard

import h5py
import numpy as np
from numpy.typing import NDArray

from neurodeploy import hdf5
from neurodeploy.atomic import replacing
from neurodeploy.errors import ExportError, FormatError, ProgramError, located
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.record import ARRAY_TYPES, Record, is_grown, plain_type, told_fields
from neurodeploy.registry import ByName
from neurodeploy.synapse import Conv2d, Dense, Direct

FORMAT = "neurodeploy-program"
VERSION = 1
"""Version that `write` writes. It rises when a reader of the version before would go wrong."""
MIGRATIONS: Mapping[int, Callable[[hdf5.Tree], hdf5.Tree]] = {}
"""Entry n turns the content of a version-n file into that of version n + 1.

The digest of a migrated file is not compared: a record that gained a field has another one.
"""
COMPRESS_ABOVE = 512
"""Arrays of more bytes than this are stored compressed and with a checksum."""

HELD = "texts, flags, whole numbers, rows of them and arrays of int32 or int8"
"""What a field of a record may be."""

_KINDS: Mapping[type, str] = {str: "a text", bool: "a flag", int: "a whole number"}
_LISTS = ("inputs", "populations", "connections")


def _by_name(*records: type[Record]) -> ByName[type[Record]]:
    return ByName("record", {record.__name__: record for record in records}, FormatError)


RECORDS: Mapping[str, ByName[type[Record]]] = {
    "inputs": _by_name(Input),
    "populations": _by_name(Population),
    "connections": _by_name(Connection),
    "readout": _by_name(Readout),
    "neuron": _by_name(
        CubaLif, HomeostaticLif, Integrator, Delta, SigmaDelta, Sigma, ResonateFire, ResonateFireIz
    ),
    "synapse": _by_name(Dense, Conv2d, Direct),
}
"""Where a record may stand in a file -> the classes allowed there; a new model is added to it."""


def is_container(path: Path | str) -> bool:
    """Whether ``path`` is an HDF5 file that calls itself a neurodeploy program.

    Raises OSError for a file that cannot be opened.
    """
    try:
        with hdf5.opened(Path(path)) as file:
            return hdf5.attribute(file, "format") == FORMAT
    except FormatError:
        return False


def read(path: Path | str) -> Program:
    """Return the Program stored in ``path``.

    Raises FormatError for a file that is damaged, foreign, hostile or of a newer version, OSError
    for one that cannot be opened.
    """
    path = Path(path)
    with located(str(path)):
        with hdf5.opened(path) as file:
            version = _version(file)
            tree = hdf5.tree(file, path.stat().st_size)
        for old in range(version, VERSION):
            tree = MIGRATIONS[old](tree)
        program = _program(tree)
        if version == VERSION and program.digest != tree["digest"]:
            raise FormatError(
                f"digest is {tree['digest']!r}, the content gives {program.digest!r}: "
                "the file is damaged or was changed"
            )
        return program


def write(program: Program, path: Path | str) -> None:
    """Store ``program`` in ``path``, whole or not at all; the same Program gives the same bytes.

    Raises ExportError for a field of a type that the file cannot hold, OSError when the file cannot
    be written.
    """
    image = _image(program)
    with replacing(path) as file:
        file.write(image)


def _image(program: Program) -> bytes:
    """Return the bytes of the file, made in memory: libhdf5 does not get over a full disk."""
    with h5py.File(
        "program.h5", "w", driver="core", backing_store=False, libver=("v110", "v110")
    ) as file:
        _put(file, "format", FORMAT)
        _put(file, "version", VERSION)
        for name in _LISTS:
            group = file.create_group(name)
            for index, record in enumerate(getattr(program, name)):
                _put(group, str(index), record)
        _put(file, "readout", program.readout)
        _put(file, "digest", program.digest)
        text = json.dumps(dict(program.metadata)).encode()
        _put_array(file, "metadata", np.frombuffer(text, np.uint8))
        file.flush()
        return bytes(file.id.get_file_image())


def _put(group: Any, name: str, value: object) -> None:
    """Store one field of a record in ``group``, or raise ExportError for what it cannot hold."""
    if value is None:
        return
    if isinstance(value, Record):
        _check_known(group, name, type(value))
        inner = group.create_group(name)
        _put(inner, "record", type(value).__name__)
        for field, content in told_fields(value):
            _put(inner, field, content)
    elif isinstance(value, np.ndarray) and value.dtype in ARRAY_TYPES:
        _put_array(group, name, value)
    else:
        stored = _attribute(value)
        if stored is None:
            what = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else repr(value)
            where = f"{group.name}/{name}".lstrip("/")
            raise ExportError(f"{where}: is {what}, a program file holds {HELD}")
        group.attrs[name] = stored


def _check_known(group: Any, name: str, kind: type[Record]) -> None:
    """Refuse a record that `read` would not know."""
    place = name if name in RECORDS else group.name.strip("/")
    if RECORDS[place].get(kind.__name__) is not kind:
        where = f"{group.name}/{name}".lstrip("/")
        raise ExportError(
            f"{where}: is a {kind.__name__}, a program file holds {', '.join(RECORDS[place])}; "
            f"add it to neurodeploy.container.RECORDS[{place!r}]"
        )


def _put_array(group: Any, name: str, array: NDArray[Any]) -> None:
    packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    group.create_dataset(name, data=array, **(packed if array.nbytes > COMPRESS_ABOVE else {}))


def _attribute(value: object) -> Any:
    """Return ``value`` as it is stored in an attribute, None where no type keeps it whole."""
    if isinstance(value, tuple):
        whole = value and all(_is_int64(item) for item in value)
        return np.asarray(value, dtype=np.int64) if whole else None
    if _is_int64(value):
        return np.int64(value)
    if isinstance(value, str):
        text = value.encode()
        return np.bytes_(text) if text and b"\0" not in text else None
    return np.bool_(value) if isinstance(value, bool) else None


def _is_int64(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and plain_type(value) is int and -(2**63) <= value < 2**63


def _version(file: Any) -> int:
    if hdf5.attribute(file, "format") != FORMAT:
        raise FormatError(f"is HDF5 without the attribute format = {FORMAT!r}")
    version = hdf5.attribute(file, "version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FormatError(f"version is {version!r}, expected a whole number from 1 on")
    if version > VERSION:
        raise FormatError(
            f"version is {version}, this release reads up to {VERSION}; use a newer neurodeploy"
        )
    return version


def _program(tree: hdf5.Tree) -> Program:
    """Build the Program that a tree of the present version describes."""
    names = {"format", "version", "digest", "readout", "metadata", *_LISTS}
    _check_keys(tree, names, names)
    inputs, populations, connections = (_records(name, tree[name]) for name in _LISTS)
    readout = _record("readout", tree["readout"], "readout")
    metadata = _metadata(tree["metadata"])
    program: Program = _checked(Program, inputs, populations, connections, readout, metadata)
    return program


def _records(name: str, tree: object) -> tuple[Any, ...]:
    """Return the records of a group whose members are named 0, 1, 2 ..."""
    if not isinstance(tree, dict):
        raise FormatError(f"{name}: is not a group")
    numbers = [str(index) for index in range(len(tree))]
    if set(tree) != set(numbers):
        raise FormatError(f"{name}: holds {_listed(tree)}, expected 0 to {len(tree) - 1}")
    return tuple(_record(name, tree[number], f"{name}/{number}") for number in numbers)


def _record(place: str, tree: object, where: str) -> Any:
    """Build the record that ``tree`` describes, of a class allowed in ``place``."""
    with located(where):
        if not isinstance(tree, dict):
            raise FormatError("is not a group")
        name = tree.get("record")
        record = RECORDS[place].get(name) if isinstance(name, str) else None
        if record is None:
            raise FormatError(f"record is {name!r}, expected {', '.join(RECORDS[place])}")
        known = [field.name for field in fields(record)]
        needed = [
            field.name
            for field in fields(record)
            if field.default is not None and not is_grown(field)
        ]
        _check_keys(tree, {"record", *needed}, {"record", *known})
    values = {name: value for name, value in tree.items() if name != "record"}
    for name in values.keys() & RECORDS.keys():
        values[name] = _record(name, values[name], f"{where}/{name}")
    with located(where):
        built = _checked(record, **values)
        for name, stored in values.items():
            _check_kept(name, stored, getattr(built, name))
        return built


def _check_kept(name: str, stored: object, kept: object) -> None:
    """Refuse a value that the record took for one of another type."""
    if _kind(stored) != _kind(kept):
        raise FormatError(f"{name} is stored as {_kind(stored)}, expected {_kind(kept)}")


def _kind(value: object) -> str:
    """Describe the type of a stored value."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.newbyteorder('=')}"
    if isinstance(value, tuple):
        return "a row of whole numbers"
    return _KINDS.get(type(value), type(value).__name__)


def _checked(record: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """Build a record; what it has to say against its values is said of the file."""
    try:
        return record(*args, **values)
    except ProgramError as error:
        raise FormatError(str(error)) from error


def _check_keys(tree: hdf5.Tree, needed: set[str], known: set[str]) -> None:
    if missing := needed - set(tree):
        raise FormatError(f"lacks {_listed(missing)}")
    if unknown := set(tree) - known:
        raise FormatError(f"has {_listed(unknown)}, which version {VERSION} does not know")


def _listed(names: Iterable[str]) -> str:
    items = sorted(names)
    return ", ".join(items[:5]) + (" ..." if len(items) > 5 else "")


def _metadata(array: object) -> dict[str, Any]:
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim != 1:
        raise FormatError("metadata: is not a row of bytes (uint8)")
    try:
        value = json.loads(array.tobytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"metadata: is not valid JSON, {error}") from error
    if not isinstance(value, dict):
        raise FormatError("metadata: is not a JSON object")
    return value
