"""Rounding to the chip's grids, and products of integers in floats."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurodeploy.train.quantise import (  # noqa: E402  (needs torch)
    exact_dtype,
    quantise_bias,
    quantise_decay,
    quantise_threshold,
    quantise_weight,
    wrap_through,
)


def test_weights_are_even_and_clipped_to_the_chips_range() -> None:
    weight = torch.tensor([-9.0, -4.0, -0.02, 0.0, 0.01, 0.05, 1.0, 3.98, 9.0])
    assert quantise_weight(weight, 64).tolist() == [-256, -256, -2, 0, 0, 4, 64, 254, 254]


def test_the_gradient_passes_rounding_and_stops_at_the_clip() -> None:
    weight = torch.tensor([-9.0, 0.013, 9.0], requires_grad=True)
    quantise_weight(weight, 64).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [0, 64, 0]


def test_bias_threshold_and_decay_stay_on_their_grids() -> None:
    assert quantise_bias(torch.tensor([-1e6, 0.5, 1e6]), 64).tolist() == [-32768, 32, 32767]
    assert quantise_threshold(torch.tensor([-3.0, 0.0, 2.0]), 64).tolist() == [1, 1, 128]
    assert quantise_decay(torch.tensor([-1.0, 0.25, 2.0])).tolist() == [0, 1024, 4096]


def test_float32_is_used_only_where_it_is_exact() -> None:
    assert exact_dtype(2**24 - 1) is torch.float32
    assert exact_dtype(2**24) is torch.float64
    with pytest.raises(ValueError, match="no float holds exactly"):
        exact_dtype(2**53)


@pytest.mark.parametrize("value", [0, 1, 2**23 - 1, 2**23, -(2**23), -(2**23) - 1, 3 * 2**24 + 5])
def test_wrap_is_twos_complement_and_passes_the_gradient(value: int) -> None:
    x = torch.tensor([float(value)], dtype=torch.float64, requires_grad=True)
    wrapped = wrap_through(x, 24, abs(value))
    assert int(wrapped) == (value + 2**23) % 2**24 - 2**23
    wrapped.sum().backward()
    assert x.grad is not None
    assert float(x.grad) == 1
