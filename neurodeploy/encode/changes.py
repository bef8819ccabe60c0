"""Encoders of series: delta and level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from neurodeploy.encode import compiled, reference
from neurodeploy.encode.encoder import Call, Encoder, Integers, Shape, check, series, within


@dataclass(frozen=True)
class Delta(Encoder):
    """Send on change: channel c has an up line (2c) and a down line (2c + 1).

    The reference starts at the first value. Per step: ``x - ref >= threshold`` spikes up and adds
    the threshold to the reference, ``x - ref <= -threshold`` spikes down and subtracts it.
    """

    threshold: int = 1

    kind: ClassVar[str] = "delta"
    of_series: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.kind, "threshold", self.threshold, 1, 2**24)

    def output_shape(self, shape: Shape) -> Shape:
        return (2 * math.prod(shape),)

    def _check_data(self, x: Integers) -> None:
        series(self, x)

    def _write(self, x: Integers, call: Call) -> None:
        if compiled.AVAILABLE:
            compiled.delta(x, call, threshold=self.threshold)
        else:
            call.data[...] = reference.delta(x, threshold=self.threshold)


@dataclass(frozen=True)
class Level(Encoder):
    """One line per channel and level; at each step the line of the present level spikes.

    Level of x: ``floor((x + peak) * levels / (2 * peak + 1))``, lines ``channel * levels + level``.
    """

    levels: int = 8

    kind: ClassVar[str] = "level"
    of_series: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.kind, "levels", self.levels, 2, 4096)

    def output_shape(self, shape: Shape) -> Shape:
        return (self.levels * math.prod(shape),)

    def _check_data(self, x: Integers) -> None:
        series(self, x)
        within(self.kind, x, -self.peak, self.peak)

    def _write(self, x: Integers, call: Call) -> None:
        if compiled.AVAILABLE:
            compiled.level(x, call, peak=self.peak, levels=self.levels)
        else:
            call.data[...] = reference.level(x, peak=self.peak, levels=self.levels)
