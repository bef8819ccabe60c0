"""The smallest change of dense weights that keeps Lava's conditioning from changing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.conditioning import WEIGHT_MIN, changes, weight_bits
from neurodeploy.fixedpoint import IntArray

MAX_REPAIRS = 8
"""Most weight changes tried one after another; one is enough for a single matrix."""


@dataclass(frozen=True)
class Repair:
    """One weight that was changed to keep Lava's conditioning exact: ``at`` of matrix ``index``."""

    index: int
    at: tuple[int, int]
    before: int
    after: int


def repair(matrices: Sequence[IntArray]) -> tuple[list[IntArray], list[Repair]] | None:
    """Return the matrices of one group with the fewest units changed so that none acts otherwise.

    None when no such change was found. Weights stay in [-256, 254].
    """
    work, done = [np.array(weight) for weight in matrices], list[Repair]()
    for _ in range(MAX_REPAIRS):
        faulty = next((k for k, found in enumerate(changes(work)) if found), None)
        if faulty is None:
            return work, done
        best = _best(work, faulty)
        if best is None:
            return None
        for change in best:
            work[faulty][change.at] = change.after
        done += best
    return None


def _best(work: list[IntArray], faulty: int) -> list[Repair] | None:
    """The candidate that mends one matrix with the least sum of changes, then the fewest bits."""
    ranked = []
    for order, candidate in enumerate(_candidates(work[faulty], faulty)):
        trial = [np.array(weight) for weight in work]
        for change in candidate:
            trial[faulty][change.at] = change.after
        merged = np.concatenate([weight.reshape(-1) for weight in trial])
        if merged.min() < WEIGHT_MIN or not merged.any() or changes(trial)[faulty] is not None:
            continue
        cost = sum(abs(change.after - change.before) for change in candidate)
        ranked.append((cost, weight_bits(merged) > 8, order, candidate))
    return min(ranked)[3] if ranked else None


def _candidates(weight: IntArray, index: int) -> Iterator[list[Repair]]:
    """Changes that leave the class of faulty matrices: a lower minimum, higher minima, one sign."""
    low = int(weight.min())
    minima = [(int(i), int(j)) for i, j in np.argwhere(weight == low)]
    nearest = np.unravel_index(int(weight.argmax()), weight.shape)
    top = (int(nearest[0]), int(nearest[1]))
    for step in (1, 2):
        yield [Repair(index, minima[0], low, low - step)]
    for step in (1, 2):
        yield [Repair(index, at, low, low + step) for at in minima]
    for value in (1, 2):
        yield [Repair(index, top, int(weight[top]), value)]
