"""Encoders: integers of a data set become the columns that a Program takes.

Every encoder works on integers only, so that the same data, seed and steps give the same columns
on every machine. An encoder describes itself as metadata of a Program (`Encoder.metadata`), and
`encoder_from_metadata` builds it again: whoever holds a trained Program can encode for it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError, OptionError, ProgramError
from neurodeploy.program import MetadataValue

Shape = tuple[int, ...]
Integers = NDArray[Any]

PREFIX = "encoder"
"""Keys of the metadata are ``encoder`` (the kind) and ``encoder.<field>``."""
MAX_STEPS = 100_000


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
        _check(self.kind, "steps", self.steps, 1, MAX_STEPS)
        _check(self.kind, "peak", self.peak, 1, 2**24)
        _check(self.kind, "gap", self.gap, 0, MAX_STEPS)

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
    ) -> Integers:
        """Return the columns of ``x``: uint8 or int32 ``(samples, steps + gap, *output_shape)``.

        x : integers ``(samples, *shape)``; of a series ``(samples, steps, channels)``.
        index : number of each sample in its data set, the counter of random encoders (0, 1, ...).
        lengths : steps that hold data, per sample of a series; later ones are silent.
        draw : which of the independent repetitions of a random encoder (0 is the one evaluated).

        Raises InputError for values beyond the peak where the encoder cannot take them.
        """
        x = _as_integers(x)
        data = self._columns(x, _counter(x, index), lengths, draw)
        if self.of_series and lengths is not None:
            data[np.arange(data.shape[1]) >= np.asarray(lengths)[:, None]] = 0
        if not self.gap:
            return np.ascontiguousarray(data)
        rest = np.zeros((len(data), self.gap, *data.shape[2:]), data.dtype)
        return np.concatenate([data, rest], axis=1)

    def metadata(self) -> dict[str, MetadataValue]:
        """Return what `encoder_from_metadata` needs, as text and numbers."""
        entries = {f"{PREFIX}.{name}": value for name, value in asdict(self).items()}
        return {PREFIX: self.kind, **entries}

    @abstractmethod
    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        """Return the data columns of the samples ``index``, ``(samples, steps, *shape)``."""


@dataclass(frozen=True)
class Direct(Encoder):
    """Graded input: every step carries the value itself, on a grid of ``levels`` steps.

    ``floor((2 * x * levels + peak) / (2 * peak))``, which is ``x * levels / peak`` rounded half up.
    """

    levels: int = 255

    kind: ClassVar[str] = "direct"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.kind, "levels", self.levels, 1, 2**16)

    @property
    def message_bits(self) -> int:
        return self.levels.bit_length()

    @property
    def high(self) -> int:
        return self.levels

    @property
    def still(self) -> bool:
        return self.gap == 0

    def values(self, x: Integers) -> Integers:
        """Return the value that every step carries, int32 ``(samples, *shape)``."""
        wide = _as_integers(x).astype(np.int64)
        grid = (2 * wide * self.levels + self.peak) // (2 * self.peak)
        return np.asarray(grid, dtype=np.int32)

    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        return np.repeat(self.values(x)[:, None], self.steps, axis=1)


@dataclass(frozen=True)
class Rate(Encoder):
    """Bernoulli spikes: at each step a value spikes with probability ``x / peak``.

    Numbers come from Philox-4x64-10 with key ``(seed, draw)``, started at counter
    ``(0, 0, sample, 0)`` as numpy counts: each sample owns a stream of 32-bit words, low half of
    each 64-bit word first, and word ``step * size + position`` decides one spike:
    ``word < floor(x * 2^32 / peak)``.

    Source: Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """

    seed: int = 0

    kind: ClassVar[str] = "rate"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.kind, "seed", self.seed, 0, 2**63 - 1)

    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        limit = (_within(self.kind, x, 0, self.peak).astype(np.uint64) << np.uint64(32)) // (
            np.uint64(self.peak)
        )
        size = math.prod(x.shape[1:])
        out = np.empty((len(x), self.steps, size), np.uint8)
        for k, sample in enumerate(index):
            words = counter_words(self.seed, draw, int(sample), self.steps * size)
            out[k] = words.reshape(self.steps, size) < limit[k].reshape(1, size)
        return out.reshape(len(x), self.steps, *x.shape[1:])


@dataclass(frozen=True)
class Latency(Encoder):
    """One spike per value, the earlier the larger; 0 stays silent.

    Step of the spike: ``floor(((peak - x) * (steps - 1) * 2 + peak) / (2 * peak))``.
    """

    kind: ClassVar[str] = "latency"

    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        x = _within(self.kind, x, 0, self.peak).astype(np.int64)
        when = ((self.peak - x) * (self.steps - 1) * 2 + self.peak) // (2 * self.peak)
        steps = np.arange(self.steps).reshape(1, -1, *(1,) * (x.ndim - 1))
        spikes = (when[:, None] == steps) & (x[:, None] > 0)
        return np.asarray(spikes, dtype=np.uint8)


@dataclass(frozen=True)
class Delta(Encoder):
    """Send on change: channel c has an up line (2c) and a down line (2c + 1).

    The reference starts at the first value. Per step: ``x - ref >= threshold`` spikes up and adds
    the threshold to the reference, ``x - ref <= -threshold`` spikes down and subtracts it.
    """

    threshold: int = 1

    kind: ClassVar[str] = "delta"
    of_series: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.kind, "threshold", self.threshold, 1, 2**24)

    def output_shape(self, shape: Shape) -> Shape:
        return (2 * math.prod(shape),)

    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        x = _series(self, x).astype(np.int64)
        out = np.zeros((*x.shape, 2), np.uint8)
        reference = x[:, 0].copy()
        for t in range(self.steps):
            up = x[:, t] - reference >= self.threshold
            down = x[:, t] - reference <= -self.threshold
            reference += self.threshold * (up.astype(np.int64) - down)
            out[:, t, :, 0], out[:, t, :, 1] = up, down
        return out.reshape(len(x), self.steps, -1)


@dataclass(frozen=True)
class Level(Encoder):
    """One line per channel and level; at each step the line of the present level spikes.

    Level of x: ``floor((x + peak) * levels / (2 * peak + 1))``, lines ``channel * levels + level``.
    """

    levels: int = 8

    kind: ClassVar[str] = "level"
    of_series: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.kind, "levels", self.levels, 2, 4096)

    def output_shape(self, shape: Shape) -> Shape:
        return (self.levels * math.prod(shape),)

    def _columns(
        self,
        x: Integers,
        index: NDArray[np.int64],
        lengths: NDArray[np.int64] | None,
        draw: int,
    ) -> Integers:
        x = _within(self.kind, _series(self, x), -self.peak, self.peak).astype(np.int64)
        level = (x + self.peak) * self.levels // (2 * self.peak + 1)
        lines = level[..., None] == np.arange(self.levels)
        return np.asarray(lines, dtype=np.uint8).reshape(len(x), self.steps, -1)


ENCODERS: dict[str, type[Encoder]] = {
    encoder.kind: encoder for encoder in (Direct, Rate, Latency, Delta, Level)
}


def encoder_from_metadata(metadata: Mapping[str, MetadataValue]) -> Encoder:
    """Return the encoder that `Encoder.metadata` described.

    Raises ProgramError when the metadata name no encoder, an unknown one, or lack a field.
    """
    kind = metadata.get(PREFIX)
    if kind is None:
        raise ProgramError(
            "metadata name no encoder; encode the data yourself and give the columns"
        )
    if kind not in ENCODERS:
        raise ProgramError(f"metadata encoder is {kind!r}, known are {', '.join(ENCODERS)}")
    chosen = ENCODERS[str(kind)]
    entries: dict[str, Any] = {}
    for field in fields(chosen):
        key = f"{PREFIX}.{field.name}"
        if key not in metadata:
            raise ProgramError(f"metadata lack {key!r}, which encoder {kind} needs")
        entries[field.name] = metadata[key]
    return chosen(**entries)


def counter_words(seed: int, draw: int, sample: int, count: int) -> NDArray[np.uint32]:
    """Return ``count`` 32-bit words of the counter-based stream of one sample (see `Rate`)."""
    generator = np.random.Philox(key=[seed, draw], counter=[0, 0, sample, 0])
    words = generator.random_raw((count + 1) // 2).astype("<u8", copy=False)
    return words.view("<u4")[:count]


def _check(kind: str, name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"encoder {kind}: {name} is {value!r}, expected a whole number")
    if not low <= int(value) <= high:
        raise OptionError(f"encoder {kind}: {name} is {value}, allowed are {low} to {high}")


def _as_integers(x: Integers) -> Integers:
    array = np.asarray(x)
    if array.dtype.kind not in "iub":
        raise InputError(
            f"data have dtype {array.dtype}, expected integers; quantise them first, e.g. "
            "np.rint(x * scale).astype(np.int32)"
        )
    return array


def _counter(x: Integers, index: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if index is None:
        return np.arange(len(x))
    if len(index) != len(x):
        raise InputError(f"index has {len(index)} entries, expected one per sample: {len(x)}")
    return np.asarray(index, dtype=np.int64)


def _within(kind: str, x: Integers, low: int, high: int) -> Integers:
    if x.size:
        smallest, largest = int(x.min()), int(x.max())
        if smallest < low or largest > high:
            value = smallest if smallest < low else largest
            raise InputError(f"encoder {kind}: data hold {value}, allowed are {low} to {high}")
    return x


def _series(encoder: Encoder, x: Integers) -> Integers:
    if x.ndim != 3 or x.shape[1] != encoder.steps:
        raise InputError(
            f"encoder {encoder.kind}: data have shape {x.shape}, expected a series "
            f"(samples, {encoder.steps}, channels)"
        )
    return x
