"""Budgets in units of the data: how many integer steps a perturbation may take, and within what."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import DataError, OptionError

EPS_SCALE = 255
"""eps counts grey levels of 8 bits, as the literature does: 255 is the whole peak."""
_SLACK = 1e-9


@dataclass(frozen=True)
class Domain:
    """What a datum may hold: integers low..high. peak : the value that eps 255 stands for."""

    low: int
    high: int
    peak: int

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise DataError(f"range is {self.low} to {self.high}, expected low < high")
        if self.peak < 1:
            raise DataError(f"peak is {self.peak}, expected 1 or more")

    def steps(self, eps: float) -> int:
        """Return the budget ``eps`` in steps of the data, see `budget_steps`.

        Raises OptionError also for a budget beyond the range.
        """
        return self.allowed(budget_steps(eps, self.peak), f"eps {eps:g} is")

    def reach(self, eps: float) -> int:
        """Return ``floor(eps * peak / 255 + 1e-9)``, which may be 0."""
        return math.floor(eps * self.peak / EPS_SCALE + _SLACK)

    def allowed(self, steps: int, what: str = "a budget is") -> int:
        """Return ``steps``; raise OptionError unless it is 1 to ``high - low``."""
        if not 1 <= steps <= self.high - self.low:
            raise OptionError(
                f"{what} {steps} steps, data of {self.low} to {self.high} allow 1 to "
                f"{self.high - self.low}"
            )
        return steps

    def ball(self, x: NDArray[Any], steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ends of the values that are within ``steps`` of ``x``.

        ``max(x - steps, low)`` and ``min(x + steps, high)``, int64 in the shape of x. Raises
        DataError for a datum that is itself outside of the range.
        """
        wide = np.asarray(x).astype(np.int64)
        if wide.size and (int(wide.min()) < self.low or int(wide.max()) > self.high):
            value = int(wide.min()) if int(wide.min()) < self.low else int(wide.max())
            raise DataError(
                f"x holds {value}, outside of the data's range {self.low} to {self.high}; a "
                "budget has no meaning there"
            )
        return np.maximum(wide - steps, self.low), np.minimum(wide + steps, self.high)


def budget_steps(eps: float, peak: int) -> int:
    """Return ``floor(eps * peak / 255 + 1e-9)``: steps of data with that peak.

    Digits (peak 16): eps 16 is 1 step, eps 32 is 2.

    Raises OptionError for an eps that is not positive, and for one of 0 steps, with the smallest
    that has one.
    """
    if not 0 < eps < math.inf:
        raise OptionError(
            f"eps is {eps:g}, expected a positive number of 1/{EPS_SCALE} of the peak"
        )
    steps = math.floor(eps * peak / EPS_SCALE + _SLACK)
    if steps == 0:
        raise OptionError(
            f"eps {eps:g} is 0 steps of data with peak {peak}, the smallest that has one is "
            f"{_smallest(peak):g}"
        )
    return steps


def _smallest(peak: int) -> float:
    """Return the smallest eps of one step: whole, or for peaks beyond 255 rounded up."""
    digits = max(0, len(str(peak)) - 2) if peak > EPS_SCALE else 0
    return float(math.ceil(EPS_SCALE / peak * 10**digits) / 10**digits)
