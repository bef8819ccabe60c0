"""Encoders: integers in, columns out, the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.encode import (
    ENCODERS,
    Delta,
    Direct,
    Encoder,
    Latency,
    Level,
    Rate,
    encoder_from_metadata,
)
from neurodeploy.errors import InputError, OptionError, ProgramError


def test_direct_repeats_the_value_rounded_half_up_to_the_levels() -> None:
    encoder = Direct(steps=3, peak=255, levels=15)
    columns = encoder.encode(np.array([[0, 8, 9, 127, 255]]))
    assert columns.shape == (1, 3, 5)
    assert columns[0, 0].tolist() == [0, 0, 1, 7, 15]
    assert (columns == columns[:, :1]).all()
    assert encoder.message_bits == 4


def test_direct_with_levels_equal_to_the_peak_changes_nothing() -> None:
    x = np.arange(256)[None]
    assert np.array_equal(Direct(steps=1, peak=255, levels=255).encode(x)[:, 0], x)


@given(st.integers(1, 300), st.integers(1, 40), st.lists(st.integers(-300, 300), min_size=1))
def test_direct_keeps_the_order_of_values(peak: int, levels: int, values: list[int]) -> None:
    grid = Direct(steps=1, peak=peak, levels=levels).values(np.sort(values))
    assert (np.diff(grid) >= 0).all()


def test_rate_gives_the_same_spikes_for_the_same_seed_whatever_the_batch() -> None:
    x = np.arange(0, 256, 5).reshape(4, 13) % 256
    encoder = Rate(steps=6, peak=255, seed=7)
    together = encoder.encode(x)
    alone = np.concatenate([encoder.encode(x[k : k + 1], np.array([k])) for k in range(4)])
    assert np.array_equal(together, alone)


def test_rate_draws_differ_and_steps_are_a_prefix() -> None:
    x = np.full((1, 200), 128)
    first, second = Rate(4, 255).encode(x), Rate(4, 255).encode(x, draw=1)
    assert not np.array_equal(first, second)
    assert np.array_equal(Rate(2, 255).encode(x), first[:, :2])


def test_rate_of_the_peak_always_spikes_and_of_zero_never() -> None:
    columns = Rate(steps=50, peak=16).encode(np.array([[0, 16]]))
    assert columns[0].sum(0).tolist() == [0, 50]


def test_rate_frequency_is_the_value_over_the_peak() -> None:
    columns = Rate(steps=4000, peak=10).encode(np.array([[3]]))
    assert abs(columns.mean() - 0.3) < 0.03


def test_latency_spikes_once_earlier_for_larger_values() -> None:
    columns = Latency(steps=5, peak=4).encode(np.array([[0, 1, 2, 3, 4]]))
    assert columns[0].argmax(0).tolist()[1:] == [3, 2, 1, 0]
    assert columns[0].sum(0).tolist() == [0, 1, 1, 1, 1]


def test_delta_follows_the_signal_with_up_and_down_lines() -> None:
    x = np.array([[[0], [3], [6], [6], [-1]]])
    columns = Delta(steps=5, peak=10, threshold=3).encode(x)
    assert columns[0].tolist() == [[0, 0], [1, 0], [1, 0], [0, 0], [0, 1]]


def test_level_lights_one_line_per_channel() -> None:
    x = np.array([[[-4, 4], [0, 1]]])
    columns = Level(steps=2, peak=4, levels=3).encode(x)
    assert columns[0].tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]


def test_series_are_silent_after_their_length_and_in_the_gap() -> None:
    x = np.ones((2, 3, 1), np.int32)
    columns = Level(steps=3, peak=1, levels=2, gap=2).encode(x, lengths=np.array([1, 3]))
    assert columns.shape == (2, 5, 2)
    assert columns.sum(2).tolist() == [[1, 0, 0, 0, 0], [1, 1, 1, 0, 0]]


@pytest.mark.parametrize(
    "encoder",
    [
        Direct(4, 16, levels=7),
        Rate(4, 16, gap=2, seed=5),
        Latency(4, 16),
        Delta(4, 16, threshold=3),
        Level(4, 16, levels=5),
    ],
    ids=lambda e: e.kind,
)
def test_metadata_describe_the_encoder_completely(encoder: Encoder) -> None:
    assert encoder_from_metadata(encoder.metadata()) == encoder


def test_every_encoder_is_known_by_its_kind() -> None:
    assert list(ENCODERS) == ["direct", "rate", "latency", "delta", "level", "columns"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "metadata name no encoder; encode the data yourself and give the columns"),
        (
            {"encoder": "poisson"},
            "metadata encoder is 'poisson', expected one of direct, rate, latency, delta, level, "
            "columns",
        ),
        (
            {"encoder": "rate", "encoder.steps": 4},
            "metadata lack 'encoder.peak', which encoder rate needs",
        ),
    ],
)
def test_metadata_that_describe_no_encoder_are_refused(
    metadata: dict[str, str | int], message: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        encoder_from_metadata(metadata)
    assert str(caught.value) == message


BAD = [
    (
        lambda: Rate(4, 16).encode(np.array([[1]]), index=np.array([-1])),
        InputError,
        "index holds -1, expected numbers from 0",
    ),
    (
        lambda: Rate(4, 16).encode(np.array([[1]]), draw=2**32),
        OptionError,
        "encoder rate: draw is 4294967296, allowed are 0 to 4294967295",
    ),
    (
        lambda: Rate(100_000, 16).encode(np.broadcast_to(np.uint8(1), (1, 2**20))),
        InputError,
        "encoder rate: a sample has 104857600000 values in 100000 steps, allowed are "
        "17179869184; use fewer steps",
    ),
    (
        lambda: Latency(4, 16).encode(np.array([[1]]), threads=0),
        OptionError,
        "threads is 0, allowed are 1 to 2147483647",
    ),
    (lambda: Direct(0, 16), OptionError, "encoder direct: steps is 0, allowed are 1 to 100000"),
    (
        lambda: Rate(4.0, 16),  # type: ignore[arg-type]
        OptionError,
        "encoder rate: steps is 4.0, expected a whole number",
    ),
    (
        lambda: Latency(4, 16).encode(np.zeros((1, 2))),
        InputError,
        "data have dtype float64, expected integers; quantise them first, e.g. "
        "np.rint(x * scale).astype(np.int32)",
    ),
    (
        lambda: Rate(4, 16).encode(np.array([[17]])),
        InputError,
        "encoder rate: data hold 17, allowed are 0 to 16",
    ),
    (
        lambda: Rate(4, 16).encode(np.array([[1]]), index=np.arange(2)),
        InputError,
        "index has 2 entries, expected one per sample: 1",
    ),
    (
        lambda: Level(4, 16).encode(np.zeros((1, 3, 2), np.int32)),
        InputError,
        "encoder level: data have shape (1, 3, 2), expected a series (samples, 4, channels)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_input_gets_one_clear_line(call, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
