"""Random numbers that are functions of a key and of counters, the same on every machine.

Rates, noise, splits, delays: whatever this project draws comes from words of Philox computed here;
no draw depends on the order of calls, on how samples are batched, or on a stream of numpy.

Source: Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3". Seven rounds of
Philox-4x32 are the fewest that pass BigCrush there; the common ten are a margin that would cost a
third more time. Its products of 32 bits are what vectors of every instruction set have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError

Words = NDArray[np.uint32]
Wide = NDArray[np.uint64]

ROUNDS = 7
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SECOND_STREAM = 2**31
"""Bit of the highest counter word that no sample number has."""
MAX_DECISIONS = 2**34
"""Numbers of one stream: the second stream has 2^32 blocks of four words."""

WIDE_ROUNDS = 10
WIDE_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
WIDE_KEY_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)

NORMAL_SEEDS = 2**63
"""Added to the seed in the key of whole and normal numbers; no encoder's seed is as large."""
NORMAL_GRID = 2.0**24
"""Normal numbers are multiples of 1 / NORMAL_GRID."""
_BATCH = 2**14
"""Blocks computed at a time, so that they stay in the cache."""


def blocks(counter: Words | Wide, key: tuple[int, int]) -> Words:
    """Return the words of Philox-4x32-7 at ``counter``, uint32 ``(blocks, 4)`` as the counters are.

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


def normals(
    seed: int, samples: NDArray[np.int64], count: int, stream: int = 0
) -> NDArray[np.float64]:
    """Return standard normal numbers, float64 ``(len(samples), count)``.

    Number i of a sample depends on seed, stream, the sample's number and i alone. With the words
    w of block ``i // 4``, key ``seed + 2^63``, counter ``(i // 4, stream, sample)``:

        r = sqrt(-2 ln((w[2j] + 1/2) / 2^32)),  a = 2 pi w[2j + 1] / 2^32,  j = (i mod 4) // 2
        n = r cos(a) for even i, r sin(a) for odd i, rounded to multiples of 2^-24

    The rounding hides the last bits, in which mathematical libraries differ.

    samples : numbers from 0. Raises OptionError for a seed or stream outside of what the key and
    the counter hold.

    Source: Box and Muller, Annals of Mathematical Statistics 29 (1958), 610-611.
    """
    _check("seed", seed, 2**63 - 1)
    _check("stream", stream, 2**32 - 1)
    key = (int(seed) % 2**32, (int(seed) + NORMAL_SEEDS) // 2**32)
    number = np.asarray(samples, np.uint64)
    per_sample = (count + 3) // 4
    total = len(number) * per_sample
    result = np.empty((total, 2, 2))
    for start in range(0, total, _BATCH):
        stop = min(start + _BATCH, total)
        row, place = np.divmod(np.arange(start, stop), per_sample)
        owner = number[row]
        counter = np.stack([place.astype(np.uint64), np.full_like(owner, stream), owner, owner])
        counter[2] &= LOW
        counter[3] >>= HALF
        words = blocks(counter.T, key).reshape(-1, 2, 2).astype(np.float64)
        radius = np.sqrt(-2.0 * np.log((words[..., 0] + 0.5) / 2.0**32))
        angle = words[..., 1] * (2.0 * np.pi / 2.0**32)
        np.multiply(radius, np.cos(angle), out=result[start:stop, :, 0])
        np.multiply(radius, np.sin(angle), out=result[start:stop, :, 1])
    np.rint(result * NORMAL_GRID, out=result)
    result /= NORMAL_GRID
    return result.reshape(len(number), 4 * per_sample)[:, :count]


def integers(seed: int, count: int, below: int, stream: int = 0) -> NDArray[np.int64]:
    """Return ``count`` whole numbers from 0 to ``below - 1``, equally likely but for 2^-32.

    Number i is ``floor(w * below / 2^32)``, w word ``i mod 4`` of the block with key
    ``seed + 2^63`` and counter ``(i // 4, stream, 0, 2^31)``, which no normal number has.

    Raises OptionError for a seed or stream outside of what key and counter hold, and for
    ``below`` outside of 1 to 2^31.
    """
    _check("seed", seed, 2**63 - 1)
    _check("stream", stream, 2**32 - 1)
    _check("below", below, 2**31, 1)
    words = counter_words(int(seed) + NORMAL_SEEDS, stream, 0, count, second=True)
    return ((words.astype(np.uint64) * np.uint64(below)) >> HALF).astype(np.int64)


def permutation(count: int, seed: int, stream: int = 0) -> NDArray[np.int64]:
    """Return a random order of ``count`` items.

    Stable sort of ``count`` words of Philox-4x64-10: word ``4 b + j`` is word j of the block with
    key ``(seed, stream)`` and counter ``(b + 1, 0, 0, 0)``.

    Raises OptionError for a seed or stream that is no word of 64 bits.
    """
    _check("seed", seed, 2**64 - 1)
    _check("stream", stream, 2**64 - 1)
    words = wide_blocks((count + 3) // 4, (int(seed), int(stream))).reshape(-1)[:count]
    return np.argsort(words, kind="stable").astype(np.int64)


def wide_blocks(count: int, key: tuple[int, int]) -> Wide:
    """Return ``count`` blocks of Philox-4x64-10 from counter ``(1, 0, 0, 0)`` on, ``(count, 4)``.

    The rounds are those of `blocks`, on words of 64 bits.
    """
    c0 = np.arange(1, count + 1, dtype=np.uint64)
    c1, c2, c3 = (np.zeros(count, np.uint64) for _ in range(3))
    k0, k1 = key
    for _ in range(WIDE_ROUNDS):
        high0, low0 = product(WIDE_MULTIPLIERS[0], c0)
        high1, low1 = product(WIDE_MULTIPLIERS[1], c2)
        c0, c1 = high1 ^ c1 ^ np.uint64(k0), low1
        c2, c3 = high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + WIDE_KEY_STEPS[0]) % 2**64, (k1 + WIDE_KEY_STEPS[1]) % 2**64
    return np.stack([c0, c1, c2, c3], axis=1)


def product(factor: np.uint64, values: Wide) -> tuple[Wide, Wide]:
    """Return the upper and the lower 64 bits of ``factor * values``, out of four half products."""
    f0, f1 = factor & LOW, factor >> HALF
    v0, v1 = values & LOW, values >> HALF
    lower, left, right = f0 * v0, f1 * v0, f0 * v1
    middle = (lower >> HALF) + (left & LOW) + (right & LOW)
    upper = f1 * v1 + (left >> HALF) + (right >> HALF) + (middle >> HALF)
    return upper, (lower & LOW) | (middle << HALF)


def _check(name: str, value: int, high: int, low: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise OptionError(f"{name} is {value!r}, expected a whole number")
    if not low <= int(value) <= high:
        raise OptionError(f"{name} is {value}, allowed are {low} to {high}")
