"""Integers held in floats: exact products, and roundings that gradients pass straight through.

float32 holds every integer up to 2^24 and float64 up to 2^53; a sum whose terms' magnitudes add up
to less is exact in any order. Products beyond 2^53 are taken modulo 2^32 in halves of 16 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neurodeploy.fixedpoint import DECAY_ONE, M

FLOAT32_EXACT = 2**24
FLOAT64_EXACT = 2**53
HALF = 2**16

Bilinear = Callable[[Tensor, Tensor], Tensor]


class _Replace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, exact: Tensor) -> Tensor:
        ctx.dtype = value.dtype
        return exact

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0].to(ctx.dtype), None


def straight_through(value: Tensor, exact: Tensor) -> Tensor:
    """Return ``exact``; its gradient is that of ``value``, unchanged."""
    if not value.requires_grad:
        return exact
    result: Tensor = _Replace.apply(value, exact.view_as(exact))  # type: ignore[no-untyped-call]
    return result


def round_through(value: Tensor) -> Tensor:
    """Round half to even; the gradient passes unchanged."""
    return straight_through(value, torch.round(value.detach()))


def wrap(value: Tensor, bits: int) -> Tensor:
    """Wrap integer-valued float64 below 2^53 to ``bits`` bits, two's complement."""
    period = float(2**bits)
    return value - torch.floor((value + period / 2) / period) * period


def wrap_through(value: Tensor, bits: int, bound: float) -> Tensor:
    """Wrap to ``bits`` bits; the gradient passes. Nothing is computed where ``bound`` fits."""
    if bound < 2 ** (bits - 1):
        return value
    wrapped = wrap(value.detach().double(), bits)
    return straight_through(value, wrapped.to(exact_dtype(2 ** (bits - 1), value)))


def floor_through(value: Tensor, shift: int) -> Tensor:
    """Shift right by ``shift`` bits (floor); the gradient is divided by ``2^shift``."""
    if shift == 0:
        return value
    scaled = value / float(2**shift)
    return straight_through(scaled, torch.floor(scaled.detach()))


def tz(value: Tensor, keep: Tensor) -> Tensor:
    """``value * keep`` rounded toward zero, float64; keep is a multiple of 1/4096."""
    return torch.trunc(value * keep)


def fold(value: Tensor) -> Tensor:
    """``x - 2^24 if x > M, x + 2^24 if x <= -M, else x``, float64."""
    return value + (value <= -M) * (2.0 * M) - (value > M) * (2.0 * M)


def keep_factor(decay: Tensor) -> Tensor:
    """``(4096 - decay) / 4096``, float64."""
    kept: Tensor = (DECAY_ONE - decay.double()) / DECAY_ONE
    return kept


def exact_dtype(bound: float, like: Tensor) -> torch.dtype:
    """Return the narrowest float in which integer sums up to ``bound`` are exact where they run.

    float32 on the CPU only, and only at full precision: elsewhere a product may use fewer bits.
    What is float64 already stays so.
    """
    full = like.device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    narrow = bound < FLOAT32_EXACT and full and like.dtype != torch.float64
    return torch.float32 if narrow else torch.float64


def exact(multiply: Bilinear, messages: Tensor, weight: Tensor, bound: float) -> Tensor:
    """Return ``multiply(messages, weight)``, exact, modulo 2^32 where ``bound`` reaches 2^53.

    multiply : any bilinear sum of products. messages, weight : integer-valued, below 2^31. bound :
    of the magnitude of a sum.
    """
    dtype = exact_dtype(bound, messages)
    result = multiply(messages.to(dtype), weight.to(dtype))
    if bound < FLOAT64_EXACT:
        return result
    with torch.no_grad():
        low_m, high_m = _halves(messages)
        low_w, high_w = _halves(weight)
        middle = multiply(high_m, low_w) + multiply(low_m, high_w)
        total = wrap(multiply(low_m, low_w), 32) + wrap(middle, 16) * HALF
        wrapped = wrap(total, 32)
    return straight_through(result, wrapped)


def _halves(value: Tensor) -> tuple[Tensor, Tensor]:
    """Return (low, high) with ``value = high * 2^16 + low`` and low in 0..2^16-1, float64."""
    wide = value.detach().double()
    high = torch.floor(wide / HALF)
    return wide - high * HALF, high
