"""What every encoder is: its fields, its checks and the array that it fills."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError, OptionError
from neurodeploy.program import MetadataValue

Shape = tuple[int, ...]
Integers = NDArray[Any]

PREFIX = "encoder"
"""Keys of the metadata are ``encoder`` (the kind) and ``encoder.<field>``."""
MAX_STEPS = 100_000


@dataclass(frozen=True)
class Call:
    """What one call of an encoder shares: the array to fill and the numbers of the samples.

    out : ``(samples, columns, *output_shape)``, C-contiguous. steps : columns to fill.
    index : int64 ``(samples,)``. draw : of random encoders. threads : None for all cores.
    """

    out: Integers
    steps: int
    index: NDArray[np.int64]
    draw: int = 0
    threads: int | None = None

    @property
    def flat(self) -> Integers:
        """``out`` as ``(samples, columns, size)``."""
        return self.out.reshape(*self.out.shape[:2], math.prod(self.out.shape[2:]))

    @property
    def data(self) -> Integers:
        """The columns of ``out`` to fill."""
        return self.out[:, : self.steps]


@dataclass(frozen=True)
class Encoder(ABC):
    """Base of all encoders.

    steps : columns with data. peak : largest value of the data; images hold 0..peak, series
    -peak..peak. gap : silent columns after the data of each sample, so that a stream of samples
    can come to rest.
    """

    steps: int
    peak: int
    gap: int = 0

    kind: ClassVar[str] = ""
    of_series: ClassVar[bool] = False
    """Whether samples are ``(steps, channels)`` series rather than still values."""

    def __post_init__(self) -> None:
        check(self.kind, "steps", self.steps, 1, MAX_STEPS)
        check(self.kind, "peak", self.peak, 1, 2**24)
        check(self.kind, "gap", self.gap, 0, MAX_STEPS)

    @property
    def columns(self) -> int:
        """Columns of one sample: steps + gap."""
        return self.steps + self.gap

    @property
    def message_bits(self) -> int:
        """Message bits of the Program's input: 0 for events, else the width of a value."""
        return 0

    @property
    def high(self) -> int:
        """Largest magnitude of an encoded value."""
        return 1

    @property
    def still(self) -> bool:
        """Whether all data columns of a sample are equal, as with direct encoding of an image."""
        return False

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one column for samples (or steps of a series) of ``shape``."""
        return shape

    def encode(
        self,
        x: Integers,
        index: NDArray[np.int64] | None = None,
        lengths: NDArray[np.int64] | None = None,
        draw: int = 0,
        *,
        threads: int | None = None,
    ) -> Integers:
        """Return the columns of ``x``: uint8 or int32 ``(samples, steps + gap, *output_shape)``.

        x : integers ``(samples, *shape)``; of a series ``(samples, steps, channels)``.
        index : number of each sample in its data set, the counter of random encoders (0, 1, ...).
        lengths : steps that hold data, per sample of a series; later ones are silent.
        draw : which of the independent repetitions of a random encoder (0 is the one evaluated).
        threads : that compiled encoders may use, None for all cores; no result depends on it.

        Raises InputError for values beyond the peak where the encoder cannot take them.
        """
        x = as_integers(x)
        numbers = counter(x, index)
        self._check_data(x)
        shape = self.output_shape(x.shape[2:] if self.of_series else x.shape[1:])
        out: Integers = np.empty((len(x), self.columns, *shape), self.dtype)
        self._write(x, Call(out, self.steps, numbers, draw, threads))
        out[:, self.steps :] = 0
        if self.of_series and lengths is not None:
            out[np.arange(self.columns) >= np.asarray(lengths)[:, None]] = 0
        return out

    def metadata(self) -> dict[str, MetadataValue]:
        """Return what `encoder_from_metadata` needs, as text and numbers."""
        entries = {f"{PREFIX}.{name}": value for name, value in asdict(self).items()}
        return {PREFIX: self.kind, **entries}

    @property
    def dtype(self) -> type[np.integer[Any]]:
        """Type of a column: uint8 of spikes, int32 of values."""
        return np.uint8

    def _check_data(self, x: Integers) -> None:  # noqa: B027 - nothing to check is a fine default
        """Raise InputError for data that this encoder cannot take."""

    @abstractmethod
    def _write(self, x: Integers, call: Call) -> None:
        """Write the data columns of ``x`` into the first steps of ``call.out``."""


def check(kind: str, name: str, value: object, low: int, high: int) -> None:
    """Raise OptionError unless ``value`` is a whole number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"encoder {kind}: {name} is {value!r}, expected a whole number")
    if not low <= int(value) <= high:
        raise OptionError(f"encoder {kind}: {name} is {value}, allowed are {low} to {high}")


def as_integers(x: Integers) -> Integers:
    """Return ``x`` as an array; raises InputError for another type than integers."""
    array = np.asarray(x)
    if array.dtype.kind not in "iub":
        raise InputError(
            f"data have dtype {array.dtype}, expected integers; quantise them first, e.g. "
            "np.rint(x * scale).astype(np.int32)"
        )
    return array


def counter(x: Integers, index: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the numbers of the samples, int64; raises InputError for wrong ones."""
    if index is None:
        return np.arange(len(x))
    if len(index) != len(x):
        raise InputError(f"index has {len(index)} entries, expected one per sample: {len(x)}")
    numbers = np.ascontiguousarray(index, dtype=np.int64)
    if numbers.size and numbers.min() < 0:
        raise InputError(f"index holds {numbers.min()}, expected numbers from 0")
    return numbers


def within(kind: str, x: Integers, low: int, high: int) -> None:
    """Raise InputError for values outside ``low`` to ``high``."""
    if x.size:
        smallest, largest = int(x.min()), int(x.max())
        if smallest < low or largest > high:
            value = smallest if smallest < low else largest
            raise InputError(f"encoder {kind}: data hold {value}, allowed are {low} to {high}")


def series(encoder: Encoder, x: Integers) -> None:
    """Raise InputError unless ``x`` is a series of the encoder's steps."""
    if x.ndim != 3 or x.shape[1] != encoder.steps:
        raise InputError(
            f"encoder {encoder.kind}: data have shape {x.shape}, expected a series "
            f"(samples, {encoder.steps}, channels)"
        )
