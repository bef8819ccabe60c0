"""Sums and scan of a whole layer in one compiled call, for spikes of a feed-forward layer.

Spikes are packed as bits; sums of even 9-bit weights come from tables of the subsets of four
inputs, in 16 bits where a bound on each row proves that exact. What it cannot take runs as sums
and a scan. The backward pass is that of the scan, then of the sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional, grad

from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.synapse import Conv2d
from neurodeploy.twin.compiled import array, ints, native_module
from neurodeploy.twin.layout import Order
from neurodeploy.twin.rule import Named
from neurodeploy.twin.synapses import CHANNELS_LAST, Weights

Bits = NDArray[np.uint32]


@dataclass(frozen=True)
class Geometry:
    """Where the inputs of a layer lie; one neuron per channel at each position of a map.

    window : channels, height, width, kernel, stride, padding; empty for a dense layer.
    """

    edge: Edge
    source: Order
    channels: int
    positions: int
    window: NDArray[np.int32]


@dataclass(frozen=True)
class Layer:
    """a : currents, of which there are only gradients. s, before : as `compiled.forward`.

    packed : the spikes as bits.
    """

    a: Tensor
    s: Tensor
    before: Tensor
    packed: Bits


def geometry_of(plan: Plan, stage: Stage) -> Geometry | None:
    """Return the geometry of a population that `run` may take, or None.

    It has one connection, from spikes of the same step, without delay; a kernel is square, without
    dilation and groups, and all neurons of a channel are alike.
    """
    if len(stage.incoming) != 1:
        return None
    (edge,) = stage.incoming
    if edge.port != "a" or edge.latency or edge.shift or not edge.binary:
        return None
    nodes = plan.program.inputs if edge.from_input else plan.program.populations
    shape, source = stage.population.shape, nodes[edge.source].shape
    synapse: Any = edge.synapse
    if synapse.layout == "matrix" and synapse.delay is None:
        return Geometry(edge, Order(source), math.prod(shape), 1, np.array([], np.int32))
    if synapse.layout == "kernel" and _is_square(synapse) and _per_channel(stage):
        kernel = np.shape(synapse.weight)[2]
        window = [*source, kernel, synapse.stride[0], synapse.padding[0]]
        positions = shape[1] * shape[2]
        return Geometry(edge, Order(source), shape[0], positions, np.array(window, np.int32))
    return None


def _is_square(synapse: Conv2d) -> bool:
    height, width = np.shape(synapse.weight)[2:]
    pairs = (synapse.stride, synapse.padding, (height, width))
    return (
        synapse.groups == 1
        and synapse.dilation == (1, 1)
        and all(first == second for first, second in pairs)
    )


def _per_channel(stage: Stage) -> bool:
    neuron, shape = stage.population.neuron, stage.population.shape
    names = ("current_decay", "voltage_decay", "threshold", "bias")
    return all(np.shape(getattr(neuron, name, 0)) in ((), (shape[0], 1, 1)) for name in names)


def available() -> bool:
    """Return whether the compiled module has the whole layer."""
    return hasattr(native_module(), "train_layer_forward")


def run(
    geometry: Geometry,
    messages: Tensor,
    packed: Bits | None,
    weights: Weights,
    neuron: Any,
    given: Named,
    bias: Tensor,
) -> Layer | None:
    """Run all steps of a layer, or return None where a sum may leave 16 bits.

    messages : 0 or 1, float32 ``(steps, batch, N)``; packed : the same as bits, or None. weights :
    as the connection has them. given : parameters ``(N,)`` of a model that `compiled.plain` takes;
    bias : ``(1, 1, N)``.
    """
    steps, batch = messages.shape[:2]
    bits = _pack(messages) if packed is None else packed
    if bits is None:
        return None
    rows, channels = _rows(geometry, weights.values), geometry.channels
    shape = (steps, batch * geometry.positions, channels)
    s, before = torch.empty(shape), torch.empty(shape)
    spikes = _bits(len(bits), geometry.positions * channels)
    decay, spiking = given["current_decay"], neuron.spikes
    threshold = given["threshold"] if spiking else torch.zeros_like(decay)
    own = (decay, given["voltage_decay"], threshold, bias.flatten())
    fits = native_module().train_layer_forward(
        bits,
        geometry.window,
        array(rows),
        *(ints(value[:channels]) for value in own),
        spiking,
        s.numpy(),
        before.numpy(),
        spikes,
        np.empty(((rows.shape[1] + 31) // 32, steps * shape[1]), np.uint32),
        torch.get_num_threads(),
    )
    if not fits:
        return None
    a = _Sums.apply(messages, weights.values, geometry)  # type: ignore[no-untyped-call]
    return Layer(a, s.view(a.shape), before.view(a.shape), spikes)


def _rows(geometry: Geometry, weight: Tensor) -> Tensor:
    """Return weights ``(channels, inputs)``, channels of the source last."""
    return weight.detach() if weight.dim() == 2 else weight.detach().permute(0, 2, 3, 1).flatten(1)


def _pack(x: Tensor) -> Bits | None:
    """Return ``(steps, batch, inputs)`` as bits ``(batch * steps, words)``; None if not binary."""
    bits = _bits(x.shape[0] * x.shape[1], x.shape[2])
    return bits if native_module().train_pack(array(x), bits, torch.get_num_threads()) else None


def _bits(rows: int, count: int) -> Bits:
    """Return rows for ``count`` bits and a spare word of zeros."""
    return np.zeros((rows, (count + 31) // 32 + 1), np.uint32)


class _Sums(torch.autograd.Function):
    """The gradient of sums that were computed elsewhere; the values are zeros that take no room."""

    @staticmethod
    def forward(ctx: Any, messages: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(messages, weight)
        ctx.geometry = geometry
        size = geometry.positions * geometry.channels
        return messages.new_zeros(()).expand(*messages.shape[:2], size)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        messages, weight = ctx.saved_tensors
        pull = _pull_dense if weight.dim() == 2 else _pull_conv
        return *pull(ctx.geometry, ctx.needs_input_grad, messages, weight, grads[0]), None


Pulled = tuple[Tensor | None, Tensor | None]


def _pull_dense(
    geometry: Geometry, needs: tuple[bool, ...], messages: Tensor, weight: Tensor, of_a: Tensor
) -> Pulled:
    of_messages = of_a @ weight if needs[0] else None
    of_weight = of_a.flatten(0, 1).t() @ messages.flatten(0, 1) if needs[1] else None
    return of_messages, of_weight


def _pull_conv(
    geometry: Geometry, needs: tuple[bool, ...], messages: Tensor, weight: Tensor, of_a: Tensor
) -> Pulled:
    synapse: Any = geometry.edge.synapse
    options = (synapse.stride, synapse.padding)
    maps = geometry.source.maps(messages.flatten(0, 1))
    target = Order(synapse.output_shape(geometry.source.shape))
    of_maps = target.maps(of_a.flatten(0, 1))
    kernel = weight.contiguous(memory_format=CHANNELS_LAST)
    of_messages = of_weight = None
    if needs[0]:
        found = functional.conv_transpose2d(of_maps, kernel, None, *options, _missing(geometry))
        of_messages = found.permute(0, 2, 3, 1).flatten(1).view(messages.shape)
    if needs[1]:
        of_weight = grad.conv2d_weight(maps, weight.shape, of_maps, *options)  # type: ignore[no-untyped-call]
    return of_messages, of_weight


def _missing(geometry: Geometry) -> list[int]:
    """Return the rows and columns of the source that no kernel reaches at the far ends."""
    synapse: Any = geometry.edge.synapse
    source = geometry.source.shape
    target = synapse.output_shape(source)
    return [
        source[axis] - ((target[axis] - 1) * stride - 2 * padding + kernel)
        for axis, stride, padding, kernel in zip(
            (1, 2), synapse.stride, synapse.padding, np.shape(synapse.weight)[2:], strict=True
        )
    ]
