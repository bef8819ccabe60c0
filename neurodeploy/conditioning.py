"""What Lava's 8-bit conditioning makes of dense weights: which change, by how much, and why.

Lava multiplies by conditioned weights. For most matrices that is the plain product; for some it
is not, and ``weights="exact"`` and ``"lava"`` then differ.

Source: lava-nc 0.10.0, `lava.utils.weightutils` and `lava.proc.dense.models`; lava-dl 0.6.0,
`lava.lib.dl.netx.utils`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import IntArray, wrap

WEIGHT_MIN, WEIGHT_MAX = -256, 254
"""Range of weights of mixed sign on the 8-bit grid of Lava, NetX and the chip."""


class NothingToCondition(ValueError):
    """Matrices that are zero throughout, for which Lava raises OverflowError."""

    def __init__(self) -> None:
        super().__init__("all weights are zero, which Lava cannot load")


@dataclass(frozen=True)
class Conditioned:
    """Weights as Lava's dense process uses them: ``out = (weight @ message) >> shift``.

    weight : int64, the shape that was given.
    shift : right shift of the accumulator in bits (Lava's ``-weight_exp``), never negative here.
    """

    weight: IntArray
    shift: int

    @property
    def effective(self) -> NDArray[np.float64]:
        """The multiplier that one event sees: ``weight / 2^shift``."""
        return np.asarray(self.weight / 2.0**self.shift, dtype=np.float64)


def condition(matrices: Sequence[IntArray]) -> list[Conditioned]:
    """Condition the dense matrices that share one exponent, as netx (step A) and Dense (B) do.

    Step A looks at all matrices together and finds the left shift ``shift`` that fills the 8-bit
    range and the number of weight bits; step B re-derives the sign mode of each matrix on its own,
    clips and drops low bits. Faults of the original are part of the rule: a non-positive matrix
    whose minimum is minus a power of two loses bits, a non-negative one above 255 becomes zero, and
    so does a matrix of one sign that shares its exponent with odd mixed weights beyond +-127.

    matrices : int64 arrays ``(out, in)``; usually one, two for a recurrent layer.

    Raises NothingToCondition for matrices that are zero throughout.
    """
    clipped, shift, bits = _scale(list(matrices))
    # A negative left shift gives zero in numpy, and zero shifted right by any count stays zero.
    return [Conditioned(_truncate(_shift_left(w, shift), bits), max(shift, 0)) for w in clipped]


def _scale(matrices: list[IntArray]) -> tuple[list[IntArray], int, int]:
    """Step A: clip, then the shift to full scale and the number of weight bits."""
    high, low = max(int(w.max()) for w in matrices), min(int(w.min()) for w in matrices)
    if high == low == 0:
        raise NothingToCondition
    if (high > 254 and low < 0) or (low < -256 and high > 0):
        matrices = [np.clip(w, -256, 254) for w in matrices]
        high, low = max(int(w.max()) for w in matrices), min(int(w.min()) for w in matrices)
    mixed = 0
    if high < 0:
        scale = -256 / low
    elif low >= 0:
        scale = 255 / high
    else:
        mixed = 1
        scale = min(127 / high if high else np.inf, -128 / low if low else np.inf)
    shift = int(np.floor(np.log2(scale))) + mixed
    bits = 8 - shift - (_common_zero_bits(matrices) - mixed)
    return matrices, shift, bits


def _common_zero_bits(matrices: list[IntArray]) -> int:
    """Largest n in 0..8 such that 2^n divides every weight."""
    merged = np.bitwise_or.reduce([np.bitwise_or.reduce(np.abs(w), axis=None) for w in matrices])
    return next(n for n in range(8, -1, -1) if merged % (1 << n) == 0)


def _shift_left(weight: IntArray, bits: int) -> IntArray:
    """``weight << bits`` in int32; numpy shifts by a negative count to zero, and Lava with it."""
    if bits < 0:
        return np.zeros_like(weight)
    return wrap(weight << np.int64(bits), 32)


def _truncate(weight: IntArray, bits: int) -> IntArray:
    """Step B: sign mode of this matrix alone, clip to its range, drop the bits it cannot hold."""
    mixed = bool(weight.min() < 0 < weight.max())
    sign = -1 if weight.min() < 0 and not mixed else 1
    clipped = np.clip(sign * weight, -256 if mixed else 0, 255)
    drop = np.int64(8 - bits + mixed)
    if drop < 0:  # a shift by a negative count gives zero, as in `_shift_left`
        return np.zeros_like(weight)
    return np.asarray(sign * ((clipped >> drop) << drop), dtype=np.int64)


@dataclass(frozen=True)
class Change:
    """How conditioning changes one matrix.

    entries : weights that change, of ``total``. at : index of the largest change, from ``weight``
    to ``effective``, the multiplier that one event sees. cause : why, in words.
    """

    entries: int
    total: int
    at: tuple[int, int]
    weight: int
    effective: float
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.entries} of {self.total} weights act otherwise than stored, most of all "
            f"{self.weight} as {self.effective:g} at {list(self.at)}: {self.cause}"
        )


@dataclass(frozen=True)
class Group:
    """Matrices that share one exponent, before and after conditioning.

    given : int64 ``(out, in)``. conditioned : what Lava multiplies by. changes : per matrix, None
    where the product stays as it is.
    """

    given: tuple[IntArray, ...]
    conditioned: tuple[Conditioned, ...]
    changes: tuple[Change | None, ...]

    @property
    def shift(self) -> int:
        """Right shift of the accumulator in bits, the same for all matrices."""
        return self.conditioned[0].shift

    @property
    def changed(self) -> int:
        """Number of weights that act otherwise than stored."""
        return sum(change.entries for change in self.changes if change is not None)

    @property
    def total(self) -> int:
        """Number of weights."""
        return sum(weight.size for weight in self.given)


def examine(matrices: Sequence[IntArray]) -> Group:
    """Condition the matrices that share one exponent, and compare.

    Raises NothingToCondition when all weights are zero, which Lava cannot load.
    """
    given, conditioned = tuple(matrices), tuple(condition(matrices))
    compared = tuple(
        _change(weight, entry.effective) for weight, entry in zip(given, conditioned, strict=True)
    )
    return Group(given, conditioned, compared)


def changes(matrices: Sequence[IntArray]) -> tuple[Change | None, ...]:
    """Return, per matrix of one group, how conditioning changes it; see `examine`."""
    return examine(matrices).changes


def _change(weight: IntArray, effective: NDArray[np.float64]) -> Change | None:
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
        _cause(weight),
    )


def _cause(weight: IntArray) -> str:
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
