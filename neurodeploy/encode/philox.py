"""Philox-4x32-7, the counter-based generator of the rate encoder, in numpy.

Source: Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3". Seven rounds are the
fewest that pass BigCrush there; the common ten are a margin that would cost a third more time. Its
products of 32 bits are what vectors of every instruction set have, those of Philox-4x64 are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

ROUNDS = 7
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SECOND_STREAM = 2**31
"""Bit of the highest counter word that no sample number has."""
MAX_DECISIONS = 2**34
"""Numbers of one stream: the second stream has 2^32 blocks of four words."""


def blocks(counter: Words, key: tuple[int, int]) -> Words:
    """Return the random words of ``counter``, uint32 ``(blocks, 4)`` as the counters are.

    Per round: ``p0 = M0 * c0, p1 = M1 * c2`` in 64 bits, then
    ``c = (high(p1) ^ c1 ^ k0, low(p1), high(p0) ^ c3 ^ k1, low(p0))``, and the key moves on by
    ``KEY_STEPS`` modulo 2^32.
    """
    c0, c1, c2, c3 = np.asarray(counter, np.uint64).T
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1 = (p1 >> HALF) ^ c1 ^ np.uint64(k0), p1 & LOW
        c2, c3 = (p0 >> HALF) ^ c3 ^ np.uint64(k1), p0 & LOW
        k0, k1 = (k0 + KEY_STEPS[0]) % 2**32, (k1 + KEY_STEPS[1]) % 2**32
    words: Words = np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)
    return words


def counter_words(seed: int, draw: int, sample: int, count: int, second: bool = False) -> Words:
    """Return the first ``count`` words of a sample's stream, uint32.

    Word ``4 b + j`` is word j of the block with key ``(seed mod 2^32, seed >> 32)`` and counter
    ``(b, draw, sample mod 2^32, sample >> 32)``; of the second stream, 2^31 is added to the last.
    """
    counter = np.zeros(((count + 3) // 4, 4), np.uint32)
    counter[:, 0] = np.arange(len(counter))
    counter[:, 1] = draw
    counter[:, 2] = sample % 2**32
    counter[:, 3] = sample // 2**32 + (SECOND_STREAM if second else 0)
    return blocks(counter, (seed % 2**32, seed // 2**32)).reshape(-1)[:count]
