"""Schedules of weights and budgets: factors that rise from a low one to 1 during training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from neurodeploy.registry import ByName

if TYPE_CHECKING:
    from neurodeploy.train.methods import Ramp

Shape = Callable[[float], float]


def linear(share: float) -> float:
    """``share``."""
    return share


def cosine(share: float) -> float:
    """``(1 - cos(pi * share)) / 2``."""
    return (1 - math.cos(math.pi * share)) / 2


def step(share: float) -> float:
    """0 before 1."""
    return 0.0 if share < 1 else 1.0


RAMPS: ByName[Shape] = ByName("ramp", {"linear": linear, "cosine": cosine, "step": step})
"""How a ramp rises, from 0 at 0 to 1 at 1."""


def factor(ramp: Ramp | None, progress: float) -> float:
    """Return ``low + (1 - low) * shape((progress - start) / (end - start))``, 1 without a ramp.

    progress : share of all steps that is done; before ``start`` the factor is ``low``, from ``end``
    on it is 1.
    """
    if ramp is None or progress >= ramp.end:
        return 1.0
    share = max(0.0, (progress - ramp.start) / (ramp.end - ramp.start))
    return ramp.low + (1 - ramp.low) * RAMPS[ramp.kind](share)
