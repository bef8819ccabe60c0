"""``program.h5``: a Program stored whole, field by field, in HDF5.

Layout of version 1::

    /                 attributes format, version, digest (SHA-256 of the Program)
    /inputs/0 ...     one group per record: attribute ``record`` names its class,
    /populations/0 .. attributes hold its whole numbers, texts, flags and pairs,
    /connections/0 .. datasets its integer arrays, sub-groups its ``neuron`` or ``synapse``;
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
from typing import Any

import h5py
import numpy as np

from neurodeploy import hdf5
from neurodeploy.atomic import replacing
from neurodeploy.errors import FormatError, ProgramError, located
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
from neurodeploy.record import Record, is_grown, told_fields
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

_LISTS = ("inputs", "populations", "connections")


def _by_name(*records: type[Record]) -> dict[str, type[Record]]:
    return {record.__name__: record for record in records}


RECORDS: Mapping[str, Mapping[str, type[Record]]] = {
    "inputs": _by_name(Input),
    "populations": _by_name(Population),
    "connections": _by_name(Connection),
    "readout": _by_name(Readout),
    "neuron": _by_name(
        CubaLif, HomeostaticLif, Integrator, Delta, SigmaDelta, Sigma, ResonateFire, ResonateFireIz
    ),
    "synapse": _by_name(Dense, Conv2d, Direct),
}
"""Where a record may stand in a file -> the classes allowed there."""


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

    Raises OSError when the file cannot be written.
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
        _put(file, "digest", program.digest)
        for name in _LISTS:
            group = file.create_group(name)
            for index, record in enumerate(getattr(program, name)):
                _put(group, str(index), record)
        _put(file, "readout", program.readout)
        text = json.dumps(dict(program.metadata)).encode()
        _put(file, "metadata", np.frombuffer(text, np.uint8))
        file.flush()
        return bytes(file.id.get_file_image())


def _put(group: Any, name: str, value: object) -> None:
    """Store one field of a record in ``group``."""
    if value is None:
        return
    if isinstance(value, Record):
        inner = group.create_group(name)
        _put(inner, "record", type(value).__name__)
        for field, content in told_fields(value):
            _put(inner, field, content)
    elif isinstance(value, np.ndarray):
        packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        group.create_dataset(name, data=value, **(packed if value.nbytes > COMPRESS_ABOVE else {}))
    elif isinstance(value, str):
        group.attrs[name] = np.bytes_(value.encode())
    elif isinstance(value, bool):
        group.attrs[name] = np.bool_(value)
    else:
        group.attrs[name] = np.asarray(value, dtype=np.int64)


def _version(file: Any) -> int:
    if "format" not in file.attrs or hdf5.attribute(file, "format") != FORMAT:
        raise FormatError(f"is HDF5 without the attribute format = {FORMAT!r}")
    version = hdf5.attribute(file, "version") if "version" in file.attrs else None
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
        return _checked(record, **values)


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
