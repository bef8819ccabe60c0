"""Budgets: how much of the data an attack may change, in their unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.events import Events, flipped, moved
from neurodeploy.attack.space import Space
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import OptionError

UNITS = ("eps", "flips", "shift")


@dataclass(frozen=True)
class Budget:
    """unit : eps, flips or shift. size : as the user gave it. steps : whole steps or events."""

    unit: str
    size: float
    steps: int

    @classmethod
    def of(cls, data: Presentation, unit: str, size: float) -> Budget:
        """Return a budget of ``data``. Raises OptionError for one that the data do not have."""
        if unit == "eps":
            return cls(unit, float(size), data.budget(size))
        steps = int(size)
        with_events = Events.of(data.first(1))
        limit = with_events.clean.size if unit == "flips" else with_events.clean.shape[1] - 1
        if not 1 <= steps <= limit:
            raise OptionError(f"{unit} is {steps}, these data allow 1 to {limit}")
        return cls(unit, float(size), steps)

    @property
    def text(self) -> str:
        """As it is written in tables."""
        return f"{self.unit} {self.size:g}"

    def space(self, data: Presentation) -> Space:
        """Return what the budget allows around ``data``."""
        if self.unit == "eps":
            return Space.around(data, self.steps)
        return Events.of(data, **{"flips" if self.unit == "flips" else "shift": self.steps})

    def data_of(self, space: Space, x: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the data that stand for values ``x`` of the grid of `space`."""
        return space.data_of(x, self.steps) if self.unit == "eps" else x.astype(np.int64)

    def outside(self, data: Presentation, x: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which samples of ``x`` left the budget or the range of the data."""
        if self.unit == "eps":
            low, high = data.ball(slice(0, len(data)), self.steps)
            return np.asarray(((x < low) | (x > high)).reshape(len(data), -1).any(1))
        found = flipped(data.x, x) if self.unit == "flips" else moved(data.x, x)
        binary = ((x == 0) | (x == 1)).reshape(len(x), -1).all(1)
        return np.asarray((found > self.steps) | (found < 0) | ~binary)
