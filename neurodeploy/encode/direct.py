"""Direct encoding: every step carries the value itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from neurodeploy.encode.encoder import Call, Encoder, Integers, as_integers, check


@dataclass(frozen=True)
class Direct(Encoder):
    """Graded input: every step carries the value itself, on a grid of ``levels`` steps.

    ``floor((2 * x * levels + peak) / (2 * peak))``, which is ``x * levels / peak`` rounded half up.
    """

    levels: int = 255

    kind: ClassVar[str] = "direct"
    place: ClassVar[str] = "graded input"
    elementwise: ClassVar[bool] = True
    monotone: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.kind, "levels", self.levels, 1, 2**16)

    @property
    def message_bits(self) -> int:
        return self.levels.bit_length()

    @property
    def high(self) -> int:
        return self.levels

    @property
    def still(self) -> bool:
        return self.gap == 0

    @property
    def dtype(self) -> type[np.integer[Any]]:
        return np.int32

    def values(self, x: Integers) -> Integers:
        """Return the value that every step carries, int32 ``(samples, *shape)``."""
        wide = as_integers(x).astype(np.int64)
        grid = (2 * wide * self.levels + self.peak) // (2 * self.peak)
        return np.asarray(grid, dtype=np.int32)

    def grid(self, low: int, high: int) -> Integers:
        """Return all levels that data from ``low`` to ``high`` give, int32, rising.

        Levels grow with the data, so those that one value can reach within a budget are the part
        of the grid from the level of its smallest datum to that of its largest.
        """
        return np.unique(self.values(np.arange(low, high + 1)))

    def carried(self, x: Integers) -> tuple[Integers, Encoder]:
        return self.values(x), replace(self, peak=self.levels)

    def _write(self, x: Integers, call: Call) -> None:
        call.data[...] = self.values(x)[:, None]
