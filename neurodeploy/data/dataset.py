"""What a data set is here: integers, split once into training, validation and test samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.draws import permutation
from neurodeploy.encode import Domain
from neurodeploy.errors import DataError, OptionError

Shape = tuple[int, ...]
Integers = NDArray[np.int32]

SPLIT_SEED = 2024
"""Seed of every split that a data set does not bring along."""
OWN_PARTS = ("train", "validation", "test")
PARTS = (*OWN_PARTS, "all")
"""What a user may ask for; ``all`` is the three together."""


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one part of a data set.

    x : int32 ``(samples, *shape)``; of series ``(samples, steps, *shape)``, zero after the end.
    y : int64 ``(samples,)``, class numbers. index : int64 ``(samples,)``, number of the sample in
        the whole set (the counter of random encoders and of noise). lengths : int64
        ``(samples,)``, steps that hold data, or None.
    part : name of the part. domain : what a value may be, None where nobody said so.
    """

    x: Integers
    y: NDArray[np.int64]
    index: NDArray[np.int64]
    lengths: NDArray[np.int64] | None = None
    part: str = ""
    domain: Domain | None = None

    def __post_init__(self) -> None:
        arrays = (self.y, self.index, *(() if self.lengths is None else (self.lengths,)))
        for array in arrays:
            if len(array) != len(self.x):
                raise DataError(f"{len(array)} labels for {len(self.x)} samples, expected one each")

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the samples are and which ones they are.

        Of each of x (int32), y, index and lengths (int64; left out where there are none): a line
        ``name (shape)``, then the values, little-endian in C order; last a line ``part name``.
        """
        content = sha256()
        for name, kind in (("x", "<i4"), ("y", "<i8"), ("index", "<i8"), ("lengths", "<i8")):
            array = getattr(self, name)
            if array is not None:
                plain = np.ascontiguousarray(array, kind)
                content.update(f"{name} {tuple(plain.shape)}\n".encode())
                content.update(plain.data)
        content.update(f"part {self.part}\n".encode())
        return content.hexdigest()

    def take(self, rows: NDArray[Any] | slice) -> Split:
        """Return the samples ``rows`` as a new split."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return replace(
            self, x=self.x[rows], y=self.y[rows], index=self.index[rows], lengths=lengths
        )

    def first(self, count: int | None) -> Split:
        """Return the first ``count`` samples, all for None."""
        return self if count is None else self.take(slice(0, count))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named data set.

    train, validation, test : its splits; settings are chosen on validation, test is used once.
    classes : number of classes. peak : largest magnitude of a value. series : whether samples
    are ``(steps, *shape)``. seed : of the splits that were drawn here. source : where the values
    came from. signed : whether values may be negative, -peak..peak instead of 0..peak. notes :
    what a user should know of how the set was read, a sentence each.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    peak: int
    series: bool
    seed: int
    source: str
    signed: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in OWN_PARTS:
            named = replace(getattr(self, part), part=part, domain=self.domain)
            object.__setattr__(self, part, named)

    @property
    def domain(self) -> Domain:
        """What a value may be."""
        return Domain(-self.peak if self.signed else 0, self.peak, self.peak)

    @property
    def shape(self) -> Shape:
        """Shape of one sample, or of one step of a series."""
        return tuple(self.test.x.shape[2 if self.series else 1 :])

    @property
    def steps(self) -> int | None:
        """Steps of a series, None for still data."""
        return int(self.test.x.shape[1]) if self.series else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the lines ``part digest``, one for each of train, validation and test."""
        lines = "".join(f"{part} {getattr(self, part).digest}\n" for part in OWN_PARTS)
        return sha256(lines.encode()).hexdigest()

    def part(self, name: str) -> Split:
        """Return a part by name; ``all`` holds every sample in the order of the numbers.

        Raises OptionError for a name that is none, DataError for a part without samples.
        """
        if name not in PARTS:
            raise OptionError(f"part is {name!r}, expected one of {', '.join(PARTS)}")
        split = joined(list(self.parts()), "all") if name == "all" else getattr(self, name)
        if len(split) == 0:
            counts = ", ".join(f"{len(part)} {part.part}" for part in self.parts())
            raise DataError(
                f"{self.name}: part {name} is empty ({counts}); take another part, or all"
            )
        return split

    def parts(self) -> Iterator[Split]:
        """Yield the three splits."""
        yield from (self.train, self.validation, self.test)

    def limited(self, train: int | None, validation: int | None, test: int | None) -> Dataset:
        """Return the data set with at most that many samples in each part.

        Raises DataError for more samples than there are.
        """
        wanted = {"train": train, "validation": validation, "test": test}
        for name, count in wanted.items():
            if count is not None and count > len(getattr(self, name)):
                raise DataError(
                    f"{self.name}: {count} samples of {name} wanted, "
                    f"there are {len(getattr(self, name))}"
                )
        return replace(self, **{k: getattr(self, k).first(n) for k, n in wanted.items()})


def joined(splits: list[Split], part: str) -> Split:
    """Return the samples of several splits of one set, by rising number."""
    numbers = np.concatenate([split.index for split in splits])
    order = np.argsort(numbers, kind="stable")
    lengths = [split.lengths for split in splits if split.lengths is not None]
    return Split(
        np.concatenate([split.x for split in splits])[order],
        np.concatenate([split.y for split in splits])[order],
        numbers[order],
        np.concatenate(lengths)[order] if len(lengths) == len(splits) else None,
        part,
        splits[0].domain,
    )


def hold_out(pool: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Split ``pool`` into (kept, held out); each class gives ``share`` of its samples, rounded.

    Which ones follows from the seed alone, see `neurodeploy.draws.permutation`.
    """
    order = permutation(len(pool), seed)
    held = np.zeros(len(pool), bool)
    for label in np.unique(pool.y):
        members = order[pool.y[order] == label]
        held[members[: round(share * len(members))]] = True
    rows = np.arange(len(pool))
    return pool.take(rows[~held]), pool.take(rows[held])


def whole_set(
    x: NDArray[np.int32],
    y: NDArray[np.int64],
    lengths: NDArray[np.int64] | None = None,
    start: int = 0,
) -> Split:
    """Return all samples as one split, numbered from ``start``."""
    index = np.arange(start, start + len(x))
    return Split(np.asarray(x, np.int32), np.asarray(y, np.int64), index, lengths)
