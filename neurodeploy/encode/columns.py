"""No encoding: data that are columns already, such as events that were binned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurodeploy.encode.encoder import Call, Encoder, Integers, within
from neurodeploy.errors import InputError

TWO_POLARITIES = (
    "two polarities are two channels: np.stack([x > 0, x < 0], axis=2).astype(np.uint8)"
)


@dataclass(frozen=True)
class Columns(Encoder):
    """Pass-through: sample ``(steps, *shape)`` is its own columns, ``out[t] = x[t]``.

    peak 1 makes the columns binary events (uint8 where nothing is negative); larger ones are
    graded, -peak..peak (int32).
    """

    kind: ClassVar[str] = "columns"
    of_series: ClassVar[bool] = True
    place: ClassVar[str] = "input columns"
    elementwise: ClassVar[bool] = True
    monotone: ClassVar[bool] = True
    identity: ClassVar[bool] = True

    @property
    def message_bits(self) -> int:
        return 0 if self.peak == 1 else self.peak.bit_length()

    @property
    def high(self) -> int:
        return self.peak

    @property
    def dtype(self) -> type[np.integer[Any]]:
        return np.uint8 if self.peak == 1 else np.int32

    def check_data(self, x: Integers) -> None:
        if x.ndim < 3 or x.shape[1] != self.steps:
            raise InputError(
                f"encoder columns: data have shape {x.shape}, expected columns (samples, "
                f"{self.steps}, N) or (samples, {self.steps}, C, H, W)"
            )
        if self.peak == 1 and x.size and x.min() == -1 and x.max() == 1:
            raise InputError(f"encoder columns: data hold -1, events are 0 or 1; {TWO_POLARITIES}")
        within(self.kind, x, 0 if self.peak == 1 else -self.peak, self.peak)

    def _write(self, x: Integers, call: Call) -> None:
        call.data[...] = x
