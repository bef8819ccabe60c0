"""Latency encoding: one spike per value, the earlier the larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodeploy.encode import compiled, reference
from neurodeploy.encode.encoder import Call, Encoder, Integers, within


@dataclass(frozen=True)
class Latency(Encoder):
    """One spike per value, the earlier the larger; 0 stays silent.

    Step of the spike: ``floor(((peak - x) * (steps - 1) * 2 + peak) / (2 * peak))``.
    """

    kind: ClassVar[str] = "latency"
    elementwise: ClassVar[bool] = True

    def check_data(self, x: Integers) -> None:
        within(self.kind, x, 0, self.peak)

    def _write(self, x: Integers, call: Call) -> None:
        if compiled.AVAILABLE:
            compiled.latency(x, call, peak=self.peak)
        else:
            call.data[...] = reference.latency(x, steps=self.steps, peak=self.peak)
