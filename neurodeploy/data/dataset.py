"""What a data set is here: integers, split once into training, validation and test samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import DataError

Shape = tuple[int, ...]
Integers = NDArray[np.int32]

SPLIT_SEED = 2024
"""Seed of every split that a data set does not bring along."""


@dataclass(frozen=True)
class Split:
    """Samples of one part of a data set.

    x : int32 ``(samples, *shape)``; of series ``(samples, steps, channels)``, zero after the end.
    y : int64 ``(samples,)``, class numbers. index : int64 ``(samples,)``, number of the sample in
        the whole set (the counter of random encoders). lengths : int64 ``(samples,)``, steps that
        hold data, or None.
    """

    x: Integers
    y: NDArray[np.int64]
    index: NDArray[np.int64]
    lengths: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        arrays = (self.y, self.index, *(() if self.lengths is None else (self.lengths,)))
        for array in arrays:
            if len(array) != len(self.x):
                raise DataError(f"{len(array)} labels for {len(self.x)} samples, expected one each")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[np.int64] | slice) -> Split:
        """Return the samples ``rows`` as a new split."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return Split(self.x[rows], self.y[rows], self.index[rows], lengths)

    def first(self, count: int | None) -> Split:
        """Return the first ``count`` samples, all for None."""
        return self if count is None else self.take(slice(0, count))


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    train, validation, test : its splits; settings are chosen on validation, test is used once.
    classes : number of classes. peak : images hold 0..peak, series -peak..peak.
    series : whether samples are ``(steps, channels)``. seed : of the splits that were drawn here.
    source : where the values came from.
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

    @property
    def shape(self) -> Shape:
        """Shape of one sample, or of one step of a series."""
        return tuple(self.test.x.shape[2 if self.series else 1 :])

    @property
    def steps(self) -> int | None:
        """Steps of a series, None for still data."""
        return int(self.test.x.shape[1]) if self.series else None

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


def permutation(count: int, seed: int, stream: int = 0) -> NDArray[np.int64]:
    """Return a random order of ``count`` items, the same on every machine and numpy version.

    Stable sort of raw words of Philox-4x64-10 with key ``(seed, stream)``.
    """
    words = np.random.Philox(key=[seed, stream]).random_raw(count)
    return np.argsort(words, kind="stable").astype(np.int64)


def hold_out(pool: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Split ``pool`` into (kept, held out); each class gives ``share`` of its samples, rounded."""
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
