"""S-CROWN: linear bounds of the margins, carried back from the scores to the input.

A row of coefficients for each class stands for ``score[y] - score[j]``; it is carried back through
spike tests, membranes and synapses, whose bounds step by step are those of S-IBP. In units of the
layers, in floats: a bound for training; what holds is proved on the integers.

Source: Liang et al., NeurIPS 2022, arXiv:2205.01625, section on S-CROWN, with the memory relaxed by
``1 - s`` (its third form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurodeploy.train.builder import Layer
from neurodeploy.train.layer_records import Quantised
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.network import Network
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.step_bounds import Box, Membrane, StepBounds

NARROW = 1e-3
"""Rooms below this, in units of the layer, count as this: slopes stay finite, bounds stay sound."""


@dataclass(frozen=True)
class Stage:
    """A layer with its integers and bounds; a pool has neither, an integrator no bounds."""

    layer: Layer
    grid: Quantised | None = None
    bounds: StepBounds | None = None

    @property
    def spikes(self) -> Box:
        """Bounds of the spikes."""
        assert self.bounds is not None
        return self.bounds.spikes


def crown(network: Network, stages: Sequence[Stage], inputs: Box, y: Tensor, steps: int) -> Tensor:
    """Return upper bounds of ``logit[j] - logit[y]``, float ``(batch, classes)``, 0 for y itself.

    stages : of all layers in order. inputs : integer-valued ``(steps or 1, batch, *shape)``; a
    single column is the same datum in every step, so that its coefficients are summed first.
    """
    rows, constant = _read_out(network, y, steps)
    for number in range(len(stages) - 1, -1, -1):
        stage = stages[number]
        if isinstance(stage.layer, SumPoolLayer):
            rows = _unpooled(stage.layer, rows)
            continue
        assert stage.grid is not None
        rows, constant = _through(stage.layer, stage.grid, stage.bounds, rows, constant)
    if len(inputs.low) == 1:
        rows = rows.sum(0, keepdim=True)
    centre, radius = (inputs.low + inputs.high) / 2, (inputs.high - inputs.low) / 2
    rows = rows.flatten(3)
    least = rows * centre.flatten(2)[:, :, None] - rows.abs() * radius.flatten(2)[:, :, None]
    return -(constant + least.sum((0, 3)))


def _read_out(network: Network, y: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return rows ``(steps, batch, classes, *shape)`` on what is read out, and constants of 0."""
    last = network.spiking_layers[-1]
    unit = torch.eye(network.classes, device=y.device)
    apart = unit[y][:, None] - unit[None]  # (batch, classes, outputs)
    window = network.readout.window or steps
    rows = torch.zeros((steps, *apart.shape), device=y.device)
    rows[steps - window :] = apart * (network.readout.scale / window)
    return rows.reshape(*rows.shape[:3], *last.shape), torch.zeros(apart.shape[:2], device=y.device)


def _through(
    layer: SpikingLayer,
    grid: Quantised,
    bounds: StepBounds | None,
    rows: Tensor,
    constant: Tensor,
) -> tuple[Tensor, Tensor]:
    """Carry rows on the spikes of a layer (on v, of one without bounds) to those that it reads.

    Backwards in time, A the rows of a step, C those of the step behind it on v:

        v to the reset: silent for certain A_v += kv C, fires for certain nothing, else
            kv C * end * (1 - s), end = v_low where C >= 0, the threshold where C < 0
        s to v: `_relaxed`;   u = A_v + ku u of the step behind;   a = gain u
    """
    membrane = Membrane.of(layer, grid)
    rows = rows.flatten(3)
    on_currents: list[Tensor] = []
    on_v = on_u = torch.zeros_like(rows[0])
    for step in range(len(rows) - 1, -1, -1):
        carried = membrane.keep_v * on_v
        if bounds is not None:
            low, high = (end[step][:, None] for end in vars(bounds.potential).values())
            sure, open_ = low > membrane.threshold, high > membrane.threshold
            open_ = open_ & ~sure
            edge = carried * torch.where(carried >= 0, low, membrane.threshold) * open_
            on_s = rows[step] - edge
            slope, offset = _relaxed(on_s, low, high, membrane.threshold)
            on_v = carried * ~(sure | open_) + on_s * slope * open_
            constant = constant + (edge + on_s * (sure + offset * open_)).sum(2)
        else:
            on_v = carried + rows[step]
        constant = constant + (on_v * membrane.bias).sum(2)
        on_u = on_v + membrane.keep_u * on_u
        on_currents.append(on_u * membrane.gain_of(step))
    return _transposed(layer, torch.stack(on_currents[::-1]) / layer.unit, grid.weight), constant


def _relaxed(on_s: Tensor, low: Tensor, high: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope and offset of the line in v that bounds ``on_s * s`` from below, s being open.

    Where v reaches further above the threshold than below: ``(v - threshold) / (high - threshold)``
    for ``on_s >= 0``, 1 for ``on_s < 0``; else 0, and ``(v - low) / (threshold - low)``.
    """
    above, below = high - threshold, threshold - low
    upper = (above >= below) | (below < NARROW)
    above, below = above.clamp(min=NARROW), below.clamp(min=NARROW)
    positive = on_s >= 0
    rising, capped = positive & upper, ~positive & ~upper
    slope = rising / above + capped / below
    offset = -(rising * threshold / above) - capped * low / below + (~positive & upper)
    return slope, offset


def _transposed(layer: SpikingLayer, rows: Tensor, weight: Tensor) -> Tensor:
    """Return rows on currents ``(T, batch, classes, N)`` as rows on ``(.., *source)``."""
    flat = rows.flatten(0, 2)
    if layer.spec.kind == "conv":
        spec = layer.spec
        found: Tensor = torch.nn.grad.conv2d_input(  # type: ignore[no-untyped-call]
            (len(flat), *layer.source),
            weight,
            flat.reshape(-1, *layer.shape),
            spec.stride,
            spec.padding,
            spec.dilation,
            spec.groups,
        )
    else:
        found = flat @ weight
    return found.reshape(*rows.shape[:3], *layer.source)


def _unpooled(pool: SumPoolLayer, rows: Tensor) -> Tensor:
    """Return rows on the cells of a pool as rows on what it sums; its ragged border gets 0."""
    wide = rows.reshape(*rows.shape[:3], *pool.shape)
    wide = wide.repeat_interleave(pool.size, -2).repeat_interleave(pool.size, -1)
    height, width = (a - b for a, b in zip(pool.source[1:], wide.shape[-2:], strict=True))
    return torch.nn.functional.pad(wide, (0, width, 0, height))
