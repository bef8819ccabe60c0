"""Rate encoding: random spikes, more of them the larger the value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from neurodeploy.draws import MAX_DECISIONS
from neurodeploy.encode import compiled, reference
from neurodeploy.encode.encoder import Call, Encoder, Integers, check, within
from neurodeploy.errors import InputError


@dataclass(frozen=True)
class Rate(Encoder):
    """Bernoulli spikes: at each step a value spikes with probability ``x / peak``.

    Decision ``i = step * size + position`` of a sample draws a number of 32 bits, and spikes if
    ``number < floor(x * 2^32 / peak)``: x = peak always, 0 never. Its upper 8 bits are byte i of
    the sample's stream, the lower 24 bits those above the lowest 8 of word i of a second stream;
    the second one is computed only where the byte leaves the decision open, once in 256.

    Both streams are Philox-4x32-7 with key ``seed``: word ``4 b + j`` is word j of the block at
    counter ``(b, draw, sample)``, bytes from the lowest. See `neurodeploy.draws.counter_words`. A
    sample's spikes depend on nothing but x, seed, draw and its number; fewer steps give a prefix.

    Source: Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """

    seed: int = 0

    kind: ClassVar[str] = "rate"
    elementwise: ClassVar[bool] = True
    monotone: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.kind, "seed", self.seed, 0, 2**63 - 1)

    def check_data(self, x: Integers) -> None:
        within(self.kind, x, 0, self.peak)
        decisions = self.steps * math.prod(x.shape[1:])
        if decisions > MAX_DECISIONS:
            raise InputError(
                f"encoder rate: a sample has {decisions} values in {self.steps} steps, allowed "
                f"are {MAX_DECISIONS}; use fewer steps"
            )

    def _write(self, x: Integers, call: Call) -> None:
        check(self.kind, "draw", call.draw, 0, 2**32 - 1)
        if compiled.AVAILABLE:
            compiled.rate(x, call, peak=self.peak, seed=self.seed)
        else:
            call.data[...] = reference.rate(
                x, call.index, steps=self.steps, peak=self.peak, seed=self.seed, draw=call.draw
            )
