"""Cores, chips and messages of a network: exact where it is placed, else for the fewest cores.

Without a placement all of it is for the fewest cores that hold the neurons, layer by layer; synapse
memory may ask for more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.counts import Counts

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

Bounds = NDArray[np.float64]
"""float64 ``(3, samples)``: rows low, mid, high."""


def neurons_per_core(profile: ChipProfile) -> int | None:
    """Return how many neurons a core takes, None where the profile does not say."""
    limits = profile.limits
    found = limits.quantity("neurons_per_core_effective_max") or limits.quantity(
        "neurons_per_core_max"
    )
    return None if found is None else int(found.bounds[1])


def cores_of(profile: ChipProfile, neurons: int) -> int:
    """Return the fewest cores that hold a layer: ``ceil(neurons / neurons per core)``, or 1."""
    most = neurons_per_core(profile)
    return 1 if most is None else -(-neurons // most)


def cores_min(profile: ChipProfile, counts: Counts) -> int:
    """Return the cores in use, or the fewest that hold all layers, no two layers on one core."""
    if counts.placed is not None:
        return counts.placed.cores
    return sum(layer.copies * cores_of(profile, layer.neurons) for layer in counts.layers)


def chips_min(profile: ChipProfile, counts: Counts) -> int:
    """Return the chips in use, or the fewest that hold the neurons; 1 where nothing says."""
    if counts.placed is not None:
        return counts.placed.chips
    cores = profile.limits.quantity("cores_per_chip")
    if cores is None:
        return 1
    reserved = profile.limits.quantity("cores_reserved")
    usable = int(cores.bounds[1]) - (0 if reserved is None else int(reserved.bounds[1]))
    return -(-cores_min(profile, counts) // max(usable, 1))


def tiles_min(profile: ChipProfile, counts: Counts) -> int:
    """Return the tiles in use, or the fewest."""
    if counts.placed is not None:
        return counts.placed.tiles
    per_tile = profile.limits.quantity("cores_per_tile")
    cores = cores_min(profile, counts)
    return cores if per_tile is None else -(-cores // int(per_tile.bounds[1]))


def messages(profile: ChipProfile, counts: Counts) -> Bounds:
    """Return messages between cores per inference, ``(3, samples)``.

    low  = spikes of the neurons that send at all        one core holds all targets
    mid  = high = spikes * sum over targets of min(cores of the target, synapses of a source)
    """
    low = np.zeros(counts.samples)
    high = np.zeros(counts.samples)
    for layer in counts.layers:
        reached = sum(min(cores_of(profile, size), most) for size, most in layer.targets)
        low = low + layer.spikes * min(reached, 1)
        high = high + layer.spikes * reached
    return np.stack([low, high, high])


def hops_per_message(
    profile: ChipProfile, counts: Counts
) -> tuple[NDArray[np.float64], ...] | None:
    """Return links per message, horizontal and vertical, ``(3, 1)`` each; None without a mesh.

    low 0 (source and target on one tile); mid the mean distance of two tiles of the most compact
    block that holds the network, ``(n^2 - 1) / (3 n)`` along a side of n tiles; high from one edge
    of the chip to the other.
    """
    width = profile.noc.quantity("width_tiles")
    height = profile.noc.quantity("height_tiles")
    if width is None or height is None or profile.noc.topology != "mesh":
        return None
    columns, rows = int(width.bounds[1]), int(height.bounds[1])
    tiles = min(tiles_min(profile, counts), columns * rows)
    side = min(columns, max(math.ceil(math.sqrt(tiles)), -(-tiles // rows)))
    block = (side, -(-tiles // side))
    return tuple(
        np.array([[0.0], [(n * n - 1) / (3 * n)], [most - 1.0]])
        for n, most in zip(block, (columns, rows), strict=True)
    )
