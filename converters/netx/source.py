"""A NetX file as plain values: which groups count, and the arrays and texts that netx reads.

Nothing is interpreted here and nothing but the known keys of the chosen layers is read.

Source: lava-dl 0.6.0, `lava.lib.dl.netx.hdf5` and `lava.lib.dl.netx.utils.NetDict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurodeploy import hdf5
from neurodeploy.converters.netx import remarks
from neurodeploy.converters.netx.heap import first_text
from neurodeploy.converters.netx.options import LoadOptions
from neurodeploy.converters.netx.remarks import Remarks
from neurodeploy.errors import FormatError, located

Array = NDArray[Any]

MAX_BYTES = 2**29
"""Most bytes of all arrays of one file: 134 million synapses, more than a chip holds."""
MAX_UNSTORED = 2**24
"""Most bytes of arrays that were created and never written: they hold their fill value."""
MAX_LAYERS = 10_000
MAX_KEYS = 1_000
"""Most entries of one layer or neuron group."""
MAX_TEXT = 64
MAX_NDIM = 8

LAYER_ARRAYS: Mapping[str, tuple[str, ...]] = {
    "input": ("shape", "weight", "bias"),
    "dense": ("shape", "weight", "weight/real", "weight/imag", "bias", "delay"),
    "dense_rec": (
        *("shape", "weight", "weight/real", "weight/imag", "weight_rec", "bias"),
        *("delay", "delay_rec"),
    ),
    "conv": ("shape", "weight", "stride", "padding", "dilation", "groups", "bias"),
    "pool": ("shape", "weight", "kernelSize", "stride", "padding", "dilation", "delay"),
    "average": ("shape",),
}
"""Keys that netx reads of each layer type, and those of what lava-dl writes and netx lacks."""
WITH_NEURONS = ("input", "dense", "dense_rec", "conv", "pool")
"""Layer types that may hold neurons."""
NEURON_ARRAYS = ("iDecay", "vDecay", "vThMant", "sinDecay", "cosDecay")
"""Neuron parameters that netx reads."""
UNHEEDED = ("refDelay", "gradedSpike", "wgtExp", "weight_exp", "activation")
"""Neuron parameters that netx ignores, though they would change what the network computes."""


@dataclass(frozen=True)
class RawNeuron:
    """The ``neuron`` group of a layer. values : array or text by key. keys : all that is there."""

    where: str
    kind: str
    values: Mapping[str, Array | str]
    keys: frozenset[str]


@dataclass(frozen=True)
class RawLayer:
    """One group of ``layer``.

    values : array by key, ``weight/real`` and ``weight/imag`` by their path. keys : all names in
    the group. skipped : only the shape and the kind of neuron were read.
    """

    index: int
    kind: str
    values: Mapping[str, Array]
    neuron: RawNeuron | None
    keys: frozenset[str]
    skipped: bool = False

    @property
    def where(self) -> str:
        """Path in the file, as errors and warnings name it."""
        return f"layer/{self.index}"

    def array(self, key: str) -> Array:
        """Return the array ``key``, which this layer must have."""
        if key not in self.values:
            article = "an" if self.kind.startswith("average") else "a"
            raise FormatError(
                f"{self.where}: has no {key!r}, which {article} {self.kind} layer needs"
            )
        return self.values[key]


@dataclass(frozen=True)
class Source:
    """The chosen layers of a file, the whole numbers of its ``simulation`` group, and remarks."""

    layers: tuple[RawLayer, ...]
    simulation: Mapping[str, int]
    remarks: Remarks


def read_source(path: Path, options: LoadOptions) -> Source:
    """Return the layers that ``options`` choose.

    Raises FormatError for what is not a NetX file, is damaged or claims absurd sizes.
    """
    with hdf5.opened(path) as file:
        reader = hdf5.Reader(path.stat().st_size, MAX_BYTES, MAX_UNSTORED, hdf5.BUILT_IN)
        root = _Group(file, "", reader, path)
        if "layer" not in root.keys or not root.is_group("layer"):
            raise FormatError(
                "has no group 'layer', expected a NetX network or a neurodeploy program"
            )
        layers = _layers(root.group("layer"), options)
        return Source(layers, _simulation(root), _remarks(root))


def _layers(group: _Group, options: LoadOptions) -> tuple[RawLayer, ...]:
    """Layers ``0 .. n - 1``; n counts the entries of the group, as netx does."""
    count = len(group.keys)
    if options.num_layers is not None:
        count = min(count, options.num_layers)
    if count == 0:
        raise FormatError("layer: is empty, expected at least one layer")
    missing = next((i for i in range(count) if str(i) not in group.keys), None)
    if missing is not None:
        raise FormatError(
            f"layer/{missing}: is missing, layers are numbered 0 to {count - 1} without a gap"
        )
    return tuple(
        _layer(group.group(str(i)), i, skipped=i < options.skip_layers) for i in range(count)
    )


def _layer(group: _Group, index: int, skipped: bool) -> RawLayer:
    kind = group.text("type")
    known = LAYER_ARRAYS.get(kind, ())
    wanted = ("shape",) if skipped else known
    values = {key: group.array(key) for key in wanted if group.has(key)}
    neuron = None
    if "neuron" in group.keys and kind in WITH_NEURONS:
        neuron = _neuron(group.group("neuron"), skipped)
    return RawLayer(index, kind, values, neuron, group.keys, skipped)


def _neuron(group: _Group, skipped: bool) -> RawNeuron:
    kind = group.text("type")
    values: dict[str, Array | str] = {}
    if not skipped:
        values = {key: group.array(key) for key in NEURON_ARRAYS if group.has(key)}
        for key in UNHEEDED:
            if (value := group.unheeded(key)) is not None:
                values[key] = value
    return RawNeuron(group.where, kind, values, group.keys)


def _simulation(root: _Group) -> dict[str, int]:
    """``simulation/Ts`` and ``tSample``, which tutorials write and nothing reads, if sane."""
    result = {}
    if "simulation" in root.keys and root.is_group("simulation"):
        group = root.group("simulation")
        for key in ("Ts", "tSample"):
            value = group.unheeded(key)
            if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iu":
                result[key] = int(value.item())
    return result


def _remarks(root: _Group) -> Remarks:
    """What this project says of the network, in a group that netx does not look at."""
    if remarks.GROUP not in root.keys or not root.is_group(remarks.GROUP):
        return Remarks()
    return remarks.read(root.group(remarks.GROUP).unheeded)


class _Group:
    """A group of the file; its own path stands before every error about a member."""

    def __init__(self, group: Any, where: str, reader: hdf5.Reader, path: Path) -> None:
        self._group, self._reader, self._file, self.where = group, reader, path, where
        limit = MAX_LAYERS if where == "layer" else MAX_KEYS
        if (count := hdf5.count(group)) > limit:
            raise FormatError(f"{where or '/'}: holds {count} entries, limit {limit}")
        self.keys = frozenset(_printable(name) for name in hdf5.names(group))

    def path(self, key: str) -> str:
        """Return the path of a member."""
        return f"{self.where}/{key}".lstrip("/")

    def has(self, key: str) -> bool:
        """Whether there is a member ``key``, which may be a path of two names, to a dataset."""
        first, _, rest = key.partition("/")
        if first not in self.keys or not rest:
            return first in self.keys and not (key == "weight" and self.is_group(key))
        return self.is_group(first) and self.group(first).has(rest)

    def is_group(self, key: str) -> bool:
        """Whether the member ``key`` is a group."""
        return isinstance(self._member(key), h5py.Group)

    def group(self, key: str) -> _Group:
        """Return the member ``key``, which must be a group."""
        item = self._member(key)
        if not isinstance(item, h5py.Group):
            raise FormatError(f"{self.path(key)}: is not a group")
        return _Group(item, self.path(key), self._reader, self._file)

    def array(self, key: str) -> Array:
        """Return a dataset of numbers in native byte order."""
        first, _, rest = key.partition("/")
        if rest:
            return self.group(first).array(rest)
        dataset = self._dataset(key)
        with located(self.path(key)):
            dtype, shape = hdf5.type_and_shape(dataset)
            if shape is None:
                raise FormatError("is empty, expected numbers")
            if dtype.kind not in "iufb" or dtype.itemsize > 8:
                raise FormatError(f"has type {dtype}, expected numbers")
            if len(shape) > MAX_NDIM:
                raise FormatError(f"has {len(shape)} axes, limit {MAX_NDIM}")
            return self._reader.array(dataset).astype(dtype.newbyteorder("="), copy=False)

    def text(self, key: str) -> str:
        """Return an ASCII text: a scalar, or the first of a row, of fixed or variable length."""
        if key not in self.keys:
            raise FormatError(f"{self.where}: has no {key!r}")
        dataset = self._dataset(key)
        with located(self.path(key)):
            dtype, shape = hdf5.type_and_shape(dataset)
            kind = h5py.check_string_dtype(dtype)
            if shape is None or 0 in shape:
                raise FormatError("is empty, expected one text")
            if kind is None or len(shape) > 1:
                raise FormatError(f"has type {dtype}, expected one text")
            if kind.length is None and not hdf5.stored_bytes(dataset):
                raise FormatError("was never written, expected one text")
            if kind.length is None:
                return _ascii(first_text(self._file, dataset, MAX_TEXT))
            if kind.length > MAX_TEXT:
                raise FormatError(f"is {kind.length} bytes long, limit {MAX_TEXT}")
            return _ascii(bytes(self._reader.array(dataset).reshape(-1)[0]))

    def unheeded(self, key: str) -> Array | str | None:
        """Return a value that netx does not read, or None where there is none that makes sense."""
        if key not in self.keys:
            return None
        try:
            dtype, _ = hdf5.type_and_shape(self._dataset(key))
            if h5py.check_string_dtype(dtype) is not None:
                return self.text(key)
            return self.array(key)
        except FormatError:
            return None

    def _dataset(self, key: str) -> Any:
        item = self._member(key)
        if not isinstance(item, h5py.Dataset):
            raise FormatError(f"{self.path(key)}: is a group, expected values")
        return item

    def _member(self, key: str) -> Any:
        with located(self.path(key)):
            return self._reader.member(self._group, key)


def _printable(name: str | bytes) -> str:
    """Return the name of a member; h5py gives bytes where it is not UTF-8."""
    return name if isinstance(name, str) and name.isprintable() else ascii(name)


def _ascii(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(f"is {value!r}, expected ASCII text") from error
