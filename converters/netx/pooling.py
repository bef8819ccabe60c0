"""Pools of a NetX file: populations of their own, sums folded into what follows, and read-outs.

Source: lava-dl 0.6.0, `slayer.synapse.layer.Pool`, `slayer.block.base.AbstractPool` and
`AbstractAverage`. Lava's netx has none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurodeploy.converters.netx.source import RawLayer
from neurodeploy.converters.netx.synapses import read_pair
from neurodeploy.converters.netx.values import Note, Shape, truncated
from neurodeploy.errors import FormatError
from neurodeploy.fixedpoint import IntArray
from neurodeploy.synapse import Conv2d, Dense

UNREADABLE = {
    "convT": "a transposed convolution, which no synapse of a Program and no process of Lava is; "
    "replace it by 'dense' with the same weights written out",
    "unpool": "an unpooling, a transposed convolution of equal weights, which no synapse of a "
    "Program and no process of Lava is; replace it by 'dense' with the weights written out",
    "concat": "a join of several layers, of which the file does not say which; a NetX file is a "
    "chain, build the Program in Python instead",
    "dense_comp": "a complex layer of an old lava-dl at which Lava stops; write it as 'dense' with "
    "weight/real and weight/imag",
}
"""Layer types of lava-dl that have no meaning here -> what would be needed."""


@dataclass(frozen=True)
class Pending:
    """A sum over windows that the next layer takes in: window (h, w), source (C, H, W), weight."""

    where: str
    window: tuple[int, int]
    source: Shape
    weight: int

    @property
    def shape(self) -> Shape:
        """Shape (C, H // h, W // w) of the sums."""
        channels, height, width = self.source
        return channels, height // self.window[0], width // self.window[1]


def read_pool(layer: RawLayer, source: Shape, shape: Shape, note: Note) -> Conv2d:
    """Return a pool as a convolution of one group per channel.

    Its kernel is the pool's weight, one number for all taps unless the file has one for each. A
    map that the window does not divide is extended at its end, as lava-dl does, by ``H mod h``
    rows and ``W mod w`` columns of zeros: where the file's shape says so, the kernel begins with as
    many zeros and the padding is as large.
    """
    kernel = _kernel(layer, note)
    stride, padding, dilation = (
        read_pair(layer, key, low) for key, low in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    pool = _convolution(kernel, source, stride, padding, dilation)
    rows, columns = (n % k for n, k in zip(source[1:], kernel.shape, strict=True))
    given = _output(pool, source)
    if given != shape and (rows or columns) and (padding, dilation) == ((0, 0), (1, 1)):
        tall = np.pad(kernel, ((rows, 0), (columns, 0)))
        pool = _convolution(tall, source, stride, (rows, columns), dilation)
    if _output(pool, source) != shape:
        raise FormatError(f"{layer.where}/shape: is {shape}, the pool gives {given}")
    reach = dilation[0] * (kernel.shape[0] - 1) + 1
    beside = (source[1] + rows) % stride[0] if given != shape or not rows else 0
    if source[0] > 1 and (padding[0] or reach > stride[0] or beside):
        note(
            f"{layer.where}: windows that overlap or reach over a border run over the rows of all "
            "channels in lava-dl, which mixes neighbouring channels; read channel by channel"
        )
    return pool


def _convolution(
    kernel: IntArray,
    source: Shape,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Conv2d:
    channels = source[0]
    taps = np.broadcast_to(kernel, (channels, 1, *kernel.shape))
    return Conv2d(taps, stride, padding, dilation, channels)


def _output(pool: Conv2d, source: Shape) -> Shape | None:
    """Return the shape that a pool gives, None where the kernel does not fit the map."""
    sizes = []
    for n, k, s, p, d in zip(
        source[1:], pool.weight.shape[2:], pool.stride, pool.padding, pool.dilation, strict=True
    ):
        sizes.append((n + 2 * p - d * (k - 1) - 1) // s + 1)
    return (source[0], *sizes) if min(sizes) > 0 else None


def _kernel(layer: RawLayer, note: Note) -> IntArray:
    """Return the taps (h, w) of one channel."""
    where = f"{layer.where}/weight"
    weight = truncated(layer.array("weight"), where, note)
    size = None
    if "kernelSize" in layer.values:
        size = read_pair(layer, "kernelSize", 1)
    if weight.size == 1:
        if size is None:
            raise FormatError(f"{layer.where}: has no 'kernelSize', which one weight needs")
        return np.broadcast_to(weight.reshape(1, 1), size)
    taps = weight.reshape([n for n in weight.shape if n > 1] or [1])
    wanted = size or (taps.shape if taps.ndim == 2 else None)
    if wanted is None or weight.size != wanted[0] * wanted[1]:
        raise FormatError(
            f"{where}: has shape {weight.shape}, expected one number or one for each of the taps "
            f"{size or '(height, width)'}"
        )
    return weight.reshape(wanted)


def read_sum(layer: RawLayer, source: Shape, note: Note) -> Pending:
    """Return a pool without neurons, whose sums the next layer can take in exactly."""
    kernel = _kernel(layer, note) if "weight" in layer.values else None
    window = read_pair(layer, "kernelSize", 1) if kernel is None else kernel.shape
    stride = read_pair(layer, "stride", 1) if "stride" in layer.values else window
    padding = read_pair(layer, "padding", 0) if "padding" in layer.values else (0, 0)
    if stride != window or padding != (0, 0) or (kernel is not None and np.ptp(kernel)):
        raise FormatError(
            f"{layer.where}: is a pool without neurons with windows {window}, stride {stride} and "
            f"padding {padding}; only windows side by side of equal weights fold into the next "
            "layer, give it neurons"
        )
    weight = 1 if kernel is None else int(kernel.reshape(-1)[0])
    if window[0] > source[1] or window[1] > source[2]:
        raise FormatError(f"{layer.where}: pools windows of {window} in {source} maps")
    return Pending(layer.where, (int(window[0]), int(window[1])), source, weight)


def read_out(pool: Pending, last: Shape) -> int:
    """Return how many outputs a pool without neurons at the end sums for each class: whole maps."""
    if pool.window != last[1:]:
        raise FormatError(
            f"{pool.where}: is a pool without neurons at the end that sums {pool.window} of "
            f"{last}; only whole maps can be read out"
        )
    if pool.weight < 1:
        raise FormatError(f"{pool.where}/weight: is {pool.weight}, a read-out needs 1 or more")
    return math.prod(pool.window)


def folded_dense(synapse: Dense, pool: Pending) -> Dense:
    """Return the dense synapse over the map itself: each column repeated for its window.

    ``sum_p W[p] * (w * sum_{q in p} m[q]) = sum_q (w * W[p(q)]) * m[q]``; what no window covers
    has weight 0.
    """
    delay = synapse.delay
    if delay is not None:
        delay = _spread(np.broadcast_to(delay, synapse.weight.shape), pool)
    return Dense(_spread(synapse.weight.astype(np.int64) * pool.weight, pool), delay)


def _spread(matrix: IntArray, pool: Pending) -> IntArray:
    rows = len(matrix)
    maps = matrix.reshape(rows, *pool.shape)
    tall = np.repeat(np.repeat(maps, pool.window[0], 2), pool.window[1], 3)
    channels, height, width = pool.source
    full = np.zeros((rows, channels, height, width), matrix.dtype)
    full[:, :, : tall.shape[2], : tall.shape[3]] = tall
    return full.reshape(rows, -1)


def folded_conv(synapse: Conv2d, pool: Pending) -> Conv2d:
    """Return the convolution over the map itself: each tap repeated over its window.

    The tap of pooled offset i goes to the offsets ``h d i + 0 .. h d i + h - 1``; stride and
    padding are multiplied by h.

    Raises FormatError with padding where the windows do not divide the map: padding would then
    begin inside it.
    """
    sizes = pool.source[1:]
    if any(p and n % k for p, n, k in zip(synapse.padding, sizes, pool.window, strict=True)):
        raise FormatError(
            f"{pool.where}: has windows of {pool.window} in {pool.source} maps before a padded "
            "convolution, which only windows that divide the map fold into; give the pool neurons"
        )
    taps = synapse.weight.astype(np.int64) * pool.weight
    for axis, (k, d) in enumerate(zip(pool.window, synapse.dilation, strict=True), start=2):
        taps = _repeated(taps, axis, k, d)
    return Conv2d(
        taps,
        _times(synapse.stride, pool.window),
        _times(synapse.padding, pool.window),
        (1, 1),
        synapse.groups,
    )


def _repeated(taps: IntArray, axis: int, window: int, dilation: int) -> IntArray:
    shape = list(taps.shape)
    shape[axis] = window * dilation * (taps.shape[axis] - 1) + window
    result = np.zeros(shape, taps.dtype)
    moved, source = np.moveaxis(result, axis, 0), np.moveaxis(taps, axis, 0)
    for index, tap in enumerate(source):
        start = window * dilation * index
        moved[start : start + window] = tap
    return result


def _times(pair: tuple[int, int], by: tuple[int, int]) -> tuple[int, int]:
    return pair[0] * by[0], pair[1] * by[1]


def group_size(layer: RawLayer, groups: int, neurons: int) -> int:
    """Return how many outputs an ``average`` block sums per group: ``outputs / groups``.

    lava-dl reshapes (N, outputs, T) to (N, groups, -1, T): group c holds the outputs
    ``c * size .. (c + 1) * size - 1``. A mean and a sum have the same winner.
    """
    if neurons % groups:
        raise FormatError(
            f"{layer.where}/shape: is {groups} groups, which do not divide the {neurons} neurons "
            "before it"
        )
    return neurons // groups
