"""Data as a test presents them to a Program: where perturbations act, and how columns are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import Split
from neurodeploy.errors import DataError
from neurodeploy.program import Program
from neurodeploy.sim.encode import Direct, encoder_from_metadata

Integers = NDArray[Any]
Encode = Callable[[Integers, slice], Integers]
"""``encode(x[rows], rows) -> columns``, integers ``(samples, steps, *input_shape)``."""

CHUNK_BYTES = 1 << 26
"""Memory that the recorded states of one chunk of samples may take."""


@dataclass(frozen=True)
class Presented:
    """Labelled integers, their range and their encoder.

    x : integers ``(samples, ...)``, the values that a perturbation changes. y : int64
    ``(samples,)``. low, high : range of a valid value. encode : makes the columns of some rows.
    place : what the values are, ``"graded input"`` or ``"data before encoding"``.
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
    levels, repeated in every step. With a spike encoder they are the data before encoding.

    Raises ProgramError when the metadata name no encoder.
    """
    encoder = encoder_from_metadata(program.metadata)
    signed = bool(encoder.of_series or (split.x.size and split.x.min() < 0))
    if isinstance(encoder, Direct) and split.x.ndim != 3:
        direct = encoder

        def repeat(x: Integers, rows: slice) -> Integers:
            data = np.repeat(x[:, None], direct.steps, axis=1)
            pad = [(0, 0), (0, direct.gap), *[(0, 0)] * (x.ndim - 1)]
            return np.pad(data, pad) if direct.gap else data

        low = -direct.levels if signed else 0
        values = direct.values(split.x)
        return Presented(values, split.y, low, direct.levels, repeat, "graded input")

    def encode(x: Integers, rows: slice) -> Integers:
        lengths = None if split.lengths is None else split.lengths[rows]
        return encoder.encode(x, split.index[rows], lengths)

    low = -encoder.peak if signed else 0
    return Presented(split.x, split.y, low, encoder.peak, encode, "data before encoding")
