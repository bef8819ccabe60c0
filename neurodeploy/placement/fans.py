"""How many synapses each source value reaches within one box of targets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.placement.box import Box, as_maps
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse

Kept = NDArray[np.bool_] | None
"""Which weights count, in the shape of the weights; None for all of them."""
Fans = NDArray[np.int64]
"""int64 ``(source size,)``."""


def _rows(synapse: Dense, shapes: tuple[Shape, Shape], box: Box, kept: Kept) -> Fans:
    source, target = shapes
    if kept is None:
        return np.full(math.prod(source), box.size, np.int64)
    numbers = np.arange(math.prod(target)).reshape(as_maps(target))[box.slices].reshape(-1)
    found: Fans = np.count_nonzero(kept[numbers], axis=0).astype(np.int64)
    return found


def _taps(synapse: Conv2d, shapes: tuple[Shape, Shape], box: Box, kept: Kept) -> Fans:
    source, _ = shapes
    out, inner, rows, columns = synapse.weight.shape
    each = out // synapse.groups
    result = np.zeros(source, np.int64)
    counts = np.zeros((source[0], rows, columns), np.int64)
    for group in range(synapse.groups):
        first, last = max(box.start[0], group * each), min(box.stop[0], (group + 1) * each)
        if first < last:
            place = slice(group * inner, (group + 1) * inner)
            some = last - first if kept is None else np.count_nonzero(kept[first:last], axis=0)
            counts[place] = some
    channels = np.flatnonzero(counts.any(axis=(1, 2)))
    for row in range(rows):
        ys = _read(synapse, source, box, 0, row)
        for column in range(columns):
            xs = _read(synapse, source, box, 1, column)
            cells = np.ix_(channels, ys, xs)
            result[cells] += counts[channels, row, column][:, None, None]
    return result.reshape(-1)


def _read(synapse: Conv2d, source: Shape, box: Box, axis: int, tap: int) -> NDArray[np.int64]:
    """Return the source cells that one tap of the box's targets reads, border excluded."""
    outputs = np.arange(box.start[1 + axis], box.stop[1 + axis])
    read = outputs * synapse.stride[axis] - synapse.padding[axis] + tap * synapse.dilation[axis]
    inside: NDArray[np.int64] = read[(read >= 0) & (read < source[1 + axis])]
    return inside


def _nothing(synapse: Direct, shapes: tuple[Shape, Shape], box: Box, kept: Kept) -> Fans:
    return np.zeros(math.prod(shapes[0]), np.int64)


FANS: ByType[Callable[[Any, tuple[Shape, Shape], Box, Kept], Fans]] = ByType(
    "fan-out into a slice",
    Synapse,
    {Dense: _rows, Conv2d: _taps, Direct: _nothing},
    "a {name} synapse cannot be placed on cores",
)
"""From the synapse, the shapes of source and target, the box and which weights count."""
