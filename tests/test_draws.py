"""Random numbers by counters: known answers, and statistics with fixed seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.draws import (
    blocks,
    counter_words,
    integers,
    normals,
    permutation,
    product,
    wide_blocks,
)
from neurodeploy.encode import Rate
from neurodeploy.errors import OptionError

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


# Normal numbers


def by_hand(seed: int, sample: int, index: int, stream: int = 0) -> float:
    """The formula of `normals`, for one number, with Python's own arithmetic."""
    key = ((seed + 2**63) % 2**32, (seed + 2**63) // 2**32)
    words = philox((index // 4, stream, sample % 2**32, sample // 2**32), key)
    pair = words[2:] if index % 4 >= 2 else words[:2]
    radius = math.sqrt(-2 * math.log((pair[0] + 0.5) / 2**32))
    angle = 2 * math.pi * pair[1] / 2**32
    value = radius * (math.sin(angle) if index % 2 else math.cos(angle))
    return round(value * 2**24) / 2**24


def test_normal_numbers_follow_their_formula() -> None:
    samples = np.array([0, 7, 2**33 + 5])
    found = normals(2**40 + 3, samples, 9, stream=6)
    for row, sample in zip(found, samples.tolist(), strict=True):
        expected = [by_hand(2**40 + 3, sample, i, 6) for i in range(9)]
        assert row.tolist() == expected


def test_normal_numbers_are_these() -> None:
    """Pinned: a seed must give the same noise in every version."""
    assert normals(1, np.array([7]), 3)[0].tolist() == PINNED


PINNED = [28769164 / 2**24, 326380 / 2**24, 9253136 / 2**24]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 64, 70_000])
def test_a_number_depends_on_its_sample_and_place_alone(count: int) -> None:
    samples = np.array([3, 9, 4])
    together = normals(5, samples, count)
    for row, sample in zip(together, samples, strict=True):
        assert np.array_equal(row, normals(5, np.array([sample]), count)[0])
        assert np.array_equal(row[:2], normals(5, np.array([sample]), 2)[0][: min(2, count)])


def test_normal_numbers_have_the_moments_of_a_normal_distribution() -> None:
    n = normals(11, np.arange(100), 10_000)
    size = np.sqrt(n.size)
    assert abs(n.mean()) < SIGMAS / size
    assert abs((n**2).mean() - 1) < SIGMAS * np.sqrt(2) / size
    assert abs((n**3).mean()) < SIGMAS * np.sqrt(15) / size
    assert abs((n**4).mean() - 3) < SIGMAS * np.sqrt(96) / size
    for limit, share in ((1, 0.682689), (2, 0.954500), (3, 0.997300), (4, 0.999937)):
        deviation = np.sqrt(share * (1 - share)) / size
        assert abs((np.abs(n) < limit).mean() - share) < SIGMAS * deviation + 1e-6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, np.arange(50), 2000, 0), (2, np.arange(50), 2000, 0)),
        ((1, np.arange(50), 2000, 0), (1, np.arange(1, 51), 2000, 0)),
        ((1, np.arange(50), 2000, 0), (1, np.arange(50), 2000, 1)),
    ],
    ids=["seeds", "samples", "streams"],
)
def test_normal_numbers_are_not_correlated(one, other) -> None:  # type: ignore[no-untyped-def]
    first, second = normals(*one), normals(*other)
    assert abs((first * second).mean()) < SIGMAS / np.sqrt(first.size)
    assert abs((first[:, 1:] * first[:, :-1]).mean()) < SIGMAS / np.sqrt(first.size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: normals(-1, np.arange(2), 3), "seed is -1, allowed are 0 to 9223372036854775807"),
        (lambda: normals(1.0, np.arange(2), 3), "seed is 1.0, expected a whole number"),
        (lambda: normals(1, np.arange(2), 3, 2**32), "stream is 4294967296, allowed are 0 to "),
        (lambda: integers(-1, 3, 4), "seed is -1, allowed are 0 to 9223372036854775807"),
        (lambda: integers(1, 3, 0), "below is 0, allowed are 1 to 2147483648"),
        (lambda: permutation(3, -1), "seed is -1, allowed are 0 to 18446744073709551615"),
    ],
)
def test_seeds_beyond_the_key_are_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError) as caught:
        call()
    assert str(caught.value).startswith(message)


# Whole numbers


def test_whole_numbers_follow_their_formula() -> None:
    seed, stream = 2**40 + 3, 17
    key = (seed % 2**32, (seed + 2**63) // 2**32)
    words = [word for b in range(2) for word in philox((b, stream, 0, 2**31), key)]
    assert integers(seed, 7, 63, stream).tolist() == [word * 63 // 2**32 for word in words[:7]]
    assert integers(1, 8, 10).tolist() == WHOLE


WHOLE = [8, 6, 6, 1, 6, 2, 9, 9]
"""Pinned: a seed must give the same delays in every version."""


def test_whole_numbers_are_equally_likely() -> None:
    counts = np.bincount(integers(3, 63_000, 63), minlength=63)
    chi_square = float(((counts - 1000) ** 2 / 1000).sum())
    assert abs(chi_square - 62) < SIGMAS * np.sqrt(2 * 62)
    assert integers(3, 5, 1).tolist() == [0] * 5


# Orders


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
def test_products_of_64_bits_are_exact(factor: int, values: list[int]) -> None:
    upper, lower = product(np.uint64(factor), np.array(values, np.uint64))
    found = [int(u) * 2**64 + int(v) for u, v in zip(upper, lower, strict=True)]
    assert found == [factor * value for value in values]


@pytest.mark.parametrize("key", [(0, 0), (2024, 3), (2**64 - 1, 2**64 - 1), (7, 2**32 + 5)])
def test_wide_blocks_are_those_that_numpy_gives_today(key: tuple[int, int]) -> None:
    words = np.random.Philox(key=list(key)).random_raw(40)
    assert np.array_equal(wide_blocks(10, key).reshape(-1), words)


def test_orders_are_these() -> None:
    """Pinned: a seed must give the same split in every version."""
    assert permutation(6, 3).tolist() == [1, 5, 2, 4, 3, 0]
    assert permutation(0, 3).tolist() == []
    assert sorted(permutation(1001, 5).tolist()) == list(range(1001))
