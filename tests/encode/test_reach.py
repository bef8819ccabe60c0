"""What a budget reaches, against the columns of every datum in the ball."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurodeploy.encode import (
    Columns,
    Delta,
    Direct,
    Domain,
    Encoder,
    Latency,
    Level,
    Rate,
    Reachable,
    budget_steps,
)
from neurodeploy.encode.encoder import Call, Integers
from neurodeploy.encode.paths import Paths
from neurodeploy.errors import DataError, InputError, OptionError

Box = tuple[NDArray[np.int64], NDArray[np.int64]]


def everything(encoder: Encoder, box: Box, number: int, length: int | None) -> dict[bytes, Any]:
    """The slow twin: the columns of each datum of the box, encoded one by one."""
    ranges = [range(a, b + 1) for a, b in zip(box[0].ravel(), box[1].ravel(), strict=True)]
    found = {}
    for datum in product(*ranges):
        x = np.array(datum).reshape(1, *box[0].shape)
        lengths = None if length is None else np.array([length])
        columns = encoder.encode(x, np.array([number]), lengths)[0].astype(np.int32)
        found[columns.tobytes()] = columns
    return found


def assert_exact(encoder: Encoder, box: Box, number: int, length: int | None = None) -> None:
    reached = encoder.reachable(*box, number, length)
    wanted = everything(encoder, box, number, length)
    listed = [columns.tobytes() for columns in reached.every()]
    assert len(listed) == len(set(listed)) == reached.count
    assert set(listed) == set(wanted)
    stacked = np.stack(list(wanted.values()))
    lengths = None if length is None else np.array([length])
    ends = encoder.ends(box[0][None], box[1][None], np.array([number]), lengths)
    for k, least_or_most in enumerate((stacked.min(axis=0), stacked.max(axis=0))):
        assert np.array_equal(reached.ends[k], least_or_most)
        assert np.array_equal(ends[k][0], least_or_most)
    assert all(reached.holds(columns) for columns in stacked)
    for cell in range(min(stacked[0].size, 12)):
        changed = stacked[0].copy()
        changed.ravel()[cell] += 1
        assert reached.holds(changed) == (changed.tobytes() in wanted)


@st.composite
def boxes(draw: Any, shape: tuple[int, ...], low: int, high: int, widest: int = 3) -> Box:
    values = st.integers(low, high)
    lows = np.array([draw(values) for _ in range(int(np.prod(shape)))]).reshape(shape)
    widths = [draw(st.integers(0, widest)) for _ in range(lows.size)]
    return lows, np.minimum(lows + np.array(widths).reshape(shape), high)


PEAK = 6
NUMBERS = st.integers(0, 2**40)


@given(boxes((2, 2), 0, PEAK), st.integers(1, 20), st.integers(0, 2))
def test_levels_of_direct_encoding(box: Box, levels: int, gap: int) -> None:
    """Fewer levels than values and more of them, where levels are left out between."""
    encoder = Direct(steps=3, peak=PEAK, gap=gap, levels=levels)
    assert_exact(encoder, box, 0)
    grid = encoder.grid(0, PEAK)
    reached = encoder.reachable(*box)
    for site, low, high in zip(reached.sites, *(end.ravel() for end in box), strict=True):
        first, last = encoder.values(np.array([low, high]))
        within = grid[(grid >= first) & (grid <= last)]
        assert [row[0] for row in site.rows()] == within.tolist()


@given(boxes((3,), 0, PEAK), st.integers(0, 2**62), NUMBERS, st.integers(0, 1))
def test_trains_of_rate_encoding_with_its_seed(box: Box, seed: int, number: int, gap: int) -> None:
    assert_exact(Rate(steps=5, peak=PEAK, gap=gap, seed=seed), box, number)


@given(boxes((3,), 0, PEAK, 6), st.integers(1, 9))
def test_times_of_latency_encoding(box: Box, steps: int) -> None:
    assert_exact(Latency(steps=steps, peak=PEAK, gap=1), box, 0)


@given(boxes((3, 2), -PEAK, PEAK, 2), st.integers(2, 16), st.sampled_from([None, 1, 2, 3]))
def test_lines_of_level_encoding(box: Box, levels: int, length: int | None) -> None:
    assert_exact(Level(steps=3, peak=PEAK, levels=levels, gap=1), box, 0, length)


@given(boxes((5, 1), -4, 4, 2), st.integers(1, 4), st.sampled_from([None, 1, 4, 5]))
def test_paths_of_delta_encoding(box: Box, threshold: int, length: int | None) -> None:
    assert_exact(Delta(steps=5, peak=PEAK, threshold=threshold, gap=1), box, 0, length)


@given(boxes((3, 2), -4, 4, 1), st.integers(1, 3))
def test_channels_of_delta_encoding_are_independent(box: Box, threshold: int) -> None:
    assert_exact(Delta(steps=3, peak=PEAK, threshold=threshold), box, 0)


@given(boxes((2, 2, 1, 1), -PEAK, PEAK, 2), st.sampled_from([None, 1, 2]))
def test_columns_that_are_graded(box: Box, length: int | None) -> None:
    assert_exact(Columns(steps=2, peak=PEAK, gap=1), box, 0, length)


@given(boxes((2, 3), 0, 1, 1))
def test_columns_that_are_events(box: Box) -> None:
    assert_exact(Columns(steps=2, peak=1), box, 0)


@dataclass(frozen=True)
class Sum(Encoder):
    """A toy whose values hang together: every line carries the sum of all values."""

    kind: ClassVar[str] = "sum"

    def _write(self, x: Integers, call: Call) -> None:
        total = x.reshape(len(x), -1).sum(axis=1).reshape(-1, *[1] * x.ndim)
        call.data[...] = total % 256


@given(boxes((3,), 0, PEAK, 2))
def test_an_encoder_of_coupled_values_is_asked_for_every_datum(box: Box) -> None:
    assert_exact(Sum(steps=2, peak=PEAK, gap=1), box, 0)


def test_a_ball_too_large_to_look_through_is_refused() -> None:
    low = np.zeros(17, int)
    with pytest.raises(OptionError) as caught:
        Sum(steps=2, peak=PEAK).reachable(low, low + 1)
    assert str(caught.value) == (
        "encoder sum: the budget holds 131072 data, at most 65536 are looked at one by one; take "
        "a smaller budget"
    )


def test_sets_too_large_to_list_are_refused_before_the_first() -> None:
    low = np.zeros(64, int)
    reached = Direct(steps=2, peak=16, levels=16).reachable(low, low + 1)
    assert reached.count == 2**64
    with pytest.raises(OptionError) as caught:
        reached.every()
    assert str(caught.value) == (
        "the budget reaches about 10^19 sets of columns, at most 1048576 are listed; take a "
        "smaller budget"
    )


def test_long_series_are_counted_without_listing_them() -> None:
    low = np.zeros((60, 1), int)
    reached = Delta(steps=60, peak=16, threshold=1).reachable(low, low + 2)
    site = reached.sites[0]
    assert isinstance(site, Paths)
    assert reached.count > 10**20
    assert reached.holds(np.zeros((60, 2), np.int32))
    assert not reached.holds(np.ones((60, 2), np.int32))


def test_columns_of_another_shape_are_not_reached() -> None:
    reached = Latency(steps=2, peak=4).reachable(np.array([1]), np.array([2]))
    assert isinstance(reached, Reachable)
    assert not reached.holds(np.zeros((3, 1), np.int32))


def test_ends_of_a_box_must_be_in_order() -> None:
    with pytest.raises(InputError, match="expected equal shapes and low <= high"):
        Latency(steps=2, peak=4).reachable(np.array([2]), np.array([1]))


# Budgets


@pytest.mark.parametrize(
    ("eps", "peak", "steps"),
    [
        (16, 16, 1),
        (15.9375, 16, 1),
        (32, 16, 2),
        (47, 16, 2),
        (8, 255, 8),
        (255, 16, 16),
        (3, 127, 1),
        (255, 1, 1),
        (1, 1000, 3),
    ],
)
def test_steps_are_eps_255ths_of_the_peak(eps: float, peak: int, steps: int) -> None:
    assert budget_steps(eps, peak) == steps


BAD_BUDGETS = [
    (8, 16, "eps 8 is 0 steps of data with peak 16, the smallest that has one is 16"),
    (2, 127, "eps 2 is 0 steps of data with peak 127, the smallest that has one is 3"),
    (0.5, 255, "eps 0.5 is 0 steps of data with peak 255, the smallest that has one is 1"),
    (0.1, 1000, "eps 0.1 is 0 steps of data with peak 1000, the smallest that has one is 0.26"),
    (0, 16, "eps is 0, expected a positive number of 1/255 of the peak"),
    (-1, 16, "eps is -1, expected a positive number of 1/255 of the peak"),
    (float("nan"), 16, "eps is nan, expected a positive number of 1/255 of the peak"),
    (float("inf"), 16, "eps is inf, expected a positive number of 1/255 of the peak"),
    (300, 16, "eps 300 is 18 steps, data of 0 to 16 allow 1 to 16"),
]


@pytest.mark.parametrize(("eps", "peak", "message"), BAD_BUDGETS)
def test_budgets_that_mean_nothing_are_refused(eps: float, peak: int, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        Domain(0, peak, peak).steps(eps)
    assert str(caught.value) == message


@given(st.integers(1, 2**24))
def test_the_smallest_eps_that_is_named_has_a_step(peak: int) -> None:
    with pytest.raises(OptionError) as caught:
        budget_steps(255 / peak / 2, peak)
    assert budget_steps(float(str(caught.value).rsplit(" ", 1)[1]), peak) >= 1


def test_a_ball_ends_at_the_range_of_the_data() -> None:
    low, high = Domain(0, 16, 16).ball(np.array([0, 1, 8, 16]), 2)
    assert low.tolist() == [0, 0, 6, 14]
    assert high.tolist() == [2, 3, 10, 16]


def test_a_datum_outside_of_the_range_has_no_ball() -> None:
    with pytest.raises(DataError) as caught:
        Domain(0, 16, 16).ball(np.array([3, 17]), 1)
    assert str(caught.value) == (
        "x holds 17, outside of the data's range 0 to 16; a budget has no meaning there"
    )


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ((3, 3, 3), "range is 3 to 3, expected low < high"),
        ((0, 1, 0), "peak is 0, expected 1 or more"),
    ],
)
def test_domains_that_hold_nothing_are_refused(domain: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Domain(*domain)
    assert str(caught.value) == message
