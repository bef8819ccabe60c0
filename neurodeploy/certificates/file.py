"""``certificates.h5``: `Claims`, stored whole in HDF5.

Layout of version 1, all arrays little-endian integers in C order; n samples, E budgets, T columns,
N neurons of the first layer, S of their segments, k counter-examples::

    /   attributes format, version, program, data (SHA-256), weights, columns (T), input_bits (-1:
        as the program says), low, high (range of the data), digest
    /encoder      uint8, a JSON object: the encoder's metadata
    /budget       int64 (E,)       steps of the data
    /sample       int64 (n,)       numbers in the data set
    /label        int64 (n,)
    /length       int64 (n,)       steps with data of a series, -1 for all
    /x            int32 (n, ...)   the data
    /verdict      uint8 (n, E)     0 open, 1 certified, 2 falsified
    /method       uint8 (n, E)     0 none, 1 interval, 2 segment, 3 linear, 4 complete
    /margin       int64 (n, E)     what the method gives, see below; 0 where open
    /counter      int32 (k, ...)   data that are not answered right
    /counter_at   int64 (n, E)     which of them, -1 for none
    /table_count  int64 (N,)       segments of each neuron, neuron after neuron
    /table_start  int64 (S,)       smallest current of each, rising
    /table_end    int64 (N,)       largest current of each neuron's last segment
    /table_train  uint8 (S, T)     spikes

``digest`` is the SHA-256 of all the rest: of the attributes in order of their names a line
``name value``, then of every array, likewise, a line ``name dtype shape`` and its bytes.

margin: a lower bound of the label's score less any other. Of a complete search, the smallest
difference met; of a counter-example, its own; of intervals and segments the bound of
`neurodeploy.certificates.check`, in 1/2^20 where the read-out's decays are no whole factors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import hdf5
from neurodeploy.certificates.claims import Claims
from neurodeploy.errors import FormatError, located

FORMAT, VERSION = "neurodeploy-certificates", 1
ATTRIBUTES = ("program", "data", "weights", "columns", "input_bits", "low", "high")
ARRAYS = {
    "budget": ("<i8", 1),
    "sample": ("<i8", 1),
    "label": ("<i8", 1),
    "length": ("<i8", 1),
    "x": ("<i4", None),
    "verdict": ("|u1", 2),
    "method": ("|u1", 2),
    "margin": ("<i8", 2),
    "counter": ("<i4", None),
    "counter_at": ("<i8", 2),
    "table_count": ("<i8", 1),
    "table_start": ("<i8", 1),
    "table_end": ("<i8", 1),
    "table_train": ("|u1", 2),
}
"""Type and number of axes of every array but the encoder's text."""


def read(path: Path) -> Claims:
    """Return what ``path`` holds.

    Raises FormatError for a file that is damaged, foreign, of a newer version or was changed,
    OSError for one that cannot be opened.
    """
    with located(str(path)):
        with hdf5.opened(path) as file:
            if hdf5.attribute(file, "format") != FORMAT:
                raise FormatError(f"is HDF5 without the attribute format = {FORMAT!r}")
            if hdf5.attribute(file, "version") != VERSION:
                found = hdf5.attribute(file, "version")
                raise FormatError(f"version is {found!r}, this release reads {VERSION}")
            tree = hdf5.tree(file, path.stat().st_size)
        known = {"format", "version", "digest", "encoder", *ATTRIBUTES, *ARRAYS}
        if set(tree) != known:
            wrong = ", ".join(sorted(set(tree) ^ known))
            raise FormatError(f"lacks or adds {wrong[:100]}")
        claims = _claims(tree)
        if tree["digest"] != digest_of(*parts(claims)):
            raise FormatError("digest does not fit the content: it is damaged or was changed")
        return claims


def parts(claims: Claims) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the attributes and the arrays of the file, without the digest."""
    bits = -1 if claims.input_bits is None else claims.input_bits
    attributes = {name: getattr(claims, name) for name in ATTRIBUTES} | {"input_bits": bits}
    text = json.dumps(claims.encoder, sort_keys=True).encode()
    arrays = {
        name: np.ascontiguousarray(getattr(claims, name), kind)
        for name, (kind, _) in ARRAYS.items()
    }
    return {"format": FORMAT, "version": VERSION, **attributes}, {
        "encoder": np.frombuffer(text, np.uint8),
        **arrays,
    }


def digest_of(attributes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of the content, as the layout says."""
    content = sha256()
    for name in sorted(attributes):
        content.update(f"{name} {attributes[name]}\n".encode())
    for name in sorted(arrays):
        array = arrays[name]
        content.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        content.update(array.data)
    return content.hexdigest()


def _claims(tree: hdf5.Tree) -> Claims:
    for name in ATTRIBUTES:
        expected = str if name in ("program", "data", "weights") else int
        if type(tree[name]) is not expected:
            raise FormatError(f"{name} is {tree[name]!r}, expected a {expected.__name__}")
    for name, (kind, axes) in ARRAYS.items():
        array = tree[name]
        if not isinstance(array, np.ndarray) or array.dtype != np.dtype(kind):
            raise FormatError(f"{name}: is no array of {np.dtype(kind)}")
        if array.ndim != axes and (axes is not None or array.ndim < 2):
            raise FormatError(f"{name}: has shape {array.shape}, expected {axes or 'more'} axes")
    _check_shapes(tree)
    bits = None if tree["input_bits"] == -1 else tree["input_bits"]
    values = {**tree, "encoder": _encoder(tree["encoder"]), "input_bits": bits}
    return Claims(**{field.name: values[field.name] for field in fields(Claims)})


def _check_shapes(tree: hdf5.Tree) -> None:
    samples, budgets = len(tree["sample"]), len(tree["budget"])
    segments = len(tree["table_start"])
    wanted = {
        "label": (samples,),
        "length": (samples,),
        "x": (samples, *tree["x"].shape[1:]),
        "counter": (len(tree["counter"]), *tree["x"].shape[1:]),
        **{name: (samples, budgets) for name in ("verdict", "method", "margin", "counter_at")},
        "table_end": tree["table_count"].shape,
        "table_train": (segments, tree["columns"]),
    }
    for name, shape in wanted.items():
        if tree[name].shape != shape:
            raise FormatError(f"{name}: has shape {tree[name].shape}, expected {shape}")
    count = tree["table_count"]
    if (count < 1).any() or int(count.sum()) != segments:
        raise FormatError(f"table_count: sums up to {count.sum()}, table_start has {segments}")


def _encoder(array: Any) -> dict[str, Any]:
    try:
        value = json.loads(np.asarray(array, np.uint8).tobytes())
    except (ValueError, RecursionError, OverflowError) as error:
        raise FormatError(f"encoder: is not valid JSON, {error}") from error
    if not isinstance(value, dict):
        raise FormatError("encoder: is not a JSON object")
    return value
