"""What layers compute and consist of, as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from neurodeploy.train.fused import Bits
from neurodeploy.train.scan import MANTISSA


@dataclass(frozen=True)
class Result:
    """What a layer computed.

    s, v : spikes and v before the reset, float32 ``(T, batch, *shape)``; v after the reset where
    the neurons have a gain per step or a moving threshold. unit : mantissa of 1.0 in
    a; 64 times that in v. currents : returns a. packed : the spikes as bits, where they were
    computed so.
    """

    s: Tensor
    v: Tensor
    unit: float
    currents: Callable[[], Tensor]
    packed: Bits | None = None

    @property
    def a(self) -> Tensor:
        """Input current, integer-valued ``(T or 1, batch, N)``; computed when a pass kept none."""
        return self.currents()

    @property
    def membrane(self) -> Tensor:
        """v before the reset in units of the layer, ``v / (64 * unit)``: float, for losses."""
        return self.v / (MANTISSA * self.unit)

    def samples(self, rows: slice) -> Result:
        """Return the result of the samples ``rows`` of the batch."""
        return Result(self.s[:, rows], self.v[:, rows], self.unit, lambda: self.a[:, rows])


@dataclass(frozen=True)
class Quantised:
    """A layer on the chip's grid: integer-valued float tensors that carry gradients.

    weight : ``(out, ...)``; skips : those of the skip connections. recurrent : ``(N, N)`` or None.
    bias : ``(out,)`` or None.
    threshold, current_decay, voltage_decay : any parameter shape of `neurodeploy.neuron`.
    gain : per step ``(T,)`` or None. theta : any parameter shape, with signature ``(T, *shape)``,
    or None.
    """

    weight: Tensor
    recurrent: Tensor | None
    bias: Tensor | None
    threshold: Tensor
    current_decay: Tensor
    voltage_decay: Tensor
    gain: Tensor | None = None
    theta: Tensor | None = None
    signature: Tensor | None = None
    skips: tuple[Tensor, ...] = ()

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every tensor with its name."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                yield name, value
        for number, weight in enumerate(self.skips, 1):
            yield f"weight of skip {number}", weight

    @property
    def by_rule(self) -> bool:
        """Whether the twin's rule runs the neurons (`neurodeploy.train.rule_scan`)."""
        return self.gain is not None or self.theta is not None


class Folded(NamedTuple):
    """Floats in units of the layer: weights of source and skip connections, bias or None."""

    weights: tuple[Tensor, ...]
    bias: Tensor | None


@dataclass(frozen=True)
class Statistics:
    """Mean and variance of the float pre-activation, per output channel ``(out,)``."""

    mean: Tensor
    var: Tensor
