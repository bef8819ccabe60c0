"""Bounds of neurons step by step, in floats beside the steps of the twin: what S-IBP rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.train.layer_records import Quantised
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.scan import MANTISSA
from neurodeploy.train.surrogate import SURROGATES


@dataclass(frozen=True)
class Box:
    """What two ends of the input gave, ``(steps or 1, batch, *shape)``."""

    low: Tensor
    high: Tensor

    def of_each(self, change: Callable[[Tensor], Tensor]) -> Box:
        """Return the box with ``change`` applied to both ends."""
        return Box(change(self.low), change(self.high))


@dataclass(frozen=True)
class Membrane:
    """Constants of the neurons of a layer, in units of the layer, ``(neurons,)`` each.

    gain : factor of the current in each step ``(T,)``, None for 1.
    """

    keep_u: Tensor
    keep_v: Tensor
    threshold: Tensor
    bias: Tensor
    gain: Tensor | None

    @classmethod
    def of(cls, layer: SpikingLayer, grid: Quantised) -> Membrane:
        """Return those of ``layer``, on the grid."""
        return cls(
            1 - layer.spread(grid.current_decay) / DECAY_ONE,
            1 - layer.spread(grid.voltage_decay) / DECAY_ONE,
            layer.spread(grid.threshold) / layer.unit,
            layer.bias_per_neuron(grid.bias) / layer.unit,
            None if grid.gain is None else grid.gain / MANTISSA,
        )

    def gain_of(self, step: int) -> Tensor | float:
        """Return the factor of the current in ``step``."""
        return 1.0 if self.gain is None or step >= len(self.gain) else self.gain[step]


@dataclass(frozen=True)
class StepBounds:
    """spikes : ``(steps, batch, *shape)``. potential : v before the reset, ``(steps, batch, N)``,
    in units of the layer.
    """

    spikes: Box
    potential: Box


class _Fires(torch.autograd.Function):
    """``z > 0`` with a surrogate gradient; z in units of the layer."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, name: str, width: float) -> Tensor:
        ctx.save_for_backward(z)
        ctx.slope = name, width
        return (z > 0).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (z,) = ctx.saved_tensors
        name, width = ctx.slope
        return grads[0] * SURROGATES[name](z, width), None, None


def step_bounds(layer: SpikingLayer, grid: Quantised, ends: Box, steps: int) -> StepBounds:
    """Bound the neurons step by step, in units of the layer.

        u = ku u + gain a;  v = kv v + u + b
        silent for certain: v stays;  fires for certain: 0
        else: [min(v_low, 0), max(min(v_high, threshold), 0)]

    ends : integer-valued currents ``(steps or 1, batch, *shape)``. An integrator never fires.

    Source: Liang et al., NeurIPS 2022, arXiv:2205.01625, section on S-IBP; the interval rules of
    `neurodeploy.bounds.cuba`, without rounding.
    """
    membrane = Membrane.of(layer, grid)
    low, high = (layer.delayed(end.flatten(2), steps) / layer.unit for end in (ends.low, ends.high))
    zero = torch.zeros_like(low[0])
    state = [(zero, zero), (zero, zero)]
    spikes: list[list[Tensor]] = [[], []]
    potentials: list[list[Tensor]] = [[], []]
    for step in range(steps):
        for end, current in enumerate((low, high)):
            u, v = state[end]
            u = membrane.keep_u * u + current[step if len(current) > 1 else 0] * membrane.gain_of(
                step
            )
            v = membrane.keep_v * v + u + membrane.bias
            state[end] = u, v
            potentials[end].append(v)
            spikes[end].append(_fired(layer, v - membrane.threshold))
        state = _after(state, spikes[0][-1], spikes[1][-1], membrane.threshold)
    shape = (steps, low.shape[1], *layer.shape)
    return StepBounds(
        Box(*(torch.stack(found).reshape(shape) for found in spikes)),
        Box(*(torch.stack(found) for found in potentials)),
    )


def _fired(layer: SpikingLayer, z: Tensor) -> Tensor:
    if not layer.spiking:
        return torch.zeros_like(z)
    found: Tensor = _Fires.apply(  # type: ignore[no-untyped-call]
        z, layer.neuron.surrogate, layer.neuron.width
    )
    return found


def _after(
    state: list[tuple[Tensor, Tensor]], least: Tensor, most: Tensor, threshold: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return u and v of both ends after the reset."""
    (u_low, v_low), (u_high, v_high) = state
    surely, maybe = least.detach() > 0, most.detach() > 0
    after_low = torch.where(maybe, v_low.clamp(max=0), v_low)
    after_high = torch.where(maybe, torch.minimum(v_high, threshold).clamp(min=0), v_high)
    return [(u_low, after_low * ~surely), (u_high, after_high * ~surely)]
