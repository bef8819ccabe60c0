"""How many synapses each source value reaches: the basis of synaptic-operation counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import located
from neurodeploy.program import Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse


@dataclass(frozen=True)
class FanOut:
    """Synapses per source value of one connection, int64 ``(source size,)``.

    taps : every matrix entry or kernel tap inside the border. nonzero : weights other than 0 only.
    """

    taps: NDArray[np.int64]
    nonzero: NDArray[np.int64]


def fan_out(program: Program, index: int) -> FanOut:
    """Return the `FanOut` of connection ``index``; ModelError for an unknown synapse."""
    connection = program.connections[index]
    source = program.node(connection.source)
    with located(f"connection {program.connection_names[index]}"):
        count = FAN_OUTS.of(connection.synapse)
    return count(connection.synapse, source.shape)


def _dense(synapse: Dense, source: Shape) -> FanOut:
    taps = np.full(math.prod(source), synapse.weight.shape[0], dtype=np.int64)
    return FanOut(taps, np.count_nonzero(synapse.weight, axis=0).astype(np.int64))


def _direct(_: Direct, source: Shape) -> FanOut:
    """No synapse, no operation."""
    zero = np.zeros(math.prod(source), dtype=np.int64)
    return FanOut(zero, zero)


def _conv(synapse: Conv2d, source: Shape) -> FanOut:
    _, height, width = synapse.output_shape(source)
    out, per_group, rows, cols = synapse.weight.shape
    grouped = synapse.weight.reshape(synapse.groups, out // synapse.groups, per_group, rows, cols)
    nonzero = np.count_nonzero(grouped, axis=1).reshape(source[0], rows, cols)
    result = FanOut(np.zeros(source, np.int64), np.zeros(source, np.int64))
    for row in range(rows):
        ys = _inside(np.arange(height), row, synapse, 0, source[1])
        for col in range(cols):
            xs = _inside(np.arange(width), col, synapse, 1, source[2])
            cells = np.ix_(np.arange(source[0]), ys, xs)
            result.taps[cells] += out // synapse.groups
            result.nonzero[cells] += nonzero[:, row, col][:, None, None]
    return FanOut(result.taps.reshape(-1), result.nonzero.reshape(-1))


def _inside(
    outputs: NDArray[np.int64], tap: int, synapse: Conv2d, axis: int, size: int
) -> NDArray[np.int64]:
    """Return the source coordinates that ``tap`` reads, border excluded (all distinct)."""
    read = outputs * synapse.stride[axis] - synapse.padding[axis] + tap * synapse.dilation[axis]
    inside: NDArray[np.int64] = read[(read >= 0) & (read < size)]
    return inside


FAN_OUTS: ByType[Callable[[Any, Shape], FanOut]] = ByType(
    "fan-out", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)
"""Synapses per source value, from the synapse and the shape of its source."""
