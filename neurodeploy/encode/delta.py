"""Delta encoding: spikes where a series changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodeploy.encode import compiled, reference
from neurodeploy.encode.encoder import Call, Encoder, Integers, Shape, check, series
from neurodeploy.encode.paths import Paths
from neurodeploy.encode.reach import Reachable


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

    def check_data(self, x: Integers) -> None:
        series(self, x)

    def reachable(
        self,
        low: Integers,
        high: Integers,
        number: int = 0,
        length: int | None = None,
        draw: int = 0,
    ) -> Reachable:
        """Return every set of columns that a series from ``low`` to ``high`` gives.

        One site per channel: the spikes of all steps hang together through the reference.
        """
        steps, channels = self.box_of(low, high)[0].shape
        kept = steps if length is None else min(steps, length)
        shape = (self.columns, 2 * channels)
        step = np.arange(kept)[:, None] * shape[1]
        sites = tuple(
            Paths(
                (step + 2 * c + np.arange(2)).reshape(-1),
                tuple(int(v) for v in low[:kept, c]),
                tuple(int(v) for v in high[:kept, c]),
                self.threshold,
            )
            for c in range(channels)
        )
        return Reachable(shape, sites)

    def _write(self, x: Integers, call: Call) -> None:
        if compiled.AVAILABLE:
            compiled.delta(x, call, threshold=self.threshold)
        else:
            call.data[...] = reference.delta(x, threshold=self.threshold)
