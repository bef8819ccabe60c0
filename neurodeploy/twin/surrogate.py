"""Surrogate gradients: what takes the place of the derivative of the spike test.

Each is a density over ``z = (v - vth) / (64 * max(|threshold|, 1))``: even, of area 1, with peak
``1 / width``. A width is a number, or a tensor that broadcasts against z.

Source: methods table of Liu et al., ICML 2024, arXiv:2405.20355 (triangle, sigmoid, atan,
rectangular); fast sigmoid: Zenke and Ganguli, Neural Computation 30 (2018), 1514; Gaussian: Yin
et al., Nature Machine Intelligence 3 (2021), 905.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from neurodeploy.registry import ByName

Width = float | Tensor
Surrogate = Callable[[Tensor, Width], Tensor]


def triangle(z: Tensor, width: Width) -> Tensor:
    """``max(0, width - |z|) / width^2``."""
    return torch.clamp(width - z.abs(), min=0.0).div(width**2)


def fast_sigmoid(z: Tensor, width: Width) -> Tensor:
    """``1 / (width * (1 + 2 |z| / width)^2)``."""
    return torch.reciprocal(width * torch.square(1.0 + z.abs() * (2.0 / width)))


def sigmoid(z: Tensor, width: Width) -> Tensor:
    """``k * sigma(k z) * sigma(-k z)`` with ``k = 4 / width``."""
    scaled = z * (4.0 / width)
    return torch.mul(torch.sigmoid(scaled) * torch.sigmoid(-scaled), 4.0 / width)


def atan(z: Tensor, width: Width) -> Tensor:
    """``1 / (width * (1 + (pi z / width)^2))``."""
    return torch.reciprocal(width * (1.0 + torch.square(z * (math.pi / width))))


def rectangular(z: Tensor, width: Width) -> Tensor:
    """``1 / width`` where ``|z| < width / 2``, else 0."""
    return (z.abs() < width / 2).to(z.dtype) / width


def gaussian(z: Tensor, width: Width) -> Tensor:
    """``exp(-pi (z / width)^2) / width``."""
    return torch.exp(torch.square(z / width) * -math.pi) / width


SURROGATES: ByName[Surrogate] = ByName(
    "surrogate",
    {
        "triangle": triangle,
        "fast_sigmoid": fast_sigmoid,
        "sigmoid": sigmoid,
        "atan": atan,
        "rectangular": rectangular,
        "gaussian": gaussian,
    },
)
