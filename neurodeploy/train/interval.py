"""Interval training: the loss over everything that a budget may do to a sample.

A neuron of the first layer that sees the same columns in every step has one current a, and what a
budget leaves of it is an interval. Its end points are run through the neuron's own integers; where
spikes come no later for a larger current, what lies between adds no more than they do:

    a = ((hi + lo) @ W.T -+ (hi - lo) @ |W|.T) / 2        lo, hi : the ends of the columns
    k = sum over t of kappa[t] * s[t]                      kappa : what a spike at t adds to the
                                                           scores, before the weights
    margin[j] = max over the box of k of  score[j] - score[y]

The margins are exact over the box: the difference of two rows of weights meets it once. Between the
first layer and the read-out, spikes of every step lie between 0 and 1, and states follow the
interval rules step by step. Gradients pass through both ends, by the surrogate of each layer.

Truncation and saturation are left out, and the spikes between the ends of a are looked at only in
their middle where another hidden layer follows: certificates are proved on the integers
afterwards (`neurodeploy.certify`), the difference is seen there.

Source: interval bound propagation, Gowal et al. (2018), arXiv:1810.12715; of spiking networks,
Liang et al., NeurIPS 2022, arXiv:2205.01625.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from neurodeploy.errors import OptionError
from neurodeploy.fixedpoint import DECAY_ONE, M
from neurodeploy.train.crown import Stage, crown
from neurodeploy.train.inputs import fitted
from neurodeploy.train.layer_records import Quantised
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.network import Network
from neurodeploy.train.quantise import exact_dtype, row_bound
from neurodeploy.train.scan import MANTISSA
from neurodeploy.train.step_bounds import Box, step_bounds

Method = Literal["ends", "s-ibp", "s-crown"]
"""``"ends"`` as said above; ``"s-ibp"``: bounds step by step in every layer; ``"s-crown"``: the
better of those and of linear bounds carried back from the scores (`neurodeploy.train.crown`)."""

CURRENT_LIMIT = M // MANTISSA
"""Currents from here on may wrap u."""


@dataclass(frozen=True)
class Worst:
    """logits : upper bounds of ``logit[j] - logit[y]``, 0 for y, float ``(batch, classes)``.

    excess : mean over layers of what currents exceed their room by, in units of the layer.
    """

    logits: Tensor
    excess: Tensor

    @property
    def held(self) -> Tensor:
        """Whether no other class comes up to that of the label, bool ``(batch,)``."""
        return (self.logits < 0).sum(1) == self.logits.shape[1] - 1


def check_network(network: Network, method: Method = "ends") -> None:
    """Raise OptionError for a network that the bounds do not hold for, naming the layer."""
    if network.wiring != tuple((k,) for k in range(len(network.layers))):
        raise OptionError(
            "interval: layers read others than the one before them, whose bounds are not trained; "
            "leave out source and skip, or use PGD"
        )
    for layer in network.spiking_layers:
        delay = layer.max_delay
        if delay and method == "s-crown":
            raise OptionError(
                f"interval: layer {layer.name} has delays, which 's-crown' does not carry back; "
                "use 's-ibp'"
            )
        where = f"interval: layer {layer.name} "
        if layer.neuron.model != "lif":
            raise OptionError(
                f"{where}has neurons {layer.neuron.model!r}, whose threshold moves; its bounds "
                "are not trained, use 'lif'"
            )
        if getattr(layer, "recurrent", None) is not None:
            raise OptionError(f"{where}is recurrent, its bounds are not trained; use PGD")
    last = network.spiking_layers[-1]
    own = {"current_decay", "voltage_decay"} & set(last.neuron.learn)
    if own and last.neuron.per_neuron:
        raise OptionError(
            f"interval: layer {last.name} learns {sorted(own)[0]} per neuron, but its bounds need "
            "one for all; set neuron.per_neuron to false there"
        )
    if last.max_delay:
        raise OptionError(f"interval: layer {last.name} has delays, the read-out must have none")


def worst_case(
    network: Network,
    low: Tensor,
    high: Tensor,
    y: Tensor,
    steps: int,
    room: float = 1.0,
    method: Method = "ends",
) -> Worst:
    """Return the worst margins over all columns between ``low`` and ``high``.

    low, high : integer-valued ``(steps or 1, batch, *shape)``, as for `Network.forward`. y : labels
    ``(batch,)``. room : share of the width of u that currents should keep to, see `Worst.excess`.

    Batch-norm stands with its running statistics. Raises OptionError (`check_network`).
    """
    check_network(network, method)
    inputs = box = Box(fitted(low, network.shape), fitted(high, network.shape))
    *hidden, last = network.layers
    stages = []
    counted = network.readout.kind == "count"
    excess = []
    for number, layer in enumerate(hidden):
        if not isinstance(layer, SpikingLayer):
            box = box.of_each(layer)
            stages.append(Stage(layer))
            continue
        grid = layer.quantised()
        ends = _currents(layer, grid.weight, box)
        excess.append(_excess(layer, grid, ends, steps, room))
        followed = counted or any(isinstance(n, SpikingLayer) for n in hidden[number + 1 :])
        if method == "ends":
            box = _spikes(layer, grid, ends, steps, followed)
        else:
            stages.append(Stage(layer, grid, step_bounds(layer, grid, ends, steps)))
            box = stages[-1].spikes
    assert isinstance(last, SpikingLayer)
    total = torch.stack(excess).mean() if excess else torch.zeros((), device=low.device)
    grid = last.quantised()
    if not counted:
        margins = _of_potential(network, last, grid, box, y, steps)
        stages.append(Stage(last, grid))
    elif method == "ends":
        ends = _currents(last, grid.weight, box)
        margins = _of_spikes(network, _spikes(last, grid, ends, steps, False), y, steps)
    else:
        bounds = step_bounds(last, grid, _currents(last, grid.weight, box), steps)
        stages.append(Stage(last, grid, bounds))
        margins = _of_spikes(network, bounds.spikes, y, steps)
    if method == "s-crown":
        margins = torch.minimum(margins, crown(network, stages, inputs, y, steps))
    return Worst(margins, total)


def _currents(layer: SpikingLayer, weight: Tensor, box: Box) -> Box:
    """Return the currents of a box, ``(steps or 1, batch, *shape)``; exact integers at the ends."""
    largest = float(torch.maximum(box.low.detach().abs().max(), box.high.detach().abs().max()))
    dtype = exact_dtype(2 * largest * row_bound(weight))
    weight = weight.to(dtype)

    def summed(x: Tensor, by: Tensor) -> Tensor:
        a = layer.form.multiply(x.reshape(-1, *layer.source).to(dtype), by)
        return a.reshape(*x.shape[:2], *layer.shape)

    centre = summed(box.low + box.high, weight)
    radius = summed(box.high - box.low, weight.abs())
    return Box(((centre - radius) / 2).float(), ((centre + radius) / 2).float())


def _excess(layer: SpikingLayer, grid: Quantised, ends: Box, steps: int, room: float) -> Tensor:
    """Return the mean of what both ends exceed ``room`` of the width of u by, in units."""
    keep = 1 - grid.current_decay.detach().float().mean() / DECAY_ONE
    limit = room * CURRENT_LIMIT / sum(keep**step for step in range(steps))
    over = [(end.abs() - limit).clamp(min=0).mean() for end in (ends.low, ends.high)]
    excess: Tensor = (over[0] + over[1]) / layer.unit
    return excess


def _spikes(layer: SpikingLayer, grid: Quantised, ends: Box, steps: int, followed: bool) -> Box:
    """Return the spikes of a layer: of both ends where currents are constant, else bounds.

    followed : by neurons, which ask for bounds in every step, not for ends.
    """
    if len(ends.low) > 1:
        return step_bounds(layer, grid, ends, steps).spikes
    if not followed:
        return Box(*_by_ends(layer, grid, [ends.low, ends.high], steps))
    middle = torch.floor((ends.low + ends.high) / 2)
    every = torch.stack(_by_ends(layer, grid, [ends.low, middle, ends.high], steps))
    return Box(every.amin(0), every.amax(0))


def _by_ends(
    layer: SpikingLayer, grid: Quantised, currents: list[Tensor], steps: int
) -> tuple[Tensor, ...]:
    """Run the neurons at constant currents, each ``(1, batch, *shape)``; return their spikes."""
    a = torch.cat([current.flatten(2) for current in currents], 1)
    a = a.clamp(1 - CURRENT_LIMIT, CURRENT_LIMIT - 1)
    s, _ = layer.respond(layer.delayed(a, steps), grid, steps)
    return s.reshape(steps, len(currents), -1, *layer.shape).unbind(1)


def _of_potential(
    network: Network, last: SpikingLayer, grid: Quantised, box: Box, y: Tensor, steps: int
) -> Tensor:
    """Return the worst margins of a read-out of v: spikes add to it, each with its weight."""
    of_current, of_bias = _heard(grid, steps, network.readout.window or steps)
    ends = [end.expand(steps, *end.shape[1:]) for end in (box.low, box.high)]
    found = torch.stack([torch.tensordot(of_current, end, 1) for end in ends])
    low, high = found.amin(0), found.amax(0)
    scale = network.readout.scale / last.unit
    centre, radius = (low + high) / 2, (high - low) / 2
    if last.spec.kind == "conv":
        return _plain_margins(last, grid, (centre, radius), of_bias, y, scale)
    weight = grid.weight
    apart = (weight[:, None] - weight[None]).abs().flatten(0, 1)  # (classes * classes, inputs)
    classes = len(weight)
    mean = centre.flatten(1) @ weight.t()
    if grid.bias is not None:
        mean = mean + grid.bias * of_bias
    spread = (radius.flatten(1) @ apart.t()).reshape(-1, classes, classes)
    rows = torch.arange(len(y), device=y.device)
    return scale * (mean - mean[rows, y][:, None] + spread[rows, y])


def _plain_margins(
    last: SpikingLayer,
    grid: Quantised,
    box: tuple[Tensor, Tensor],
    of_bias: Tensor,
    y: Tensor,
    scale: float,
) -> Tensor:
    """Return margins of the bounds of each score by itself."""
    mean, spread = (
        last.form.multiply(part.reshape(-1, *last.source), weight).flatten(1)
        for part, weight in zip(box, (grid.weight, grid.weight.abs()), strict=True)
    )
    mean = mean + of_bias * last.bias_per_neuron(grid.bias)
    return _against(scale * (mean - spread), scale * (mean + spread), y)


def _of_spikes(network: Network, found: Box, y: Tensor, steps: int) -> Tensor:
    """Return the worst margins of a read-out of spikes: counts by themselves."""
    window = network.readout.window or steps
    counts = torch.stack([s[-window:].mean(0).flatten(1) for s in (found.low, found.high)])
    scale = network.readout.scale
    return _against(scale * counts.amin(0), scale * counts.amax(0), y)


def _against(low: Tensor, high: Tensor, y: Tensor) -> Tensor:
    """Return ``high - low[y]``, and 0 for y itself."""
    rows = torch.arange(len(y), device=y.device)
    margins = high - low[rows, y][:, None]
    own = torch.nn.functional.one_hot(y, high.shape[1]).bool()
    return margins.masked_fill(own, 0.0)


def _heard(grid: Quantised, steps: int, window: int) -> tuple[Tensor, Tensor]:
    """Return what a unit of current at each step ``(steps,)``, and of bias in every one, adds to
    the mean of v over the last ``window`` steps."""
    keep_u, keep_v = (
        1 - decay.reshape(-1)[0] / DECAY_ONE for decay in (grid.current_decay, grid.voltage_decay)
    )
    u = v = torch.ones((), device=keep_u.device)
    current, bias = [v], [v]
    for _ in range(steps - 1):
        u = u * keep_u
        v = v * keep_v + u
        current.append(v)
        bias.append(bias[-1] * keep_v)
    read = range(steps - window, steps)
    of_current = [sum((current[t - s] for t in read if t >= s), 0 * v) for s in range(steps)]
    of_bias = sum((bias[t - s] for t in read for s in range(t + 1)), 0 * v)
    return torch.stack(of_current) / window, of_bias / window
