"""Interval arithmetic: the exact hull of every rule, against enumeration of its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy import fixedpoint
from neurodeploy.bounds import interval
from neurodeploy.bounds.interval import Interval
from neurodeploy.fixedpoint import M

EDGES = [-3 * M, -M - 1, -M, 1 - M, -4097, -4096, -1, 0, 1, 4095, M - 1, M, M + 1, 3 * M, 2**31]
ends = st.tuples(st.sampled_from(EDGES), st.integers(-40, 40), st.integers(0, 60))

TWINS: dict[str, tuple[Callable[[Interval], Interval], Callable[[Any], Any]]] = {
    "tz": (interval.tz, fixedpoint.tz),
    "correct_once": (interval.correct_once, fixedpoint.correct_once),
    "saturate": (interval.saturate, fixedpoint.saturate),
    "shift": (lambda x: x >> 3, lambda x: x >> 3),
    "scale": (lambda x: interval.scale(x, np.int64(-7)), lambda x: -7 * x),
}


@pytest.mark.parametrize("name", TWINS)
@given(ends)
def test_a_rule_gives_the_smallest_interval(name: str, drawn: tuple[int, int, int]) -> None:
    edge, offset, width = drawn
    values = np.arange(edge + offset, edge + offset + width + 1)
    rule, twin = TWINS[name]
    found, results = rule(Interval(values[:1], values[-1:])), twin(values)
    assert (found.low[0], found.high[0]) == (results.min(), results.max())


@given(st.sampled_from([16, 24, 32]), st.integers(-3, 3), st.integers(-40, 40), st.integers(0, 60))
def test_wrap_moves_a_whole_interval_or_gives_the_whole_range(
    bits: int, period: int, offset: int, width: int
) -> None:
    start = period * 2 ** (bits - 1) + offset
    values = np.arange(start, start + width + 1)
    found = interval.wrap(Interval(values[:1], values[-1:]), bits)
    results = fixedpoint.wrap(values, bits)
    unbroken = results[-1] - results[0] == width
    limits = (results[0], results[-1]) if unbroken else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert (found.low[0], found.high[0]) == limits
    assert interval.fits(Interval(values[:1], values[-1:]), bits)[0] == np.array_equal(
        values, results
    )


def test_u_may_stay_beyond_24_bits_after_its_one_correction() -> None:
    far = interval.correct_once(Interval(np.array([3 * M + 5]), np.array([3 * M + 9])))
    assert (far.low[0], far.high[0]) == (M + 5, M + 9)


def test_either_takes_the_hull_of_what_may_happen() -> None:
    one = Interval(np.array([0, 0, 0]), np.array([1, 1, 1]))
    two = Interval(np.array([5, 5, 5]), np.array([6, 6, 6]))
    may = np.array([True, True, False])
    found = interval.either(may, one, np.array([True, False, True]), two)
    assert found.low.tolist() == [0, 0, 5]
    assert found.high.tolist() == [6, 1, 6]
