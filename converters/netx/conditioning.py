"""What Lava's 8-bit conditioning does to dense weights, and the smallest change that avoids it.

Lava multiplies by conditioned weights. For most matrices that is the plain product; for some it
is not, and ``weights="exact"`` and ``"lava"`` then differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.fixedpoint import IntArray, condition

WEIGHT_MIN, WEIGHT_MAX = -256, 254
"""Range of dense weights in NetX."""
MAX_REPAIRS = 8
"""Most weight changes tried one after another; one is enough for a single matrix."""


@dataclass(frozen=True)
class Change:
    """How conditioning changes one matrix.

    entries : weights that change, of ``total``. at : index of the largest change, from ``weight``
    to ``effective``, the multiplier that one event sees.
    """

    entries: int
    total: int
    at: tuple[int, int]
    weight: int
    effective: float

    def __str__(self) -> str:
        return (
            f"{self.entries} of {self.total} weights act otherwise than stored, most of all "
            f"{self.weight} as {self.effective:g} at {list(self.at)}"
        )


def changes(matrices: Sequence[IntArray]) -> list[Change | None]:
    """Return, per matrix of one group, how conditioning changes it, None where it does not.

    Raises ValueError when all weights are zero, which Lava cannot load.
    """
    return [
        _change(weight, conditioned.effective)
        for weight, conditioned in zip(matrices, condition(matrices), strict=True)
    ]


def _change(
    weight: IntArray, effective: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> Change | None:
    difference = np.abs(effective - weight)
    entries = int(np.count_nonzero(difference))
    if entries == 0:
        return None
    row, column = np.unravel_index(int(difference.argmax()), difference.shape)
    return Change(
        entries,
        weight.size,
        (int(row), int(column)),
        int(weight[row, column]),
        float(effective[row, column]),
    )


def cause(weight: IntArray) -> str:
    """Say why Lava changes a matrix, in words."""
    low, high = int(weight.min()), int(weight.max())
    if low < 0 < high and (low < WEIGHT_MIN or high > WEIGHT_MAX):
        return f"Lava clips mixed signs to [{WEIGHT_MIN}, {WEIGHT_MAX}]"
    if low >= 0:
        return "a non-negative matrix above 255 becomes zero in Lava"
    if high > 0:
        return "Lava gives all matrices of the layer one exponent"
    if high == 0 and -low & (-low - 1):
        return (
            "a non-positive matrix with a zero, odd weights and a minimum below -128 becomes zero"
        )
    return "a non-positive matrix with a power of two as its minimum loses its low bits in Lava"


def weight_bits(weight: IntArray) -> int:
    """Return the bits that a synapse needs for these weights, common zero bits dropped.

    Mixed signs count the sign: -128 to 127 and the even numbers of -256 to 254 take 8.
    """
    low, high = int(weight.min()), int(weight.max())
    common = int(np.bitwise_or.reduce(np.abs(weight), axis=None))
    if common == 0:
        return 0
    zeros = (common & -common).bit_length() - 1
    if low < 0 < high:
        return max((high >> zeros).bit_length(), ((-low >> zeros) - 1).bit_length()) + 1
    return (max(high, -low) >> zeros).bit_length()


def fits_8_bits(weight: IntArray) -> bool:
    """Whether the weights lie in [-256, 254] and take no more than 8 bits."""
    in_range = weight.min() >= WEIGHT_MIN and weight.max() <= WEIGHT_MAX
    return bool(in_range) and weight_bits(weight) <= 8


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
