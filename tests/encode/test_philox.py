"""The random numbers of the rate encoder: known answers and statistics with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest

from neurodeploy.encode import Rate, counter_words
from neurodeploy.encode.philox import blocks

SIGMAS = 5.0
"""Deviation that a statistic of a fixed seed may have."""


def philox(counter: tuple[int, ...], key: tuple[int, int]) -> list[int]:
    """Philox-4x32-7 of Salmon et al. (2011), written out with Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(7):
        first, second = divmod(c[0] * 0xD2511F53, 2**32), divmod(c[2] * 0xCD9E8D57, 2**32)
        c = [second[0] ^ c[1] ^ k[0], second[1], first[0] ^ c[3] ^ k[1], first[1]]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


PUBLISHED = [
    ((0,) * 4, (0,) * 2, "5f6fb709 0d893f64 4f121f81 4f730a48"),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "5207ddc2 45165e59 4d8ee751 8c52f662"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "4dfccaba 190a87f0 c47362ba b6b5242a",
    ),
]
"""Answers of seven rounds that the authors publish with their library Random123."""


@pytest.mark.parametrize(("counter", "key", "answer"), PUBLISHED)
def test_blocks_are_those_of_the_published_generator(
    counter: tuple[int, ...], key: tuple[int, int], answer: str
) -> None:
    words = blocks(np.array([counter], np.uint32), key)[0].tolist()
    assert " ".join(f"{word:08x}" for word in words) == answer
    assert words == philox(counter, key)


def test_words_are_counted_by_block_draw_and_sample() -> None:
    seed, draw, sample = 2**40 + 7, 5, 2**33 + 3
    key, rest = (7, 2**8), (draw, 3, 2)
    expected = [word for b in range(4) for word in philox((b, *rest), key)]
    assert counter_words(seed, draw, sample, 15).tolist() == expected[:15]
    second = philox((0, draw, 3, 2 + 2**31), key)
    assert counter_words(seed, draw, sample, 4, second=True).tolist() == second


def test_bytes_of_the_stream_are_uniform() -> None:
    """Chi-square over 256 values: mean 255, standard deviation sqrt(510)."""
    words = np.concatenate([counter_words(3, 0, sample, 25_000) for sample in range(8)])
    counts = np.bincount(words.view(np.uint8), minlength=256)
    expected = counts.sum() / 256
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi_square - 255) < SIGMAS * np.sqrt(510)


@pytest.mark.parametrize("value", [1, 3, 77, 128, 254])
def test_rates_are_the_values_over_the_peak(value: int) -> None:
    columns = Rate(500, 255, seed=11).encode(np.full((4, 500), value))
    p = value / 255
    deviation = np.sqrt(p * (1 - p) / columns.size)
    assert abs(columns.mean() - p) < SIGMAS * deviation


def test_rates_below_one_byte_are_kept() -> None:
    """A value of 1/1000 of the peak is decided by the second stream alone."""
    columns = Rate(1000, 1000, seed=2).encode(np.ones((2, 1000), np.int32))
    assert abs(columns.mean() - 1e-3) < SIGMAS * np.sqrt(1e-3 / columns.size)


def centred(seed: int = 1, draw: int = 0, first: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Return spikes at probability 1/2 as -1 and 1, float64 ``(50, 40, 500)``."""
    index = np.arange(first, first + 50)
    columns = Rate(40, 2, seed=seed).encode(np.ones((50, 500), np.int32), index, draw=draw)
    return columns * 2.0 - 1


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("steps", centred()[:, 1:], centred()[:, :-1]),
        ("positions", centred()[..., 1:], centred()[..., :-1]),
        ("samples", centred()[1:], centred()[:-1]),
        ("seeds", centred(), centred(seed=2)),
        ("high seeds", centred(), centred(seed=1 + 2**32)),
        ("draws", centred(), centred(draw=1)),
        ("high samples", centred(), centred(first=2**32)),
    ],
)
def test_spikes_are_not_correlated(name: str, one: np.ndarray, other: np.ndarray) -> None:  # type: ignore[type-arg]
    correlation = float((one * other).mean())
    assert abs(correlation) < SIGMAS / np.sqrt(one.size), name


def test_counts_of_spikes_are_binomial() -> None:
    """Chi-square of the counts over 40 steps against their variance."""
    counts = (centred() > 0).sum(axis=1)
    assert abs(counts.var() / 10 - 1) < SIGMAS * np.sqrt(2 / counts.size)
