"""What a connection asks of the core that its targets are on: input axons and synapse memory.

All counts are of a box of ``c`` channels, ``h`` rows and ``w`` columns of the target, wherever it
lies (a border is not credited), and grow with each of the three. c, h, w are int64 arrays that
broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurodeploy.conditioning import weight_bits
from neurodeploy.placement.fabric import Fabric, Whole
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse


class Arrival(Protocol):
    """The demand of one connection."""

    @property
    def everywhere(self) -> bool:
        """Whether every source neuron reaches every target."""
        ...

    def axons(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """Return the input axons of the box: distinct source neurons, or populations."""
        ...

    def words(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """Return the words of synapse memory."""
        ...

    @property
    def weights(self) -> int:
        """Weights kept for the whole connection."""
        ...


@dataclass(frozen=True)
class Matrix:
    """All sources to all targets. bits : of a weight and its delay. most : non-zero weights of the
    source that has most of them."""

    sources: int
    targets: int
    bits: int
    delay_bits: int
    most: int
    everywhere: bool = True

    def axons(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """One for each source neuron."""
        return self.sources + 0 * (c * h * w)

    def words(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """Rows of all targets, or of those that the weights reach where that takes less."""
        targets = c * h * w
        bits = fabric.rows.stored(self.bits) + self.delay_bits
        row = fabric.rows.dense(targets, bits)
        sparse = fabric.rows.sparse(np.minimum(targets, self.most), targets, bits)
        return self.sources * (row if sparse is None else np.minimum(row, sparse))

    @property
    def weights(self) -> int:
        """The whole matrix."""
        return self.sources * self.targets


@dataclass(frozen=True)
class Kernel:
    """A kernel over a map. source : (C, H, W); size, stride, dilation : (height, width)."""

    source: tuple[int, int, int]
    channels: int
    groups: int
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    bits: int
    everywhere: bool = False

    def axons(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """Return the source neurons in reach; populations: one for each column of a stride."""
        if fabric.population_axons:
            return self.stride[1] + 0 * (c * h * w)
        return self._channels(c) * self._reach(h, 0) * self._reach(w, 1)

    def words(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """Return one row for each tap where the kernel is shared, else one for each source."""
        bits = fabric.rows.stored(self.bits)
        row = np.minimum(c, self.channels // self.groups)
        if fabric.shares_kernels:
            taps = self.size[0] * self.size[1]
            return self._channels(c) * taps * fabric.rows.kernel(row, bits) + 0 * (h * w)
        met = row * self._met(h, 0) * self._met(w, 1)
        sources = self._channels(c) * self._reach(h, 0) * self._reach(w, 1)
        return sources * fabric.rows.dense(met, bits)

    @property
    def weights(self) -> int:
        """The kernel, once."""
        return self.channels * (self.source[0] // self.groups) * self.size[0] * self.size[1]

    def _channels(self, c: Whole) -> Whole:
        """Return the source channels that ``c`` channels in a row read at most."""
        each = self.channels // self.groups
        groups = np.minimum(-(-(c - 1) // each) + 1, self.groups)
        return groups * (self.source[0] // self.groups)

    def _reach(self, length: Whole, axis: int) -> Whole:
        """Return the source cells that ``length`` targets in a row read at most."""
        span = (length - 1) * self.stride[axis] + (self.size[axis] - 1) * self.dilation[axis] + 1
        most = np.minimum(span, length * self.size[axis])
        return np.minimum(most, self.source[1 + axis])

    def _met(self, length: Whole, axis: int) -> Whole:
        """Return how many of ``length`` targets in a row one source cell reaches at most."""
        return np.minimum(length, self.size[axis])


@dataclass(frozen=True)
class Through:
    """Values from outside that go straight to the neurons: nothing is kept on the core."""

    everywhere: bool = False
    weights: int = 0

    def axons(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """One where an axon may stand for a population, none where the host writes biases."""
        return int(fabric.population_axons) + 0 * (c * h * w)

    def words(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        """No weight."""
        return 0 * (c * h * w)


def _matrix(synapse: Dense, source: Shape) -> Matrix:
    found = np.count_nonzero(synapse.weight, axis=0)
    return Matrix(
        sources=math.prod(source),
        targets=len(synapse.weight),
        bits=_bits(synapse.weight),
        delay_bits=int(synapse.max_delay).bit_length(),
        most=int(found.max(initial=0)),
    )


def _kernel(synapse: Conv2d, source: Shape) -> Kernel:
    channels, _, height, width = synapse.weight.shape
    return Kernel(
        source=(source[0], source[1], source[2]),
        channels=channels,
        groups=synapse.groups,
        size=(height, width),
        stride=synapse.stride,
        dilation=synapse.dilation,
        bits=_bits(synapse.weight),
    )


def _bits(weight: Any) -> int:
    values = np.asarray(weight, np.int64)
    return int(weight_bits(values)) if values.any() else 1


ARRIVALS: ByType[Callable[[Any, Shape], Arrival]] = ByType(
    "placement",
    Synapse,
    {Dense: _matrix, Conv2d: _kernel, Direct: lambda synapse, source: Through()},
    "a {name} synapse cannot be placed on cores",
)
"""Demand of a connection, from its synapse and the shape of its source."""
