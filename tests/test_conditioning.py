"""Lava's weight conditioning: its published faults, and what changes for which reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.conditioning import (
    NothingToCondition,
    changes,
    condition,
    examine,
    fits_8_bits,
    weight_bits,
)


@pytest.mark.parametrize(
    ("row", "lava", "plain"),
    [
        ([-64, -2, -4, -64], -130, -134),
        ([-128, -128, -128, -128], 0, -512),
        ([0, -64, -64, -64], -96, -192),
        ([0, -128, -128, -128], -192, -384),
        ([3, 0, 255, 1], 259, 259),
        ([3, 0, 256, 1], 0, 260),
        ([-256, 254, 1, -7], -8, -8),
        ([300, -5, 0, 0], 249, 295),
        ([5, -300, 0, 0], -251, -295),
    ],
)
def test_conditioning_reproduces_lava_on_known_rows(row: list[int], lava: int, plain: int) -> None:
    """Sums over one row, all inputs firing; the first four are recorded from Lava 0.10."""
    entry = condition([np.array([row], dtype=np.int64)])[0]
    assert int(entry.weight.sum()) >> entry.shift == lava
    assert sum(row) == plain


@given(
    st.lists(st.integers(-256, 254), min_size=2, max_size=12).filter(
        lambda row: min(row) < 0 < max(row)
    )
)
def test_conditioning_of_mixed_weights_in_range_is_the_identity(row: list[int]) -> None:
    weight = np.array([row], dtype=np.int64)
    entry = condition([weight])[0]
    assert np.array_equal(entry.effective, weight)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=12).filter(any))
def test_conditioning_of_non_negative_weights_to_255_is_the_identity(row: list[int]) -> None:
    weight = np.array([row], dtype=np.int64)
    assert np.array_equal(condition([weight])[0].effective, weight)


def test_recurrent_pair_shares_the_exponent_but_not_the_sign_mode() -> None:
    """A non-positive half with minimum -2^k is corrupted although the pair is mixed."""
    forward = np.array([[100, -3], [7, 90]], dtype=np.int64)
    lateral = np.array([[0, -128], [-128, 0]], dtype=np.int64)
    first, second = condition([forward, lateral])
    assert first.shift == second.shift
    assert np.array_equal(first.effective, forward)
    assert not np.array_equal(second.effective, lateral)


def test_conditioning_refuses_a_matrix_of_zeros() -> None:
    with pytest.raises(NothingToCondition, match=r"^all weights are zero, which Lava cannot load$"):
        condition([np.zeros((2, 2), np.int64)])


@pytest.mark.parametrize(
    ("weight", "bits"),
    [
        ([[0, 0]], 0),
        ([[1]], 1),
        ([[255, 1]], 8),
        ([[256, 1]], 9),
        ([[256, 128]], 2),
        ([[-255, 0]], 8),
        ([[-128, 127]], 8),
        ([[-129, 127]], 9),
        ([[-128, 128]], 2),
        ([[-256, 254]], 8),
        ([[-1, 1]], 2),
    ],
)
def test_bits_that_a_synapse_needs(weight: Any, bits: int) -> None:
    assert weight_bits(np.array(weight)) == bits


def test_8_bits_also_means_the_range_of_netx() -> None:
    assert fits_8_bits(np.array([[254, -256]]))
    assert not fits_8_bits(np.array([[256, 128]]))
    assert not fits_8_bits(np.array([[255]]))


CAUSES = [
    ([[300, -5, 0]], "Lava clips mixed signs to [-256, 254]"),
    ([[3, 0, 256]], "a non-negative matrix above 255 becomes zero in Lava"),
    ([[0, -201, -7]], "a non-positive matrix with a zero, odd weights and a minimum below -128"),
    ([[-128, -128]], "a non-positive matrix with a power of two as its minimum loses its low bits"),
]


@pytest.mark.parametrize(("weight", "cause"), CAUSES)
def test_a_change_says_why(weight: Any, cause: str) -> None:
    (change,) = changes([np.array(weight)])
    assert change is not None
    assert change.cause.startswith(cause)
    assert str(change).endswith(change.cause)


def test_a_group_counts_what_changes_in_all_of_its_matrices() -> None:
    mixed, lateral = np.array([[100, -3], [7, 90]]), np.array([[0, -128], [-128, 0]])
    group = examine([mixed, lateral])
    assert group.changes[0] is None
    change = group.changes[1]
    assert change is not None
    assert (change.entries, change.total, change.at, change.weight) == (2, 4, (0, 1), -128)
    assert (group.changed, group.total, group.shift) == (2, 8, 1)
    assert str(change) == (
        f"2 of 4 weights act otherwise than stored, most of all -128 as {change.effective:g} at "
        "[0, 1]: a non-positive matrix with a power of two as its minimum loses its low bits in "
        "Lava"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        group.changes = ()  # type: ignore[misc]


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=9).filter(any))
def test_no_change_means_that_the_effective_weights_are_those_given(row: list[int]) -> None:
    group = examine([np.array([row])])
    same = np.array_equal(group.conditioned[0].effective, group.given[0])
    assert (group.changes == (None,)) == same == (group.changed == 0)
