"""Fewest cores that any placement within the limits could take.

No core holds more than ``n_l`` neurons of layer l, the largest box that fits; so a chip that keeps
layers apart takes at least ``sum of ceil(N_l / n_l)``, or what its rule of cutting gives exactly.

Where layers share cores there are at least, for any weights ``y_r >= 0`` of the resources with sum
1,

    sum over layers of N_l * min over boxes b that fit of
        (sum over r of y_r need_r(b) / limit_r) / (neurons of b)

cores, since what one core holds adds up to at most 1. The weights are raised step by step where the
resources are short, and the best sum is taken. Layers of which no two neurons fit one core
together have cores of their own; a source that several layers listen to is counted for one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.placement.cut import fewest, room
from neurodeploy.placement.fabric import Fabric
from neurodeploy.placement.layer import Layer
from neurodeploy.program import Program

ROUNDS = 8
"""Bounds of targets raise those of sources; every round is a bound."""
STEPS = 60
RATE = 2.0
"""Trials of weights, and how fast they are raised at first."""


@dataclass(frozen=True)
class Bounds:
    """Fewest cores. alone : of every population on its own, total : of all together. fans : output
    axons that a neuron of each takes at least."""

    alone: Mapping[str, int]
    total: int
    fans: Mapping[str, int]


def one_core_each(layers: Mapping[str, Layer]) -> Bounds:
    """Return the bounds where every population has one core."""
    return Bounds(dict.fromkeys(layers, 1), len(layers), dict.fromkeys(layers, 0))


def bounds(program: Program, layers: Mapping[str, Layer], fabric: Fabric) -> Bounds:
    """Return the fewest cores of every population on its own, and of all."""
    alone = _each(program, layers, fabric)
    fans = _fan_outs(program, layers, fabric, alone)
    return Bounds(alone, _together(layers, fabric, fans, alone), fans)


def _each(program: Program, layers: Mapping[str, Layer], fabric: Fabric) -> dict[str, int]:
    found = dict.fromkeys(layers, 1)
    for _ in range(ROUNDS):
        fans = _fan_outs(program, layers, fabric, found)
        raised = {name: _alone(layer, fabric, fans[name]) for name, layer in layers.items()}
        if raised == found:
            break
        found = raised
    return found


def _fan_outs(
    program: Program, layers: Mapping[str, Layer], fabric: Fabric, cores: Mapping[str, int]
) -> dict[str, int]:
    """Return the output axons that a neuron of each population takes at least.

    A neuron that reaches everything reaches all cores of its target, another at least one.
    """
    everywhere = {
        name: arrival.everywhere for layer in layers.values() for name, arrival in layer.arrivals
    }
    reached: dict[str, list[int]] = {name: [] for name in layers}
    for name, connection in zip(program.connection_names, program.connections, strict=True):
        if connection.source in reached and connection.synapse.layout is not None:
            most = cores[connection.target] if everywhere[name] else 1
            reached[connection.source].append(most)
    # Targets that share cores may all be reached there.
    joined = sum if fabric.alone else max
    fans = {name: joined(entries or [0]) for name, entries in reached.items()}
    return {name: min(fan, 1) for name, fan in fans.items()} if fabric.multicast else fans


def _alone(layer: Layer, fabric: Fabric, fan_out: float) -> int:
    if fabric.strips and len(layer.shape) == 3:
        return len(fewest(layer, fabric, fan_out))
    return -(-layer.size // room(layer, fabric, fan_out).most)


def _together(
    layers: Mapping[str, Layer], fabric: Fabric, fans: Mapping[str, int], alone: Mapping[str, int]
) -> int:
    """Return the fewest cores of all populations."""
    if fabric.alone:
        return sum(alone.values())
    smallest = {name: _one(layer, fabric, fans[name]) for name, layer in layers.items()}
    rest = list(layers)
    total = 0
    while lonely := next(
        (a for a in rest if all(_apart(a, b, layers, smallest) for b in rest if b != a)), None
    ):
        total += alone[lonely]
        rest.remove(lonely)
        if not rest:
            return total
    shared = _priced(_once(layers, rest), fabric, fans)
    apart = _clique(rest, layers, smallest, alone)
    return total + max(shared, apart)


def _one(layer: Layer, fabric: Fabric, fan_out: float) -> dict[str, float]:
    """Return the share of every limit that a single neuron takes."""
    one = np.ones((1, 1, 1), np.int64)
    needs = layer.needs(fabric, one, one, one, fan_out)
    return {name: float(np.max(need)) / fabric.limits[name] for name, need in needs.items()}


def _apart(
    a: str, b: str, layers: Mapping[str, Layer], smallest: Mapping[str, Mapping[str, float]]
) -> bool:
    """Whether no neuron of a fits a core beside one of b."""
    shares_source = bool({*layers[a].sources} & {*layers[b].sources})
    return any(
        need + smallest[b][name] > 1.0
        for name, need in smallest[a].items()
        if not (name == "in_axons" and shares_source)
    )


def _clique(
    rest: list[str],
    layers: Mapping[str, Layer],
    smallest: Mapping[str, Mapping[str, float]],
    alone: Mapping[str, int],
) -> int:
    """Return the cores of layers no two of which share one, the largest first."""
    chosen: list[str] = []
    for name in sorted(rest, key=lambda name: -alone[name]):
        if all(_apart(name, other, layers, smallest) for other in chosen):
            chosen.append(name)
    return sum(alone[name] for name in chosen)


def _once(layers: Mapping[str, Layer], rest: list[str]) -> list[Layer]:
    """Return the layers with every source counted for the first that listens to it."""
    seen: set[str] = set()
    result = []
    for name in rest:
        layer = layers[name]
        result.append(replace(layer, uncounted=frozenset(seen & {*layer.sources})))
        seen.update(layer.sources)
    return result


def _priced(layers: list[Layer], fabric: Fabric, fans: Mapping[str, int]) -> int:
    """Return the best of the sums over weights of the resources."""
    names = list(fabric.limits)
    shares = [_shares(layer, fabric, fans[layer.name]) for layer in layers]
    sizes = [layer.size for layer in layers]
    raised = np.zeros(len(names))
    best = 0.0
    trials = [*np.eye(len(names)), np.full(len(names), 1 / len(names))]
    for step in range(STEPS):
        weights = trials[step] if step < len(trials) else np.exp(raised - raised.max())
        weights = weights / weights.sum()
        taken = np.zeros(len(names))
        for share, size in zip(shares, sizes, strict=True):
            taken += size * share[int(np.argmin(share @ weights))]
        best = max(best, float(taken @ weights))
        raised += RATE / math.sqrt(step + 1.0) * taken / max(float(taken.max()), 1e-300)
    return math.ceil(best - 1e-6)


def _shares(layer: Layer, fabric: Fabric, fan_out: float) -> NDArray[np.float64]:
    """Return the share of every limit per neuron, ``(boxes that fit, resources)``."""
    ends = [min(size, fabric.limits["neurons"]) for size in layer.maps]
    c, h, w = np.ix_(*(np.arange(1, end + 1) for end in ends))
    needs = layer.needs(fabric, c, h, w, fan_out)
    neurons = c * h * w
    fits = np.ones(neurons.shape, bool)
    for name, need in needs.items():
        fits &= need <= fabric.limits[name]
    columns = [
        np.broadcast_to(need, fits.shape)[fits] / (neurons[fits] * fabric.limits[name])
        for name, need in needs.items()
    ]
    found = np.stack(columns, axis=1)
    keep = np.lexsort(found.T[::-1])  # boxes of equal shares once
    found = found[keep]
    distinct = np.r_[True, np.any(found[1:] != found[:-1], axis=1)]
    return np.asarray(found[distinct], np.float64)
