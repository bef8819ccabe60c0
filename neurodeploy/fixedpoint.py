"""Integer arithmetic of a Loihi-style chip, as Lava's fixed-point CPU models execute it.

Every function takes and returns numpy ``int64`` arrays that hold values of the stated width, so
that each rule is one line. ``M`` is 2^23, the limit of the 24-bit states.

Source: lava-nc 0.10.0, `lava.proc.lif.models`, `lava.proc.conv.models`, `lava.proc.sdn.models`;
lava-dl 0.6.0, `lava.lib.dl.netx.blocks.process`.
"""

from __future__ import annotations

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
