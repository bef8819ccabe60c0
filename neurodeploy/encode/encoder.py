"""What every encoder is: its fields, its checks and the array that it fills."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.encode.reach import Choices, Reachable, distinct
from neurodeploy.errors import InputError, OptionError
from neurodeploy.program import MetadataValue
from neurodeploy.threads import workers

Shape = tuple[int, ...]
Integers = NDArray[Any]

PREFIX = "encoder"
"""Keys of the metadata are ``encoder`` (the kind) and ``encoder.<field>``."""
MAX_STEPS = 100_000
MAX_DATA = 2**16
"""Most data that an encoder is asked for, one by one, to find what a box of them gives."""


@dataclass(frozen=True)
class Call:
    """What one call of an encoder shares: the array to fill and the numbers of the samples.

    out : ``(samples, columns, *output_shape)``, C-contiguous. steps : columns to fill.
    index : int64 ``(samples,)``. draw : of random encoders. threads : that may be used.
    """

    out: Integers
    steps: int
    index: NDArray[np.int64]
    draw: int = 0
    threads: int = 1

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
    """Whether samples are series, steps first, rather than still values."""
    elementwise: ClassVar[bool] = False
    """Whether every entry of the columns depends on one value of the datum alone."""
    monotone: ClassVar[bool] = False
    """Whether no entry of the columns falls where a value of the datum rises."""
    identity: ClassVar[bool] = False
    """Whether the columns are the data themselves, so that budgets are steps of the columns."""
    place: ClassVar[str] = "data before encoding"
    """Where noise acts, in words; see `carried`."""

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
        self.check_data(x)
        shape = self.output_shape(x.shape[2:] if self.of_series else x.shape[1:])
        out: Integers = np.empty((len(x), self.columns, *shape), self.dtype)
        self._write(x, Call(out, self.steps, numbers, draw, workers(threads)))
        out[:, self.steps :] = 0
        if self.of_series and lengths is not None:
            out[np.arange(self.columns) >= np.asarray(lengths)[:, None]] = 0
        return out

    def carried(self, x: Integers) -> tuple[Integers, Encoder]:
        """Return the values that noise acts on, and the encoder that turns them into columns.

        The data themselves, unless every step carries a value of its own.
        """
        return x, self

    def reachable(
        self,
        low: Integers,
        high: Integers,
        number: int = 0,
        length: int | None = None,
        draw: int = 0,
    ) -> Reachable:
        """Return every set of columns that data from ``low`` to ``high`` give, and no other.

        low, high : integers in the shape of one sample, low <= high, within what the encoder
        takes. number, length, draw : of the sample, as for `encode`; the set of a random encoder
        is that of its seed.

        Raises OptionError where the encoder would have to be asked for more than `MAX_DATA` data.
        """
        low, high = self.box_of(low, high)
        data = self._between(low, high)
        numbers = np.full(len(data), number)
        lengths = None if length is None else np.full(len(data), length)
        columns = self.encode(data, numbers, lengths, draw)
        flat, shape = columns.reshape(len(data), -1), columns.shape[1:]
        cells = self._cells(low.shape, flat.shape[1])
        return Reachable(shape, tuple(Choices(own, distinct(flat[:, own])) for own in cells))

    def ends(
        self,
        low: Integers,
        high: Integers,
        index: NDArray[np.int64] | None = None,
        lengths: NDArray[np.int64] | None = None,
        draw: int = 0,
    ) -> tuple[Integers, Integers]:
        """Return the smallest and the largest columns that data from ``low`` to ``high`` give.

        low, high : integers ``(samples, *shape)``. The tightest box around `reachable`, for many
        samples at once, each result as from `encode`.
        """
        low, high = self.box_of(low, high)
        if self.monotone:
            least, most = (self.encode(x, index, lengths, draw) for x in (low, high))
            return least, most
        if not self.elementwise:
            return self._ends_one_by_one(low, high, index, lengths, draw)
        least = most = self.encode(low, index, lengths, draw)
        for shift in range(1, int((high - low).max(initial=0)) + 1):
            columns = self.encode(np.minimum(low + shift, high), index, lengths, draw)
            least, most = np.minimum(least, columns), np.maximum(most, columns)
        return least, most

    def metadata(self) -> dict[str, MetadataValue]:
        """Return what `encoder_from_metadata` needs, as text and numbers."""
        entries = {f"{PREFIX}.{name}": value for name, value in asdict(self).items()}
        return {PREFIX: self.kind, **entries}

    @property
    def dtype(self) -> type[np.integer[Any]]:
        """Type of a column: uint8 of spikes, int32 of values."""
        return np.uint8

    @staticmethod
    def box_of(low: Integers, high: Integers) -> tuple[Integers, Integers]:
        """Return the ends of a box as int64; raises InputError unless ``low <= high``."""
        low, high = as_integers(low).astype(np.int64), as_integers(high).astype(np.int64)
        if low.shape != high.shape or (low > high).any():
            raise InputError(
                f"ends of a box have shapes {low.shape} and {high.shape}, expected equal shapes "
                "and low <= high"
            )
        return low, high

    def _between(self, low: Integers, high: Integers) -> Integers:
        """Return data that show every value (or for coupled ones, every datum) of a box."""
        if self.elementwise:
            shifts = np.arange(int((high - low).max(initial=0)) + 1)
            return np.asarray(np.minimum(low + shifts.reshape(-1, *[1] * low.ndim), high))
        count = math.prod((high - low + 1).reshape(-1).tolist())
        if count > MAX_DATA:
            raise OptionError(
                f"encoder {self.kind}: the budget holds {count} data, at most {MAX_DATA} are "
                "looked at one by one; take a smaller budget"
            )
        sizes = tuple((high - low + 1).reshape(-1).tolist())
        steps = np.stack(np.unravel_index(np.arange(count), sizes), axis=1)
        return np.asarray(low + steps.reshape(count, *low.shape))

    def _cells(self, shape: Shape, size: int) -> NDArray[np.int64]:
        """Return which entries of the columns hang on each value, ``(values, entries)``.

        shape : of a sample. size : entries of its columns. Those of the gap hang on none.
        """
        if not self.elementwise:
            return np.arange(size)[None]
        values = math.prod(shape)
        lines = size // self.columns * self.steps // values
        if self.of_series:
            return np.arange(values * lines).reshape(values, lines)
        table = np.arange(self.steps * values * (lines // self.steps))
        return table.reshape(self.steps, values, -1).transpose(1, 0, 2).reshape(values, -1)

    def _ends_one_by_one(
        self,
        low: Integers,
        high: Integers,
        index: NDArray[np.int64] | None,
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> tuple[Integers, Integers]:
        if not len(low):
            return self.encode(low), self.encode(high)
        numbers = counter(low, index)
        found = [
            self.reachable(
                low[k],
                high[k],
                int(numbers[k]),
                None if lengths is None else int(lengths[k]),
                draw,
            ).ends
            for k in range(len(low))
        ]
        least, most = (np.stack(part).astype(self.dtype) for part in zip(*found, strict=True))
        return least, most

    def check_data(self, x: Integers) -> None:  # noqa: B027 - nothing to check is a fine default
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
