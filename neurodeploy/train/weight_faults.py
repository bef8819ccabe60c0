"""Perturbed passes of training over weights whose stored bits have flipped.

A weight is the word of `neurodeploy.sim.faults.words.loihi`: two's complement of halves, just as
wide as the largest weight of the layer needs. The pass computes with what the words read; gradients
pass to the weights as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurodeploy.draws import integers

if TYPE_CHECKING:
    from neurodeploy.train.layer_records import Quantised
    from neurodeploy.train.layers import SpikingLayer
    from neurodeploy.train.perturbations import Scene

FAULT_STREAM = 2**30
"""Added to the streams of flips, which are below."""

Flips = Mapping[str, tuple[Tensor, Tensor]]
"""Per layer the numbers of weights, and the bit of each that flips; both int64 ``(flips,)``."""


def word_bits(weight: Tensor) -> int:
    """Return the width of the words of even weights: what the largest of them needs."""
    low, high = (int(end) for end in torch.aminmax(weight.detach() / 2))
    return 1 + max(max(high, 0).bit_length(), max(-low - 1, 0).bit_length())


def flipped(weight: Tensor, index: Tensor, bit: Tensor) -> Tensor:
    """Return even weights with bits of their words inverted; the gradient passes unchanged."""
    bits = word_bits(weight)
    masks = torch.zeros(weight.numel(), dtype=torch.int64, device=weight.device)
    for number in range(bits):
        one = torch.zeros_like(masks)
        one.index_add_(0, index[bit == number], torch.ones_like(index[bit == number]))
        masks |= (one % 2) << number
    word = (weight.detach().reshape(-1) / 2).long() & (2**bits - 1)
    read = word ^ masks
    read = torch.where(read >= 2 ** (bits - 1), read - 2**bits, read)
    other = (2 * read).to(weight.dtype).reshape(weight.shape)
    return weight + (other - weight.detach())


def random_flips(scene: Scene) -> Flips:
    """Choose ``round(strength * rate * bits)`` of all bits of each layer, with repetition.

    They are `neurodeploy.draws.integers` of the seed, in a stream of the epoch, the numbers of the
    samples of the batch and the layer.
    """
    found = {}
    batch = zlib.crc32(scene.split.index.tobytes() + scene.epoch.to_bytes(8, "little"))
    for number, layer in enumerate(scene.network.spiking_layers):
        weight = layer.quantised().weight
        bits = word_bits(weight)
        places = weight.numel() * bits
        count = round(scene.strength * scene.spec.rate * places)
        stream = (batch + number) % FAULT_STREAM + FAULT_STREAM
        drawn = torch.from_numpy(integers(scene.feed.seed, count, places, stream))
        drawn = drawn.to(weight.device)
        found[layer.name] = drawn // bits, drawn % bits
    return found


def worst_flips(scene: Scene) -> Flips:
    """Choose the ``flips`` single bits whose change raises the loss most, to first order.

    gradient * (what the weight reads - the weight), for every bit of every weight; the gradient is
    that of the cross-entropy of the batch, in eval mode.
    """
    network, split = scene.network, scene.split
    x = scene.feed.batch(split, draw=scene.epoch).to(network.device)
    y = torch.from_numpy(split.y.astype("int64")).to(network.device)
    layers = list(network.spiking_layers)
    mode = network.training
    network.eval()
    try:
        grids = [layer.quantised() for layer in layers]
        weights = [grid.weight.detach().requires_grad_() for grid in grids]
        with _held(layers, [replace(g, weight=w) for g, w in zip(grids, weights, strict=True)]):
            logits = network(x, scene.feed.steps).logits
        loss = torch.nn.functional.cross_entropy(logits, y)
        slopes = torch.autograd.grad(loss, weights)
    finally:
        network.train(mode)
    gains = torch.cat([_gains(w.detach(), g) for w, g in zip(weights, slopes, strict=True)])
    best = torch.topk(gains, min(scene.spec.flips, len(gains))).indices
    found, start = {}, 0
    for layer, weight in zip(layers, weights, strict=True):
        bits = word_bits(weight)
        own = best[(best >= start) & (best < start + bits * weight.numel())] - start
        found[layer.name] = own % weight.numel(), own // weight.numel()
        start += bits * weight.numel()
    return found


def _gains(weight: Tensor, slope: Tensor) -> Tensor:
    """Return what flips of each bit gain to first order, ``(bits * weights,)``."""
    bits = word_bits(weight)
    word = (weight.reshape(-1) / 2).long() & (2**bits - 1)
    values = 2.0 ** torch.arange(1, bits + 1, device=weight.device)
    values[-1] = -values[-1]
    moves = [
        torch.where((word >> number) & 1 == 1, -values[number], values[number])
        for number in range(bits)
    ]
    return torch.cat([slope.reshape(-1) * move for move in moves])


@contextmanager
def faulty(scene: Scene, flips: Flips) -> Iterator[None]:
    """Run the passes within with ``flips``, gradients passing to all parameters."""
    layers = list(scene.network.spiking_layers)
    grids = []
    for layer in layers:
        grid = layer.quantised()
        index, bit = flips[layer.name]
        grids.append(replace(grid, weight=flipped(grid.weight, index, bit)))
    with _held(layers, grids):
        yield


@contextmanager
def _held(layers: list[SpikingLayer], grids: list[Quantised]) -> Iterator[None]:
    try:
        for layer, grid in zip(layers, grids, strict=True):
            layer.held = grid
        yield
    finally:
        for layer in layers:
            layer.held = None
