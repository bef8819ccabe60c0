"""Integer arithmetic of a Loihi-style chip, as Lava's fixed-point CPU models execute it.

Every function takes and returns numpy ``int64`` arrays that hold values of the stated width, so
that each rule is one line. ``M`` is 2^23, the limit of the 24-bit states.

Source: lava-nc 0.10.0, `lava.proc.lif.models`, `lava.proc.conv.models`, `lava.proc.sdn.models`,
`lava.utils.weightutils`; lava-dl 0.6.0, `lava.lib.dl.netx.blocks.process`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

STATE_BITS = 24
"""Width of u and v."""
M = 1 << (STATE_BITS - 1)
"""2^23: u is corrected beyond it, v saturates at M - 1."""
DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS
"""4096: a decay of 4096 forgets everything in one step, 0 nothing."""
MANTISSA_SHIFT = 6
"""Thresholds, biases and synaptic input are mantissas: 64 in v or u for each unit."""
BIAS_BITS = 16
MAX_DELAY_STEPS = 62
"""Largest synaptic delay; Lava clips larger ones."""


def tz(product: IntArray) -> IntArray:
    """Divide by 4096 and round toward zero: ``sign(p) * (|p| >> 12)``."""
    quotient: IntArray = np.sign(product) * (np.abs(product) >> DECAY_BITS)
    return quotient


def wrap(value: IntArray, bits: int) -> IntArray:
    """Wrap to ``bits`` bits, two's complement: ``((x + 2^(bits-1)) mod 2^bits) - 2^(bits-1)``."""
    half = np.int64(1) << np.int64(bits - 1)
    mask = (half << np.int64(1)) - np.int64(1)
    wrapped: IntArray = ((value + half) & mask) - half
    return wrapped


def correct_once(value: IntArray) -> IntArray:
    """Fold u back by one period of 2^24, once: ``x - 2^24 if x > M, x + 2^24 if x <= -M, else x``.

    This is not a modulo: +2^23 stays, -2^23 becomes +2^23, and beyond 3M the value stays wide.
    """
    folded: IntArray = value - 2 * M * (value > M) + 2 * M * (value <= -M)
    return folded


def saturate(value: IntArray) -> IntArray:
    """Clamp v to [-(M-1), M-1]."""
    return np.clip(value, -(M - 1), M - 1)


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

    Raises ValueError for matrices that are zero throughout, where Lava raises OverflowError.
    """
    clipped, shift, bits = _scale(list(matrices))
    # A negative left shift gives zero in numpy, and zero shifted right by any count stays zero.
    return [Conditioned(_truncate(_shift_left(w, shift), bits), max(shift, 0)) for w in clipped]


def _scale(matrices: list[IntArray]) -> tuple[list[IntArray], int, int]:
    """Step A: clip, then the shift to full scale and the number of weight bits."""
    high, low = max(int(w.max()) for w in matrices), min(int(w.min()) for w in matrices)
    if high == low == 0:
        raise ValueError("all weights are zero")
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
