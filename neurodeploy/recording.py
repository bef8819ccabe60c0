"""Recorded variables that are not plain arrays: spikes as bits, and pieces one after another."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.memory import require

BLOCK = 2**20
"""Values that are unpacked at a time."""


class Recorded(Protocol):
    """Values of one variable over samples and steps, made into an array when they are needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the array."""
        ...

    def array(self) -> NDArray[Any]:
        """Return the values as a new array."""
        ...

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield the values flat, in C order, a part at a time."""
        ...


class PackedSpikes:
    """Spikes, one bit each.

    bits : uint8, leading axes and ``(row bytes,)``; bit ``l % 8`` of byte ``l // 8`` is lane l.
    shape : leading axes and the shape of the population. order : lane of every neuron, integers
    ``(neurons,)``, or None when lane and neuron are the same.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, bits: NDArray[np.uint8], shape: tuple[int, ...], order: NDArray[np.intp] | None = None
    ) -> None:
        self.bits, self.shape, self.order = bits, shape, order

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.bits.nbytes

    def reshape(self, shape: tuple[int, ...]) -> PackedSpikes:
        """Return the same spikes with other leading axes."""
        return PackedSpikes(self.bits, shape, self.order)

    def array(self) -> NDArray[np.uint8]:
        """Return the spikes as a new array of 0 and 1."""
        return _filled(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.array() if dtype is None else self.array().astype(dtype)

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the spikes flat, in C order, whole rows of about `BLOCK` at a time."""
        rows = self.bits.reshape(-1, self.bits.shape[-1])
        size = math.prod(self.shape) // max(len(rows), 1)
        count = max(BLOCK // rows.shape[1] // 8, 1)
        for at in range(0, len(rows), count):
            part = rows[at : at + count]
            if self.order is None:
                yield np.unpackbits(part, axis=1, count=size, bitorder="little").reshape(-1)
            else:
                lanes = np.unpackbits(part, axis=1, bitorder="little")
                yield lanes.take(self.order, axis=1).reshape(-1)


class Joined:
    """Pieces one after another along the first axis; they agree in everything else."""

    def __init__(self, pieces: Sequence[NDArray[Any] | Recorded]) -> None:
        self.pieces = tuple(pieces)
        self.dtype: np.dtype[Any] = self.pieces[0].dtype
        length = sum(piece.shape[0] for piece in self.pieces)
        self.shape: tuple[int, ...] = (length, *self.pieces[0].shape[1:])

    def array(self) -> NDArray[Any]:
        """Return the pieces joined, as a new array."""
        return _filled(self)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield the blocks of one piece after another."""
        for piece in self.pieces:
            yield from blocks(piece)


def blocks(values: NDArray[Any] | Recorded) -> Iterator[NDArray[Any]]:
    """Yield ``values`` flat, in C order, a part at a time."""
    if not isinstance(values, np.ndarray):
        yield from values.blocks()
        return
    flat = values.reshape(-1)
    yield from (flat[at : at + BLOCK] for at in range(0, flat.size, BLOCK))


def write_npy(file: IO[bytes], values: NDArray[Any] | Recorded) -> None:
    """Write ``values`` to ``file`` as numpy.save does, without ever making the whole array."""
    npy: Any = np.lib.format  # typed in some versions of numpy only
    header = {
        "descr": npy.dtype_to_descr(values.dtype),
        "fortran_order": False,
        "shape": values.shape,
    }
    npy.write_array_header_1_0(file, header)
    for block in blocks(values):
        file.write(block.data)


def write_npz(file: IO[bytes], arrays: Mapping[str, NDArray[Any] | Recorded]) -> None:
    """Write an uncompressed .npz to ``file``, a part of an array at a time.

    Not numpy.savez: it leaves its archive open when the disk is full.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_npy(member, values)


def _filled(values: Recorded) -> NDArray[Any]:
    size = math.prod(values.shape) * values.dtype.itemsize
    require(size, f"an array {values.shape}", "take it in parts, with blocks(), or record less")
    result = np.empty(values.shape, values.dtype)
    flat, at = result.reshape(-1), 0
    for block in values.blocks():
        flat[at : at + block.size] = block
        at += block.size
    return result
