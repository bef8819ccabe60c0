"""Every datum of a ball, one by one, on the engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Runner
from neurodeploy.answers.runner import as_samples
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import Direct

BATCH = 4096
"""Data that are run at a time."""
Integers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Points:
    """The data of one ball that give different columns. values : of each entry of the datum."""

    shape: tuple[int, ...]
    values: tuple[Integers, ...]

    @property
    def count(self) -> int:
        """Number of data."""
        return math.prod(len(found) for found in self.values)

    def batches(self) -> Iterator[Integers]:
        """Yield all data, int32 ``(n, *shape)``, the last entry changing fastest."""
        free = [place for place, found in enumerate(self.values) if len(found) > 1]
        sizes = [len(self.values[place]) for place in free] or [1]
        alone = np.array([found[0] for found in self.values], np.int32)
        for start in range(0, self.count, BATCH):
            number = np.arange(start, min(start + BATCH, self.count))
            batch = np.repeat(alone[None], len(number), axis=0)
            for place, digit in zip(free, np.unravel_index(number, sizes), strict=False):
                batch[:, place] = self.values[place][digit]
            yield batch.reshape(-1, *self.shape)


def points(data: Presentation, row: int, steps: int) -> Points:
    """Return the data within ``steps`` of that of ``row``.

    Of data that a direct encoder puts on the same level, the smallest stands for all.
    """
    low, high = (end[0] for end in data.ball(slice(row, row + 1), steps))
    values = []
    for first, last in zip(low.reshape(-1).tolist(), high.reshape(-1).tolist(), strict=True):
        every = np.arange(first, last + 1)
        if isinstance(data.encoder, Direct):
            every = every[np.unique(data.encoder.values(every), return_index=True)[1]]
        values.append(every)
    return Points(low.shape, tuple(values))


def few(data: Presentation, steps: int, limit: int) -> NDArray[np.bool_]:
    """Return which samples have at most ``limit`` `points` within ``steps``, ``(samples,)``.

    Between two data a direct encoder gives as many levels as there are data, or levels.
    """
    ends = data.ball(slice(None), steps)
    sizes = (ends[1] - ends[0]).reshape(len(data), -1)
    if isinstance(data.encoder, Direct):
        levels = [data.encoder.values(end).astype(np.int64) for end in ends]
        sizes = np.minimum(sizes, (levels[1] - levels[0]).reshape(sizes.shape))
    bits = np.log2(sizes + 1).sum(axis=1)
    found = bits <= np.log2(max(limit, 1)) + 1
    for row in np.flatnonzero(found):
        found[row] = math.prod((sizes[row] + 1).tolist()) <= limit
    return np.asarray(found)


def searched(
    runner: Runner, data: Presentation, row: int, found: Points
) -> tuple[int, Integers | None]:
    """Return the smallest margin of all data and None; or the first datum that is not answered
    right, behind its margin.

    The margin is ``score[label] - largest other score``.
    """
    label, smallest = int(data.y[row]), np.iinfo(np.int64).max
    for batch in found.batches():
        margin = margins(scores(runner, data, row, batch), np.full(len(batch), label))
        if (margin <= 0).any():
            at = int(np.argmax(margin <= 0))
            return int(margin[at]), batch[at]
        smallest = min(smallest, int(margin.min()))
    return int(smallest), None


def scores(runner: Runner, data: Presentation, rows: Any, x: Integers) -> NDArray[np.int64]:
    """Return the scores of data ``x`` in place of those of ``rows``, ``(n, classes)``."""
    columns = data.columns(np.broadcast_to(rows, len(x)), x)
    return np.concatenate([piece.scores for piece in runner.run(as_samples(columns))])


def margins(score: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``score[label] - largest other score``, int64 ``(n,)``; 0 is a tie."""
    rows = np.arange(len(score))
    others = score.copy()
    others[rows, label] = np.iinfo(np.int64).min
    return np.asarray(score[rows, label] - others.max(axis=1))
