"""One recording of an event sensor: where, which polarity, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import DataError

LARGEST_TIME_US = 2**53
"""Times are held exactly up to here, some 285 years."""


@dataclass(frozen=True, eq=False)
class Events:
    """Events in the order of time.

    x, y : column and row of the pixel, int64 ``(n,)``, 0 at the left and at the top. p : polarity,
    1 for brighter and 0 for darker; 0 throughout for sensors without. t : microseconds, int64, not
    running backwards. width, height : of the sensor.

    Raises DataError for arrays of other lengths or types, and for the first event that is outside
    of the sensor, has another polarity, or is earlier than the one before it.
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    p: NDArray[np.int64]
    t: NDArray[np.int64]
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("x", "y", "p", "t"):
            array = np.asarray(getattr(self, name))
            if array.ndim != 1 or array.dtype.kind not in "iub":
                raise DataError(
                    f"{name} has shape {array.shape} and dtype {array.dtype}, expected integers, "
                    "one for each event"
                )
            held = array.astype(np.int64)
            held.setflags(write=False)
            object.__setattr__(self, name, held)
        counts = {name: len(getattr(self, name)) for name in ("x", "y", "p", "t")}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            raise DataError(f"holds {told}, expected as many of each")
        self._check_range("x", self.width - 1)
        self._check_range("y", self.height - 1)
        self._check_range("p", 1)
        self._check_range("t", LARGEST_TIME_US)
        backwards = np.flatnonzero(np.diff(self.t) < 0)
        if backwards.size:
            k = int(backwards[0]) + 1
            raise DataError(
                f"event {k} is at {self.t[k]} us, after one at {self.t[k - 1]} us: time runs "
                "backwards"
            )

    def __len__(self) -> int:
        return len(self.t)

    def _check_range(self, name: str, high: int) -> None:
        values = getattr(self, name)
        outside = np.flatnonzero((values < 0) | (values > high))
        if outside.size:
            k = int(outside[0])
            raise DataError(f"event {k} has {name} {values[k]}, allowed are 0 to {high}")


def sorted_events(
    x: NDArray[Any], y: NDArray[Any], p: NDArray[Any], t: NDArray[Any], width: int, height: int
) -> Events:
    """Return events that a file keeps in no order of time, sorted by it; ties stay in order."""
    order = np.argsort(t, kind="stable")
    return Events(x[order], y[order], p[order], t[order], width, height)
