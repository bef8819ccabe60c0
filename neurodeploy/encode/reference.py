"""What the spike encoders mean, in plain numpy: the slow twins of `compiled`.

Every function returns the data columns, uint8; data are integers within the encoder's range.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.draws import counter_words

Integers = NDArray[Any]
Spikes = NDArray[np.uint8]


def rate(
    x: Integers, index: NDArray[np.int64], *, steps: int, peak: int, seed: int, draw: int
) -> Spikes:
    """Return ``(samples, steps, *shape)``: ``number < floor(x * 2^32 / peak)``, see `Rate`."""
    limit = (x.astype(np.uint64) << np.uint64(32)) // np.uint64(peak)
    size = math.prod(x.shape[1:])
    out = np.empty((len(x), steps, size), np.uint8)
    for k, sample in enumerate(index):
        numbers = rate_numbers(seed, draw, int(sample), steps * size)
        out[k] = numbers.reshape(steps, size) < limit[k].reshape(1, size)
    return out.reshape(len(x), steps, *x.shape[1:])


def rate_numbers(seed: int, draw: int, sample: int, count: int) -> NDArray[np.uint64]:
    """Return the first ``count`` 32-bit numbers of a sample: a byte above 24 bits."""
    words = counter_words(seed, draw, sample, (count + 3) // 4)
    upper = words.astype("<u4").view(np.uint8)[:count].astype(np.uint64)
    lower = counter_words(seed, draw, sample, count, second=True) >> np.uint32(8)
    return np.asarray((upper << np.uint64(24)) | lower, dtype=np.uint64)


def latency(x: Integers, *, steps: int, peak: int) -> Spikes:
    """Return ``(samples, steps, *shape)``: one spike per value, see `Latency`."""
    x = x.astype(np.int64)
    when = ((peak - x) * (steps - 1) * 2 + peak) // (2 * peak)
    numbers = np.arange(steps).reshape(1, -1, *(1,) * (x.ndim - 1))
    return np.asarray((when[:, None] == numbers) & (x[:, None] > 0), dtype=np.uint8)


def delta(x: Integers, *, threshold: int) -> Spikes:
    """Return ``(samples, steps, 2 * channels)``: spikes on change, see `Delta`."""
    x = x.astype(np.int64)
    out = np.zeros((*x.shape, 2), np.uint8)
    reference = x[:, 0].copy()
    for t in range(x.shape[1]):
        up = x[:, t] - reference >= threshold
        down = x[:, t] - reference <= -threshold
        reference += threshold * (up.astype(np.int64) - down)
        out[:, t, :, 0], out[:, t, :, 1] = up, down
    return out.reshape(*x.shape[:2], 2 * x.shape[2])


def level(x: Integers, *, peak: int, levels: int) -> Spikes:
    """Return ``(samples, steps, channels * levels)``: the line of the level, see `Level`."""
    lit = (x.astype(np.int64) + peak) * levels // (2 * peak + 1)
    lines = lit[..., None] == np.arange(levels)
    return np.asarray(lines, dtype=np.uint8).reshape(*x.shape[:2], levels * x.shape[2])
