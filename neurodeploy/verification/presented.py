"""Data as a test presents them to a Program: where perturbations act, and how columns are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import Split
from neurodeploy.encode import Direct, encoder_from_metadata
from neurodeploy.errors import DataError
from neurodeploy.program import Program

Integers = NDArray[Any]
Encode = Callable[[Integers, slice], Integers]
"""``encode(x[rows], rows) -> columns``, integers ``(samples, steps, *input_shape)``."""

GRADED = "graded input"
"""Values that every step of a sample carries."""
BEFORE = "data before encoding"
"""Values that an encoder turns into spikes."""
COLUMNS = "input columns"
"""Values of every step, given as they are."""
CHUNK_BYTES = 1 << 26
"""Memory that the recorded states of one chunk of samples may take."""


@dataclass(frozen=True)
class Presented:
    """Labelled integers, their range and their encoder.

    x : integers ``(samples, ...)``, the values that a perturbation changes. y : int64
    ``(samples,)``. low, high : range of a valid value. encode : makes the columns of some rows.
    place : what the values are: `GRADED`, `BEFORE` or `COLUMNS`.
    """

    x: Integers
    y: NDArray[np.int64]
    low: int
    high: int
    encode: Encode
    place: str

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.y)} labels for {len(self.x)} samples, expected one each")
        if len(self.y) == 0:
            raise DataError("there are no samples, expected at least one")
        if self.x.dtype.kind not in "iub":
            raise DataError(f"x has dtype {self.x.dtype}, expected integers")
        if self.low >= self.high:
            raise DataError(f"range is {self.low} to {self.high}, expected low < high")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def steps(self) -> int:
        """Columns of a sample."""
        return int(self.columns(slice(0, 1)).shape[1])

    def columns(self, rows: slice, x: Integers | None = None) -> Integers:
        """Return the columns of ``rows``, of changed values where ``x`` gives them."""
        return self.encode(self.x[rows] if x is None else x, rows)

    def first(self, count: int) -> Presented:
        """Return the first ``count`` samples; rows keep their numbers."""
        return Presented(
            self.x[:count], self.y[:count], self.low, self.high, self.encode, self.place
        )

    def chunks(self, program: Program, variables: int = 1) -> Iterator[slice]:
        """Yield row slices small enough to record ``variables`` states of every neuron."""
        steps = self.columns(slice(0, 1)).shape[1]
        size = max(1, CHUNK_BYTES // (4 * max(1, variables) * program.neurons * steps))
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))


def present(program: Program, split: Split) -> Presented:
    """Return ``split`` as ``program`` was trained on it, by the encoder in its metadata.

    With the direct (graded) encoder the values of a perturbation are the encoded ones, 0 to
    levels, repeated in every step. With a spike encoder they are the data before encoding. A
    program without encoder takes data of shape ``(samples, steps, *input_shape)`` as its columns.

    Raises ProgramError when the metadata name no encoder and the data are no columns.
    """
    if "encoder" not in program.metadata and _is_columns(program, split):
        return _as_columns(split)
    encoder = encoder_from_metadata(program.metadata)
    signed = bool(encoder.of_series or (split.x.size and split.x.min() < 0))
    if isinstance(encoder, Direct) and split.x.ndim != 3:
        return _graded(encoder, split, signed)

    def encode(x: Integers, rows: slice) -> Integers:
        lengths = None if split.lengths is None else split.lengths[rows]
        return encoder.encode(x, split.index[rows], lengths)

    low = -encoder.peak if signed else 0
    return Presented(split.x, split.y, low, encoder.peak, encode, BEFORE)


def _graded(encoder: Direct, split: Split, signed: bool) -> Presented:
    def repeat(x: Integers, rows: slice) -> Integers:
        data = np.repeat(x[:, None], encoder.steps, axis=1)
        pad = [(0, 0), (0, encoder.gap), *[(0, 0)] * (x.ndim - 1)]
        return np.pad(data, pad) if encoder.gap else data

    low = -encoder.levels if signed else 0
    return Presented(encoder.values(split.x), split.y, low, encoder.levels, repeat, GRADED)


def _is_columns(program: Program, split: Split) -> bool:
    """Whether each sample is ``(steps, *input_shape)``, a (C, H, W) input flat or not."""
    node = program.inputs[0]
    shape = split.x.shape[2:]
    return len(program.inputs) == 1 and shape in (node.shape, (node.size,))


def _as_columns(split: Split) -> Presented:
    def silenced(x: Integers, rows: slice) -> Integers:
        if split.lengths is None:
            return x
        after = np.arange(x.shape[1]) >= np.asarray(split.lengths[rows])[:, None]
        return np.where(after.reshape(*after.shape, *[1] * (x.ndim - 2)), 0, x)

    low, high = min(0, int(split.x.min())), max(1, int(split.x.max()))
    return Presented(split.x, split.y, low, high, silenced, COLUMNS)
