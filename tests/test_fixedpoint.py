"""Integer arithmetic, checked against plain Python integers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.fixedpoint import M, correct_once, saturate, tz, wrap

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
