"""Rules of chips whose cores are convolutions: one layer to a core, kernels and maps of limited
size.

A dense layer is a convolution there: over a map its kernel is as large as the map, over a flat
source it has one cell and a channel for each value. A sum pool that was folded into a kernel is
taken out again, where the metadata keep its window (``pooled_from``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.registry import ByType
from neurodeploy.rules.limits import LimitRule, Use, counted, limit, stated
from neurodeploy.sim.fanout import pool_window
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A layer as a convolution. channels : read, written. kernel, stride, pool : (height, width).

    weights : that are kept.
    """

    channels: tuple[int, int]
    kernel: Pair
    stride: Pair
    pool: Pair
    weights: int


def _dense(synapse: Dense, source: Shape, pool: Pair) -> Window:
    out = len(synapse.weight)
    if len(source) == 1:
        return Window((source[0], out), (1, 1), (1, 1), (1, 1), int(synapse.weight.size))
    kernel = (max(source[1] // pool[0], 1), max(source[2] // pool[1], 1))
    kept = out * source[0] * kernel[0] * kernel[1]
    return Window((source[0], out), kernel, (1, 1), pool, kept)


def _conv(synapse: Conv2d, source: Shape, pool: Pair) -> Window:
    out, per_group, *size = synapse.weight.shape
    kernel = (max(size[0] // pool[0], 1), max(size[1] // pool[1], 1))
    stride = (max(synapse.stride[0] // pool[0], 1), max(synapse.stride[1] // pool[1], 1))
    kept = out * per_group * kernel[0] * kernel[1]
    return Window((source[0], out), kernel, stride, pool, kept)


def _direct(_: Direct, source: Shape, pool: Pair) -> Window | None:
    return None


WINDOWS: ByType[Callable[[Any, Shape, Pair], Window | None]] = ByType(
    "window", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)
"""A synapse over a source, behind a sum pool, as a convolution; None without weights."""


def windows(program: Program) -> Iterator[tuple[str, Window]]:
    """Yield (connection in words, window) of every connection with weights."""
    for connection, name in zip(program.connections, program.connection_names, strict=True):
        pool = pool_window(program, name, connection.target) or (1, 1)
        shape = program.node(connection.source).shape
        found = WINDOWS.of(connection.synapse)(connection.synapse, shape, pool)
        if found is not None:
            yield f"connection {name}", found


@limit("limits.kernel_size_max")
def kernel_size(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A kernel has at most kernel_size_max cells a side."""
    allowed = stated(profile.limits.kernel_size_max)
    for where, window in windows(program) if allowed is not None else ():
        height, width = window.kernel
        text = f"kernel is {height} x {width}, {profile.name} takes {allowed} a side"
        yield counted(where, "limits.kernel_size_max", max(height, width), allowed or 0, text)


@limit("limits.features_max")
def features(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A layer reads and writes at most features_max channels."""
    allowed = stated(profile.limits.features_max)
    for where, window in windows(program) if allowed is not None else ():
        read, written = window.channels
        text = f"reads {read} and writes {written} channels, {profile.name} takes {allowed}"
        yield counted(where, "limits.features_max", max(read, written), allowed or 0, text)


@limit("limits.strides_allowed", "limits.pools_allowed")
def steps_of_maps(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Strides and pools are of the sizes that the chip has."""
    limits = profile.limits
    for where, window in windows(program):
        for key, name, pair in (
            ("strides_allowed", "stride", window.stride),
            ("pools_allowed", "pool", window.pool),
        ):
            known = limits.listing(key)
            if known is None:
                continue
            listed = ", ".join(f"{value:g}" for value in known)
            value = next((size for size in pair if size not in known), pair[0])
            text = f"{name} is {value}, {profile.name} has {listed}"
            yield Use(where, f"limits.{key}", value, listed, value not in known, text)


@limit("limits.kernel_memory_weights_per_core", "limits.neuron_memory_states_per_core")
def layer_memory(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Each layer has a core of its own, with room for its weights and its states.

    A layer must fit the largest core, and all layers together must find cores, each another one.
    Addresses that a chip rounds up are not counted, so that what fits here may still not fit there.
    """
    limits = profile.limits
    kernels = limits.listing("kernel_memory_weights_per_core")
    states = limits.listing("neuron_memory_states_per_core")
    layers = _layers(program)
    wrong = False
    for key, sizes, column, what in (
        ("kernel_memory_weights_per_core", kernels, 0, "weights"),
        ("neuron_memory_states_per_core", states, 1, "neurons"),
    ):
        for name, sums in layers.items() if sizes is not None else ():
            allowed = int(max(sizes or ()))
            text = (
                f"has {sums[column]:,} {what}, the largest core of {profile.name} holds {allowed:,}"
            )
            use = counted(f"population {name}", f"limits.{key}", sums[column], allowed, text)
            wrong |= use.exceeds
            yield use
    if kernels is not None and states is not None and not wrong:
        yield _matched(layers, np.array([kernels, states]), profile)


def _layers(program: Program) -> dict[str, tuple[int, int]]:
    """Return (weights, neurons) of every population."""
    found = {population.name: [0, population.size] for population in program.populations}
    for connection, (_, window) in zip(
        (c for c in program.connections if c.synapse.has_weight), windows(program), strict=True
    ):
        found[connection.target][0] += window.weights
    return {name: (sums[0], sums[1]) for name, sums in found.items()}


def _matched(layers: Mapping[str, tuple[int, int]], cores: Any, profile: ChipProfile) -> Use:
    """Return how many layers find a core, each another one: the most that any choice allows."""
    fits = np.all(np.array(list(layers.values()))[:, :, None] <= cores[None], axis=1)
    rows, columns = linear_sum_assignment(fits, maximize=True)
    placed = int(fits[rows, columns].sum())
    left = len(layers) - placed
    text = (
        f"{left} of {len(layers)} layers find no core of {profile.name} that is large enough and "
        "free"
    )
    key = "limits.kernel_memory_weights_per_core"
    return Use("program", key, len(layers), placed, left > 0, text)


@limit("limits.fan_out_layers_max")
def fan_out_layers(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A layer sends to at most fan_out_layers_max others."""
    allowed = stated(profile.limits.fan_out_layers_max)
    for population in program.populations if allowed is not None else ():
        used = len({c.target for c in program.connections if c.source == population.name})
        text = f"sends to {used} layers, {profile.name} takes {allowed}"
        where = f"population {population.name}"
        yield counted(where, "limits.fan_out_layers_max", used, allowed or 0, text)


@limit("limits.depth_layers_max")
def depth(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The longest chain of layers has at most depth_layers_max."""
    allowed = stated(profile.limits.depth_layers_max)
    if allowed is None:
        return
    length: dict[str, int] = {node.name: 0 for node in program.inputs}
    for population in program.populations:
        before = [
            length[c.source]
            for c in program.connections
            if c.target == population.name and not c.feedback
        ]
        length[population.name] = 1 + max(before, default=0)
    used = max(length.values())
    text = f"{used} layers are in a chain, {profile.name} takes {allowed}"
    yield counted("program", "limits.depth_layers_max", used, allowed, text)


MAP_RULES: Mapping[str, LimitRule] = {
    rule.name: rule
    for rule in (kernel_size, features, steps_of_maps, layer_memory, fan_out_layers, depth)
}
