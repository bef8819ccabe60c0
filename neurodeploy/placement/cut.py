"""Cutting one population into boxes that fit cores, in as few as possible.

Let ``cap(h, w)`` be the most channels of a box of h rows and w columns that fits. The map is cut
into strips along its width, each strip into blocks along its height, each block evenly along its
channels:

    blocks(h, w) = min over a <= h of ceil(C / cap(a, w)) + blocks(h - a, w)
    strips(w)    = min over b <= w of blocks(H, b) + strips(w - b)

Among cuts of as many boxes the one with the least sum of squares of their neurons is taken, so that
the load is even. A chip whose compiler cuts maps along their width alone, in strips of 2^k columns,
is given exactly that: the widest strip that fits, counted in full.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import PlacementError
from neurodeploy.placement.box import Box, even
from neurodeploy.placement.fabric import RESOURCES, Fabric
from neurodeploy.placement.layer import Layer

Grid = NDArray[np.int64]
Cut = Callable[[Layer, Fabric, float], list[Box]]
"""Cuts a layer, given the output axons that one of its neurons takes."""


@dataclass(frozen=True)
class Room:
    """How much of a layer fits one core.

    channels : int64 ``(rows, columns)``, most channels of a box of so many rows and columns, 0
    where none fits. most : neurons of the largest box.
    """

    channels: Grid
    most: int


def room(layer: Layer, fabric: Fabric, fan_out: float) -> Room:
    """Return what fits a core; PlacementError where not even one neuron does."""
    ends = [min(size, fabric.limits["neurons"]) for size in layer.maps]
    c, h, w = np.ix_(*(np.arange(1, end + 1) for end in ends))
    fits = np.ones((len(c), h.size, w.size), bool)
    for name, need in layer.needs(fabric, c, h, w, fan_out).items():
        fits &= need <= fabric.limits[name]
    if not fits[0, 0, 0]:
        raise PlacementError(_nowhere(layer, fabric, fan_out))
    channels = fits.sum(axis=0)
    most = int((channels * h[0] * w[0]).max())
    return Room(channels, most)


def _nowhere(layer: Layer, fabric: Fabric, fan_out: float) -> str:
    """Return why one neuron alone fits no core."""
    one = np.ones((1, 1, 1), np.int64)
    needs = layer.needs(fabric, one, one, one, fan_out)
    over = {name: int(np.max(need)) for name, need in needs.items()}
    named = [
        f"{over[name]:,} {RESOURCES[name]}, a core of {fabric.name} holds {limit:,}"
        for name, limit in fabric.limits.items()
        if over[name] > limit
    ]
    return (
        f"population {layer.name}: one neuron takes {'; and '.join(named)}: more cores do not "
        "help; give it fewer sources, or split it into neurons that are summed"
    )


def binding(layer: Layer, fabric: Fabric, fan_out: float) -> str:
    """Return the resource that keeps boxes smallest, "" where one core holds the layer."""
    ends = [min(size, fabric.limits["neurons"]) for size in layer.maps]
    c, h, w = np.ix_(*(np.arange(1, end + 1) for end in ends))
    needs = layer.needs(fabric, c, h, w, fan_out)
    most = {
        name: int(np.where(need <= fabric.limits[name], c * h * w, 0).max())
        for name, need in needs.items()
    }
    smallest = min(most, key=lambda name: most[name])
    return smallest if most[smallest] < layer.size else ""


def fewest(layer: Layer, fabric: Fabric, fan_out: float) -> list[Box]:
    """Return the cut into fewest boxes, in the order of columns, rows and channels."""
    fitting = room(layer, fabric, fan_out)
    if fabric.strips and len(layer.shape) == 3:
        width = strip(layer, fabric, fitting)
        if width:
            return _strips(layer, fabric, width)
    return _boxes(layer, fitting)


def part_of(share: float, cut: Cut) -> Cut:
    """Return ``cut`` into boxes of at most that share of the largest one."""

    def smaller(layer: Layer, fabric: Fabric, fan_out: float) -> list[Box]:
        most = min(room(layer, fabric, fan_out).most, layer.size)
        limits = {**fabric.limits, "neurons": max(int(most * share), fabric.group)}
        return cut(layer, replace(fabric, limits=limits), fan_out)

    return smaller


def full(layer: Layer, fabric: Fabric, fan_out: float) -> list[Box]:
    """Return a flat layer as full boxes and a rest, which shares a core more easily.

    Maps are cut as by `fewest`.
    """
    if len(layer.shape) == 3:
        return fewest(layer, fabric, fan_out)
    return _steps((room(layer, fabric, fan_out).most, 1, 1), layer)


def strip(layer: Layer, fabric: Fabric, fitting: Room) -> int:
    """Return the columns of the widest strip of whole columns, 0 where none fits.

    A strip of 2^k columns is counted in full, also where the map is narrower.
    """
    channels, rows, columns = layer.maps
    if fitting.channels.shape[0] < rows:
        return 0
    whole = np.flatnonzero(fitting.channels[rows - 1] == channels) + 1
    widest = int(whole.max(initial=0))
    if not fabric.columns_of_two or not widest:
        return widest
    widest = 1 << (widest.bit_length() - 1)
    beyond = fabric.limits["neurons"] // (channels * rows)
    return widest * 2 if widest * 2 <= beyond and widest < columns <= widest * 2 else widest


def _strips(layer: Layer, fabric: Fabric, width: int) -> list[Box]:
    """Cut into strips: of ``width`` columns and a rest, or where any width is allowed evenly."""
    channels, rows, columns = layer.maps
    parts = -(-columns // width)
    ends = (
        [(start, min(start + width, columns)) for start in range(0, columns, width)]
        if fabric.columns_of_two
        else even(columns, parts)
    )
    return [Box((0, 0, start), (channels, rows, stop)) for start, stop in ends]


def _boxes(layer: Layer, fitting: Room) -> list[Box]:
    """Return the cut by both recursions above."""
    channels, rows, columns = layer.maps
    cap = fitting.channels
    parts = -(-channels // np.maximum(cap, 1))
    area = np.arange(1, cap.shape[0] + 1)[:, None] * np.arange(1, cap.shape[1] + 1)
    weight = float(fitting.most) * layer.size + 1.0
    cost = np.where(cap > 0, parts + (area * channels) ** 2 / parts / weight, np.inf)
    block_cost, heights = _partition(rows, cost)
    _, widths = _partition(columns, block_cost[rows][:, None])
    boxes = []
    for left, right in _ranges(columns, widths[:, 0]):
        for top, bottom in _ranges(rows, heights[:, right - left - 1]):
            count = int(parts[bottom - top - 1, right - left - 1])
            for first, last in even(channels, count):
                boxes.append(Box((first, top, left), (last, bottom, right)))
    return boxes


def _partition(length: int, cost: NDArray[np.float64]) -> tuple[NDArray[np.float64], Grid]:
    """Return the least cost of pieces that add up to 0..length, and the first piece of each.

    cost : ``(longest piece, columns)``, of one piece; every column is a problem of its own.
    """
    longest, columns = cost.shape
    best = np.full((length + 1, columns), np.inf)
    best[0] = 0.0
    first = np.zeros((length + 1, columns), np.int64)
    for whole in range(1, length + 1):
        pieces = min(whole, longest)
        total = cost[:pieces] + best[whole - pieces : whole][::-1]
        # The shortest piece among equals; costs are sums in another order, so nearly equal.
        first[whole] = np.argmin(np.round(total, 9), axis=0) + 1
        best[whole] = np.take_along_axis(total, first[None, whole] - 1, axis=0)[0]
    return best, first


def _ranges(length: int, first: Grid) -> list[tuple[int, int]]:
    """Return the pieces of a partition, one after another."""
    ranges = []
    start = 0
    while start < length:
        stop = start + int(first[length - start])
        ranges.append((start, stop))
        start = stop
    return ranges


def first_fit(layer: Layer, fabric: Fabric, fan_out: float) -> list[Box]:
    """Return the naive cut: as a first program would make it.

    Maps: whole columns, as many as fit; where none fits, whole rows of one column; else channels.
    Flat layers: as many parts as the resource that is furthest over asks for, doubled until each
    fits.
    """
    fitting = room(layer, fabric, fan_out)
    channels, rows, _ = layer.maps
    if len(layer.shape) == 3:
        width = strip(layer, fabric, fitting)
        if width:
            return (
                _strips(layer, fabric, width)
                if fabric.columns_of_two
                else _steps((channels, rows, width), layer)
            )
        height = int((np.flatnonzero(fitting.channels[:, 0] == channels) + 1).max(initial=0))
        if height:
            return _steps((channels, height, 1), layer)
        return _steps((int(fitting.channels[0, 0]), 1, 1), layer)
    parts = _asked(layer, fabric, fan_out)
    while -(-channels // parts) > fitting.channels[0, 0]:
        parts = min(parts * 2, channels)
    return [Box((a, 0, 0), (b, 1, 1)) for a, b in even(channels, parts)]


def _asked(layer: Layer, fabric: Fabric, fan_out: float) -> int:
    """Return the largest ratio of what the whole layer takes to what a core holds, rounded up.

    Input axons, formats and parameters do not grow fewer with more parts, and are not asked.
    """
    size = np.full((1, 1, 1), layer.size, np.int64)
    one = np.ones((1, 1, 1), np.int64)
    needs = layer.needs(fabric, size, one, one, fan_out)
    grown = [name for name in ("neurons", "words", "out_axons") if name in needs]
    return max(-(-int(np.max(needs[name])) // fabric.limits[name]) for name in grown)


def _steps(size: tuple[int, int, int], layer: Layer) -> list[Box]:
    """Cut into boxes of one size and what is left of it at the ends."""
    ranges = [
        [(start, min(start + step, whole)) for start in range(0, whole, step)]
        for step, whole in zip(size, layer.maps, strict=True)
    ]
    return [
        Box((c, h, w), (c_end, h_end, w_end))
        for w, w_end in ranges[2]
        for h, h_end in ranges[1]
        for c, c_end in ranges[0]
    ]
