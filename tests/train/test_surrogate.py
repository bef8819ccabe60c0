"""Surrogates are densities: even, of area 1, with peak 1 / width."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurodeploy.train.surrogate import SURROGATES  # noqa: E402  (needs torch)


@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", SURROGATES)
def test_a_surrogate_has_area_one_peak_one_over_width_and_is_even(name: str, width: float) -> None:
    z = torch.linspace(-4000, 4000, 4_000_001, dtype=torch.float64)
    density = SURROGATES[name](z, width)
    assert abs(float(torch.trapezoid(density, z)) - 1) < 5e-3
    assert abs(float(density.max()) - 1 / width) < 1e-9
    assert torch.allclose(density, density.flip(0))
