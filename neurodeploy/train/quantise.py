"""Rounding to the chip's grids with straight-through gradients, and products that stay exact."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from neurodeploy.errors import TrainingError

WEIGHT_MIN, WEIGHT_MAX = -256, 254
"""Weights of mixed sign are even integers in this range."""
BIAS_MIN, BIAS_MAX = -(2**15), 2**15 - 1
GAIN_MAX = 255
"""Largest input mantissa of a step: gains lie in [0, 4)."""
FLOAT32_EXACT = 2**24
"""Integer sums below this are exact in float32, whatever the order."""
FLOAT64_EXACT = 2**53


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return torch.round(value)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


def round_through(value: Tensor) -> Tensor:
    """Round half to even; the gradient passes unchanged."""
    rounded: Tensor = _Round.apply(value)  # type: ignore[no-untyped-call]
    return rounded


class _QuantiseWeight(torch.autograd.Function):
    """`quantise_weight` in as few passes as torch allows."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: float) -> Tensor:
        half = (weight * (scale / 2)).round_()
        low, high = torch.aminmax(half)
        inside = bool(low >= WEIGHT_MIN // 2) and bool(high <= WEIGHT_MAX // 2)
        ctx.scale = scale
        ctx.inside = None
        if not inside:
            ctx.inside = (half >= WEIGHT_MIN // 2) & (half <= WEIGHT_MAX // 2)
            half.clamp_(WEIGHT_MIN // 2, WEIGHT_MAX // 2)
        return half.mul_(2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        # The factors in the order of the chain rule: 2, the clamp, scale / 2.
        grad = grads[0] * 2
        if ctx.inside is not None:
            grad.mul_(ctx.inside)
        return grad.mul_(ctx.scale / 2), None


def quantise_weight(weight: Tensor, scale: float) -> Tensor:
    """Return ``2 * clamp(round(weight * scale / 2), -128, 127)``, integer-valued.

    The gradient passes the rounding and is zero where the clamp acts.
    """
    quantised: Tensor = _QuantiseWeight.apply(weight, scale)  # type: ignore[no-untyped-call]
    return quantised


def quantise_bias(bias: Tensor, unit: float) -> Tensor:
    """Return ``clamp(round(bias * unit), -2^15, 2^15 - 1)``, integer-valued."""
    return torch.clamp(round_through(bias * unit), BIAS_MIN, BIAS_MAX)


def quantise_threshold(threshold: Tensor, unit: float) -> Tensor:
    """Return ``max(round(threshold * unit), 1)``, integer-valued."""
    return torch.clamp(round_through(threshold * unit), min=1)


def quantise_decay(decay: Tensor) -> Tensor:
    """Return ``clamp(round(decay * 4096), 0, 4096)`` of a decay given as a fraction."""
    return torch.clamp(round_through(decay * 4096), 0, 4096)


def quantise_gain(gain: Tensor) -> Tensor:
    """Return ``clamp(round(gain * 64), 0, 255)``, integer-valued: 1 is 64."""
    return torch.clamp(round_through(gain * 64), 0, GAIN_MAX)


def quantise_theta(theta: Tensor) -> Tensor:
    """Return ``clamp(round(theta * 2^12), 0, 2^24)``, integer-valued."""
    return torch.clamp(round_through(theta * 2**12), 0, 2**24)


def row_bound(weight: Tensor) -> float:
    """Return ``max_i sum_j |weight[i, j]|``: no sum of a row exceeds it times the largest input."""
    return float(weight.detach().abs().flatten(1).sum(1).max())


def exact_dtype(bound: float) -> torch.dtype:
    """Return float32 where integer sums up to ``bound`` are exact in it, else float64.

    Where torch may use fewer bits for products (`torch.set_float32_matmul_precision`), float32 is
    not exact.

    Raises ValueError beyond 2^53, where no float is exact, TrainingError for what is no number.
    """
    if not math.isfinite(bound):
        raise TrainingError(f"synaptic sums reach {bound}, a weight or an input is not finite")
    if bound < FLOAT32_EXACT and torch.get_float32_matmul_precision() == "highest":
        return torch.float32
    if bound < FLOAT64_EXACT:
        return torch.float64
    raise ValueError(f"sums reach {bound:.3g}, which no float holds exactly")


def wrap_through(value: Tensor, bits: int, bound: float) -> Tensor:
    """Wrap integer-valued ``value`` to ``bits`` bits, two's complement; the gradient passes.

    bound : largest possible magnitude; nothing is computed when it fits.
    """
    if bound < 2 ** (bits - 1):
        return value
    period = float(2**bits)
    wide = value.detach().double()
    turns = torch.floor((wide + period / 2) / period)
    return value - (turns * period).to(value.dtype)
