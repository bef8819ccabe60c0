"""Integer arithmetic, checked against plain Python integers and against Lava's published faults."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.fixedpoint import M, condition, correct_once, saturate, tz, wrap

EDGES = [0, 1, -1, 4095, -4095, 4096, -4096, 4097, M - 1, M, M + 1, -M + 1, -M, -M - 1]
wide = st.one_of(st.sampled_from(EDGES), st.integers(-(2**44), 2**44))


@given(wide)
def test_tz_divides_by_4096_toward_zero(value: int) -> None:
    expected = int(math.copysign(abs(value) // 4096, value)) if value else 0
    assert tz(np.array([value]))[0] == expected


@given(wide, st.sampled_from([16, 24, 32]))
def test_wrap_is_congruent_and_in_range(value: int, bits: int) -> None:
    wrapped = int(wrap(np.array([value]), bits)[0])
    assert -(2 ** (bits - 1)) <= wrapped < 2 ** (bits - 1)
    assert (wrapped - value) % 2**bits == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (M, M),
        (M + 1, M + 1 - 2 * M),
        (-M, M),
        (-M + 1, -M + 1),
        (3 * M, M),
        (3 * M + 1, M + 1),
        (64 * 400_000, 8_822_784),
        (64 * (2**25 - 1), 2_130_706_368),
    ],
)
def test_u_is_corrected_once_and_not_wrapped(value: int, expected: int) -> None:
    assert correct_once(np.array([value]))[0] == expected


def test_v_saturates_symmetrically_one_below_2_to_23() -> None:
    assert saturate(np.array([M, -M, M - 1, 5])).tolist() == [M - 1, -M + 1, M - 1, 5]


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
    with pytest.raises(ValueError, match="all weights are zero"):
        condition([np.zeros((2, 2), np.int64)])
