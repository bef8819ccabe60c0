"""Operations that a layer's kernels need for given spikes, counted from the spikes alone.

Units are vectors of 64 bytes: 32 additions of 16 bits, or 16 dot products of four bytes. Counts are
of all samples together and are what a design needs, without lists, padding of blocks or stores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from workloads import Bytes, Layer

import neurodeploy as nd

ADD_LANES, DOT_LANES = 32, 16
GROUP = 4
"""Inputs of one dot product, and of one table of subsets."""
TILE = 4
"""Steps that share a list of groups."""
TABLE_ADDS = 2**GROUP - GROUP - 1
"""Additions that make the sums of all subsets of a group out of its rows."""


@dataclass(frozen=True)
class Work:
    """What a kernel needs: ``vector_adds`` and ``dot_products`` of 64 bytes."""

    kernel: str
    vector_adds: int = 0
    dot_products: int = 0


def dense_rows(x: Bytes, outputs: int) -> Work:
    """Count event rows: one row of int16 weights for every spike of ``x`` (samples, T, inputs)."""
    return Work("rows", vector_adds=int(np.count_nonzero(x)) * _vectors(outputs, ADD_LANES))


def dense_subsets(x: Bytes, outputs: int) -> Work:
    """Count tables of subsets: one row for every active group and step, and the tables once."""
    groups = _groups(x)
    rows = int(groups.sum()) + TABLE_ADDS * groups.shape[-1]
    return Work("subsets", vector_adds=rows * _vectors(outputs, ADD_LANES))


def dense_tiles(x: Bytes, outputs: int) -> Work:
    """Count union tiles: all steps of a tile for every group that is active in any of them."""
    groups = _groups(x)
    samples, steps, width = groups.shape
    padded = np.zeros((samples, -(-steps // TILE) * TILE, width), bool)
    padded[:, :steps] = groups
    active = padded.reshape(samples, -1, TILE, width).any(axis=2)
    return Work("tiles", dot_products=int(active.sum()) * TILE * _vectors(outputs, DOT_LANES))


def dense_all(x: Bytes, outputs: int) -> Work:
    """Count dot products without a list."""
    samples, steps, inputs = x.shape
    dots = samples * steps * -(-inputs // GROUP) * _vectors(outputs, DOT_LANES)
    return Work("dense", dot_products=dots)


def convolution_taps(x: Bytes, layer: Layer) -> Work:
    """Count events of a convolution: the output channels of every tap that a spike of ``x`` has."""
    synapse, shape = _convolution(x, layer)
    reached = np.zeros(x.shape[3:], np.int64)
    height, width = layer.weight.shape[2:]
    for i in range(height):
        for j in range(width):
            rows = slice(i, i + layer.stride * shape[1], layer.stride)
            columns = slice(j, j + layer.stride * shape[2], layer.stride)
            reached[rows, columns] += 1
    taps = int((np.count_nonzero(x, axis=(0, 1, 2)) * reached).sum())
    channels = synapse.weight.shape[0]
    return Work("taps", vector_adds=taps * channels // ADD_LANES)


def convolution_all(x: Bytes, layer: Layer) -> Work:
    """Count dot products of a dense convolution, channels last: kernel rows in groups of four."""
    _, shape = _convolution(x, layer)
    channels, into, height, width = layer.weight.shape
    groups = height * -(-width * into // GROUP)
    positions = x.shape[0] * x.shape[1] * shape[1] * shape[2]
    return Work("dense", dot_products=positions * groups * _vectors(channels, DOT_LANES))


def designs(x: Bytes, layer: Layer) -> dict[str, Work]:
    """Return the work of every design for ``layer`` with the spikes ``x`` (samples, T, *shape)."""
    if layer.is_convolution:
        found = [convolution_taps(x, layer), convolution_all(x, layer)]
    else:
        flat, outputs = x.reshape(*x.shape[:2], -1), len(layer.weight)
        found = [
            count(flat, outputs) for count in (dense_rows, dense_subsets, dense_tiles, dense_all)
        ]
    return {work.kernel: work for work in found}


def _convolution(x: Bytes, layer: Layer) -> tuple[nd.Conv2d, tuple[int, int, int]]:
    synapse = nd.Conv2d(layer.weight, stride=(layer.stride, layer.stride))
    return synapse, synapse.output_shape(x.shape[2:])


def _groups(x: Bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """Return which groups of four inputs are active, ``(samples, T, groups)``."""
    samples, steps, inputs = x.shape
    padded = np.zeros((samples, steps, -(-inputs // GROUP) * GROUP), bool)
    padded[..., :inputs] = x != 0
    return padded.reshape(samples, steps, -1, GROUP).any(axis=3)


def _vectors(lanes: int, size: int) -> int:
    return -(-lanes // size)
