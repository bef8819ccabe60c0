"""Energies and times as people read them."""

from __future__ import annotations

import pytest

from neurodeploy.energy import Interval
from neurodeploy.energy.units import digits, energy, energy_ends, energy_range


@pytest.mark.parametrize(
    ("pj", "text"),
    [
        (0.0, "0 pJ"),
        (0.5, "0.5 pJ"),
        (999.4, "999 pJ"),
        (1000.0, "1 nJ"),
        (1.0935e9, "1.09 mJ"),
        (2.5e12, "2.5 J"),
        (123_456.0, "123 nJ"),
    ],
)
def test_energies_read_with_three_digits_and_a_fitting_unit(pj: float, text: str) -> None:
    assert energy(pj) == text


def test_ranges_share_one_unit() -> None:
    assert energy_range(Interval(5.79e8, 1.094e9, 1.0957e9)) == "1.09 (0.579 to 1.1) mJ"
    assert energy_range(Interval(26.0, 26.0, 26.0)) == "26 pJ"
    assert digits(0.00456) == "0.00456"


def test_bounds_have_no_centre_and_ends_far_apart_have_units_of_their_own() -> None:
    assert energy_range(Interval(0.0, None, 5.47e8)) == "0 to 547 uJ"
    assert energy_range(Interval(1.35e5, None, 5.47e8)) == "0.135 to 547 uJ"
    assert energy_range(Interval(1.35e3, None, 5.47e8)) == "1.35 nJ to 547 uJ"
    assert energy_ends(Interval(7.0, None, 7.0)) == ""
