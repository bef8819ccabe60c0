"""How many synapses each source value reaches: the basis of synaptic-operation counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
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


def fan_out(program: Program, index: int, weight: NDArray[Any] | None = None) -> FanOut:
    """Return the `FanOut` of connection ``index``; ModelError for an unknown synapse.

    weight : what stands in the place of the synapse's weights in the run, such as conditioned
    ones; the non-zero ones among them are counted.

    Zeros that folding a sum pool left in the weights are no taps: the cells that no window covers,
    and the gaps that a dilated kernel has over the map itself. They are known by the window that
    the metadata keep (``pooled_from``).
    """
    connection = program.connections[index]
    source = program.node(connection.source)
    name = program.connection_names[index]
    synapse = connection.synapse
    with located(f"connection {name}"):
        count = FAN_OUTS.of(synapse)
    found = count(synapse, source.shape)
    if weight is not None and synapse.layout is not None:
        found = FanOut(found.taps, count(_of(synapse, weight != 0), source.shape).nonzero)
    kept = taps(program, index)
    if kept is None:
        return found
    return FanOut(count(_of(synapse, kept), source.shape).nonzero, found.nonzero)


def counts_by_weight(program: Program, index: int) -> bool:
    """Whether the taps of connection ``index`` are told by its weights, as `fan_out` says."""
    layout = program.connections[index].synapse.layout
    return layout == "kernel" and taps(program, index) is not None


def taps(program: Program, index: int) -> NDArray[Any] | None:
    """Return which weights of connection ``index`` are taps, bool; None where all of them are."""
    connection = program.connections[index]
    window = pool_window(program, program.connection_names[index], connection.target)
    structure = _STRUCTURES.get(connection.synapse.layout)
    if window is None or structure is None:
        return None
    return structure(connection.synapse, program.node(connection.source).shape, window)


def _of(synapse: Any, mask: NDArray[Any]) -> Any:
    """Return the synapse with ones where ``mask`` is set."""
    return replace(synapse, weight=np.asarray(mask).astype(np.int32))


def pool_window(program: Program, name: str, target: str) -> tuple[int, int] | None:
    """Return the window (height, width) of the sum pool that was folded in, None without one."""
    for key in (f"pooled_from.{name}", f"pooled_from.{target}"):
        found = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", str(program.metadata.get(key, "")))
        if found is not None:
            return int(found[1]), int(found[2] or found[1])
    return None


def _covered(synapse: Dense, source: Shape, window: tuple[int, int]) -> NDArray[Any]:
    """Return which entries of a matrix read a cell that a window covers."""
    kept = np.ones(synapse.weight.shape, bool)
    if len(source) != 3:
        return kept
    maps = kept.reshape(len(kept), *source)
    maps[:, :, source[1] // window[0] * window[0] :] = False
    maps[:, :, :, source[2] // window[1] * window[1] :] = False
    return kept


def _between_gaps(synapse: Conv2d, _: Shape, window: tuple[int, int]) -> NDArray[Any]:
    """Return which taps of a kernel are none of the gaps that a dilation left in it.

    Over the map itself the tap i of a kernel of dilation d stands at ``k d i .. k d i + k - 1``; d
    is the largest divisor of ``size / k - 1`` for which all weights between are 0.
    """
    kept = np.ones(synapse.weight.shape, bool)
    for axis, k in zip((2, 3), window, strict=True):
        used = np.any(synapse.weight, axis=tuple(n for n in range(4) if n != axis))
        place = np.arange(len(used))
        span = len(used) // k - 1
        for dilation in range(span, 1, -1):
            gap = place % (k * dilation) >= k
            if span % dilation == 0 and not used[gap].any():
                kept &= np.expand_dims(~gap, tuple(n for n in range(4) if n != axis))
                break
    return kept


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
_STRUCTURES: dict[str | None, Callable[[Any, Shape, tuple[int, int]], NDArray[Any]]] = {
    "matrix": _covered,
    "kernel": _between_gaps,
}
"""By the layout of the weights, which of them are taps of the layer that was folded."""
