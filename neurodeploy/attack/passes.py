"""Options of a twin's pass for each way backward."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.attack.backward import Adaptive, Backward, RateGradient, Surrogate
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.program import Population, Program
from neurodeploy.registry import ByName, ByType
from neurodeploy.twin.slopes import PATHS
from neurodeploy.twin.surrogate import SURROGATES, Width, triangle

Options = Mapping[str, Any]
Pass = Callable[[NDArray[np.int64], bool], Options]
"""``pass(rows, learn)``: options for some samples; learn : whether statistics move on."""


def _fixed(backward: Surrogate, program: Program, samples: int) -> Pass:
    options = {"surrogate": backward.shape, "width": backward.width, "through": PATHS}
    return lambda rows, learn: options


def triangle_width(share: float) -> float:
    """Return the width of a triangle with ``share`` of its area between 0 and 1."""
    return 1.0 / (1.0 - math.sqrt(1.0 - 2.0 * share))


def gaussian_width(share: float) -> float:
    """Return the width of a Gaussian with ``share`` of its area between 0 and 1."""
    return math.sqrt(2.0 * math.pi) / NormalDist().inv_cdf(0.5 + share)


def atan_width(share: float) -> float:
    """Return the width of atan with ``share`` of its area between 0 and 1."""
    return math.pi / math.tan(math.pi * share)


WIDTHS: ByName[Callable[[float], float]] = ByName(
    "surrogate of ASSG",
    {"triangle": triangle_width, "gaussian": gaussian_width, "atan": atan_width},
)


@dataclass
class _Spread:
    """Mean and deviation of |z| of one population, ``(samples, steps, *shape)``."""

    backward: Adaptive
    samples: int
    rows: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    learn: bool = True
    mean: Tensor | None = None
    deviation: Tensor | None = None

    def __call__(self, z: Tensor, _: Width) -> Tensor:
        if self.mean is None or self.deviation is None:
            self.mean = torch.ones((self.samples, *z.shape[1:]), dtype=z.dtype)
            self.deviation = torch.zeros_like(self.mean)
        mean, deviation = self.mean[self.rows], self.deviation[self.rows]
        if self.learn:
            size = z.abs()
            mean = mean.mul_(0.9).add_(size, alpha=0.1)
            deviation = deviation.mul_(0.9).add_((size - mean).abs_(), alpha=0.1)
            self.mean[self.rows], self.deviation[self.rows] = mean, deviation
        factor = WIDTHS.named(self.backward.shape)(self.backward.share)
        width = (mean + 1.5 * deviation + 1e-4) * factor
        return SURROGATES.named(self.backward.shape)(z, width)


def _adaptive(backward: Adaptive, program: Program, samples: int) -> Pass:
    spreads = {p.name: _Spread(backward, samples) for p in program.populations}

    def options(rows: NDArray[np.int64], learn: bool) -> Options:
        for spread in spreads.values():
            spread.rows, spread.learn = torch.from_numpy(rows), learn
        return {"surrogate": spreads, "width": 1.0, "through": PATHS}

    return options


def _keep(population: Population) -> Tensor:
    """Return the share of v that a step keeps, broadcasting against the population's shape."""
    decay = getattr(population.neuron, "voltage_decay", 0)
    kept: Tensor = 1.0 - torch.as_tensor(np.asarray(decay, np.float32)) / DECAY_ONE
    return kept


def _rga(population: Population) -> Callable[[Tensor, Width], Tensor]:
    tau = _keep(population)

    def factor(z: Tensor, _: Width) -> Tensor:
        v = z + 1.0
        before = torch.cat([torch.zeros_like(v[:, :1]), (v * (z <= 0))[:, :-1]], dim=1)
        x = (v - tau * before).mean(1, keepdim=True)
        steep = ((0.8 + 0.2 * tau) / (tau + 1.0)).expand_as(x)
        slope = torch.where(x >= 1.0 - tau, steep, torch.full_like(x, 0.2))
        return (slope * ((x >= 0) & (x <= 2.0))).expand_as(z)

    return factor


def _bptr(_: Population) -> Callable[[Tensor, Width], Tensor]:
    return lambda z, width: (z > 0).any(1, keepdim=True).to(z.dtype).expand_as(z)


def _hart(_: Population) -> Callable[[Tensor, Width], Tensor]:
    return lambda z, width: triangle(z, 1.0).mean(1, keepdim=True).expand_as(z)


FACTORS: ByName[Callable[[Population], Callable[[Tensor, Width], Tensor]]] = ByName(
    "rate gradient", {"rga": _rga, "bptr": _bptr, "hart": _hart}
)


def _rate(backward: RateGradient, program: Program, samples: int) -> Pass:
    make = FACTORS.named(backward.rule)
    surrogate = {p.name: make(p) for p in program.populations}
    through = tuple(path for path in PATHS if path != "reset")
    options = {"surrogate": surrogate, "width": 1.0, "through": through}
    return lambda rows, learn: options


PASSES: ByType[Callable[[Any, Program, int], Pass]] = ByType(
    "way backward", Backward, {Surrogate: _fixed, Adaptive: _adaptive, RateGradient: _rate}
)
