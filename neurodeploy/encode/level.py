"""Level encoding: one line per channel and level of a series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from neurodeploy.encode import compiled, reference
from neurodeploy.encode.encoder import Call, Encoder, Integers, Shape, check, series, within


@dataclass(frozen=True)
class Level(Encoder):
    """One line per channel and level; at each step the line of the present level spikes.

    Level of x: ``floor((x + peak) * levels / (2 * peak + 1))``, lines ``channel * levels + level``.
    """

    levels: int = 8

    kind: ClassVar[str] = "level"
    of_series: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.kind, "levels", self.levels, 2, 4096)

    def output_shape(self, shape: Shape) -> Shape:
        return (self.levels * math.prod(shape),)

    def check_data(self, x: Integers) -> None:
        series(self, x)
        within(self.kind, x, -self.peak, self.peak)

    def _write(self, x: Integers, call: Call) -> None:
        if compiled.AVAILABLE:
            compiled.level(x, call, peak=self.peak, levels=self.levels)
        else:
            call.data[...] = reference.level(x, peak=self.peak, levels=self.levels)
