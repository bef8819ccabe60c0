"""Random numbers of attacks: functions of seed, sample number and place, whatever the batch."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from neurodeploy.draws import blocks

_OWN_KEY = 2**31
"""Added to the upper key word, which no other draw of this project uses."""


def stream(*words: object) -> int:
    """Return the number of a stream that belongs to ``words``, such as an attack and a restart."""
    return zlib.crc32(" ".join(map(str, words)).encode())


def uniforms(
    seed: int, samples: NDArray[np.int64], count: int, number: int = 0, turn: int = 0
) -> NDArray[np.float64]:
    """Return numbers from 0 to below 1, float64 ``(len(samples), count)``.

    Number i is ``w / 2^32`` with w word ``i mod 4`` of the block with key ``(seed mod 2^32,
    number xor 2^31)`` and counter ``(i // 4, turn, sample mod 2^32, sample >> 32)``.
    """
    per_sample = (count + 3) // 4
    counter = np.zeros((len(samples), per_sample, 4), np.uint64)
    counter[:, :, 0] = np.arange(per_sample)
    counter[:, :, 1] = turn
    counter[:, :, 2] = (samples % 2**32)[:, None]
    counter[:, :, 3] = (samples // 2**32)[:, None]
    words = blocks(counter.reshape(-1, 4), (seed % 2**32, number ^ _OWN_KEY))
    return words.reshape(len(samples), 4 * per_sample)[:, :count] / 2.0**32
