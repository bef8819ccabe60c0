"""What a population asks of the cores that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import weight_bits
from neurodeploy.errors import located
from neurodeploy.placement.arrivals import ARRIVALS, Arrival
from neurodeploy.placement.box import Box, Maps, as_maps
from neurodeploy.placement.fabric import Fabric, Whole, array
from neurodeploy.program import Population, Program


@dataclass(frozen=True)
class Parameters:
    """Distinct parameter sets of a population. sets : how many. axes : along which they vary;
    codes : number of the set of every neuron, ``(C, H, W)`` or broadcast to it."""

    sets: int
    axes: tuple[bool, bool, bool]
    codes: NDArray[np.int64]

    def within(self, c: Whole, h: Whole, w: Whole) -> Whole:
        """Return the most sets in a box of that size."""
        most = np.ones_like(c * h * w)
        for length, varies in zip((c, h, w), self.axes, strict=True):
            most = most * (length if varies else 1)
        return np.minimum(most, self.sets)

    def inside(self, box: Box) -> int:
        """Return the sets in this box."""
        if self.sets == 1:
            return 1
        index = tuple(
            part if varies else slice(0, 1)
            for part, varies in zip(box.slices, self.axes, strict=True)
        )
        return len(np.unique(self.codes[index]))


@dataclass(frozen=True)
class Layer:
    """One population: its shape and what its neurons and connections ask of a core.

    fan_in : most weights other than 0 into one neuron. uncounted : sources whose axons another
    population of the same core pays for; none but where a bound is sought.
    """

    name: str
    shape: tuple[int, ...]
    arrivals: tuple[tuple[str, Arrival], ...]
    formats: int
    thresholds: Parameters
    compartments: Parameters
    fan_in: int
    sources: tuple[str, ...] = ()
    uncounted: frozenset[str] = frozenset()

    @property
    def maps(self) -> Maps:
        """The shape as (C, H, W)."""
        return as_maps(self.shape)

    @property
    def size(self) -> int:
        """Number of neurons."""
        c, h, w = self.maps
        return c * h * w

    def needs(
        self, fabric: Fabric, c: Whole, h: Whole, w: Whole, fan_out: float
    ) -> Mapping[str, Whole]:
        """Return what a box of that size takes of every resource that the chip limits.

        fan_out : output axons of a neuron, the mean of those that share a box.
        """
        neurons = c * h * w
        limited: dict[str, Whole] = {}
        for name in fabric.limits:
            if name == "neurons":
                limited[name] = fabric.padded(neurons)
            elif name == "in_axons":
                limited[name] = self._axons(fabric, c, h, w)
            elif name == "out_axons":
                limited[name] = array(np.ceil(neurons * fan_out - 1e-9))
            elif name == "words":
                limited[name] = self._words(fabric, c, h, w)
            elif name == "formats":
                limited[name] = self.formats + 0 * neurons
            else:
                limited[name] = getattr(self, name).within(c, h, w)
        return limited

    def _axons(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        total = 0 * (c * h * w)
        for source, (_, arrival) in zip(self.sources, self.arrivals, strict=True):
            if source not in self.uncounted:
                total = total + arrival.axons(fabric, c, h, w)
        return total

    def _words(self, fabric: Fabric, c: Whole, h: Whole, w: Whole) -> Whole:
        total = 0 * (c * h * w)
        for _, arrival in self.arrivals:
            total = total + arrival.words(fabric, c, h, w)
        return total

    def whole(self) -> Mapping[str, int]:
        """Return what it takes of a core that holds all of it, with one copy of every kernel."""
        weights = sum(arrival.weights for _, arrival in self.arrivals)
        return {"kernel_weights": weights, "states": self.size}


def layers(program: Program) -> dict[str, Layer]:
    """Return the demand of every population, by name."""
    return {population.name: _layer(program, population) for population in program.populations}


def _layer(program: Program, population: Population) -> Layer:
    arriving = [
        (name, connection)
        for name, connection in zip(program.connection_names, program.connections, strict=True)
        if connection.target == population.name
    ]
    arrivals = []
    formats = set()
    fan_in = np.zeros(1, np.int64)
    for name, connection in arriving:
        with located(f"connection {name}"):
            make = ARRIVALS.of(connection.synapse)
        arrivals.append((name, make(connection.synapse, program.node(connection.source).shape)))
        rows = connection.synapse.rows
        if rows is None:
            continue
        formats.add(_format(rows))
        counts = np.count_nonzero(rows, axis=1)
        kernel = connection.synapse.layout == "kernel"
        fan_in = fan_in + (counts.max(keepdims=True) if kernel else counts)
    neuron = population.neuron
    return Layer(
        name=population.name,
        shape=population.shape,
        arrivals=tuple(arrivals),
        formats=len(formats),
        thresholds=_parameters(list(neuron.having("threshold").values())),
        compartments=_parameters(list(neuron.having("decay").values())),
        fan_in=int(fan_in.max()),
        sources=tuple(connection.source for _, connection in arriving),
    )


def _format(rows: NDArray[np.int32]) -> tuple[int, int, bool, bool]:
    """Return bits, low zero bits, and whether there are negative and positive weights."""
    values = rows.astype(np.int64)
    merged = int(np.bitwise_or.reduce(np.abs(values), axis=None))
    zeros = (merged & -merged).bit_length()
    return weight_bits(values), zeros, bool((rows < 0).any()), bool((rows > 0).any())


def _parameters(fields: list[NDArray[np.int32]]) -> Parameters:
    """Return the distinct tuples of ``fields``: each a number, or one per channel or neuron."""
    codes = np.zeros((1, 1, 1), np.int64)
    for field in fields:
        values = np.asarray(field, np.int64)
        values = values.reshape(-1, 1, 1) if values.ndim == 1 else values
        _, numbered = np.unique(values, return_inverse=True)
        numbered = numbered.reshape(values.shape if values.ndim else (1, 1, 1))
        joined = codes * (int(numbered.max()) + 1) + numbered
        _, codes = np.unique(joined, return_inverse=True)
        codes = codes.reshape(joined.shape).astype(np.int64)
    axes = (codes.shape[0] > 1, codes.shape[1] > 1, codes.shape[2] > 1)
    return Parameters(int(codes.max()) + 1, axes, codes)
