"""Which source neurons a box of targets listens to: exact, borders included.

What a connection reads is separable: every channel of some, at every row of some, in every column
of some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.placement.box import Box, as_maps
from neurodeploy.program import Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse

Mask = NDArray[np.bool_]
Axes = tuple[Mask, Mask, Mask]
"""Which channels, rows and columns of the source are read."""


def _all(synapse: Dense, source: Shape, box: Box) -> Axes:
    c, h, w = as_maps(source)
    return np.ones(c, bool), np.ones(h, bool), np.ones(w, bool)


def _none(synapse: Direct, source: Shape, box: Box) -> Axes:
    c, h, w = as_maps(source)
    return np.zeros(c, bool), np.zeros(h, bool), np.zeros(w, bool)


def _window(synapse: Conv2d, source: Shape, box: Box) -> Axes:
    channels = np.zeros(source[0], bool)
    each = len(synapse.weight) // synapse.groups
    inner = source[0] // synapse.groups
    first, last = box.start[0] // each, (box.stop[0] - 1) // each
    channels[first * inner : (last + 1) * inner] = True
    return channels, _cells(synapse, source, box, 0), _cells(synapse, source, box, 1)


def _cells(synapse: Conv2d, source: Shape, box: Box, axis: int) -> Mask:
    cells = np.zeros(source[1 + axis], bool)
    outputs = np.arange(box.start[1 + axis], box.stop[1 + axis])
    start = outputs * synapse.stride[axis] - synapse.padding[axis]
    for tap in range(synapse.weight.shape[2 + axis]):
        read = start + tap * synapse.dilation[axis]
        cells[read[(read >= 0) & (read < len(cells))]] = True
    return cells


REGIONS: ByType[Callable[[Any, Shape, Box], Axes]] = ByType(
    "region of a slice",
    Synapse,
    {Dense: _all, Conv2d: _window, Direct: _none},
    "a {name} synapse cannot be placed on cores",
)
"""What a box of targets reads, from the synapse, the shape of its source and the box."""


@dataclass(frozen=True)
class Reached:
    """Source neurons of one node that one core listens to. cells : flat numbers, ascending."""

    source: str
    core: int
    cells: NDArray[np.intp]


def reached(program: Program, cores: Sequence[Sequence[tuple[str, Box]]]) -> Iterator[Reached]:
    """Yield every (source, core) pair with what of the source the core listens to.

    cores : (population, box) of the slices of each. A neuron counts once, over however many
    connections and slices it arrives.
    """
    arriving: dict[str, list[Any]] = {name: [] for name in program.names}
    for connection in program.connections:
        if connection.synapse.layout is not None:
            arriving[connection.target].append(connection)
    for core, held in enumerate(cores):
        masks: dict[str, Mask] = {}
        for population, box in held:
            for connection in arriving[population]:
                shape = program.node(connection.source).shape
                if connection.source not in masks:
                    masks[connection.source] = np.zeros(as_maps(shape), bool)
                axes = REGIONS.of(connection.synapse)(connection.synapse, shape, box)
                masks[connection.source][np.ix_(*axes)] = True
        for source, mask in masks.items():
            yield Reached(source, core, np.flatnonzero(mask))


def labels(shape: tuple[int, ...], held: Sequence[tuple[Box, int]]) -> NDArray[np.int64]:
    """Return the core of every neuron of a population, flat in C,H,W order."""
    result = np.full(as_maps(shape), -1, np.int64)
    for box, core in held:
        result[box.slices] = core
    return result.reshape(-1)


@dataclass(frozen=True)
class Links:
    """Who sends to whom. pairs : int64 ``(cores, cores)``, neurons of the first that reach the
    second. arriving : int64 ``(cores,)``, source neurons and inputs that a core listens to.
    leaving : int64 ``(cores,)``, (neuron, core) pairs, or neurons that send at all (multicast).
    times : for each population, int64 ``(C, H, W)``, cores that every neuron reaches.
    """

    pairs: NDArray[np.int64]
    arriving: NDArray[np.int64]
    leaving: NDArray[np.int64]
    times: dict[str, NDArray[np.int64]]


def links(
    program: Program, cores: Sequence[Sequence[tuple[str, Box]]], multicast: bool = False
) -> Links:
    """Return who sends to whom when the cores hold these slices."""
    of: dict[str, list[tuple[Box, int]]] = {name: [] for name in program.names}
    for core, held in enumerate(cores):
        for population, box in held:
            of[population].append((box, core))
    own = {p.name: labels(p.shape, of[p.name]) for p in program.populations}
    count = len(cores)
    pairs = np.zeros((count, count), np.int64)
    arriving = np.zeros(count, np.int64)
    times = {name: np.zeros(len(cells), np.int64) for name, cells in own.items()}
    for found in reached(program, cores):
        arriving[found.core] += len(found.cells)
        if found.source in own:
            senders = own[found.source][found.cells]
            pairs[:, found.core] += np.bincount(senders, minlength=count)
            times[found.source][found.cells] += 1
    leaving = np.zeros(count, np.int64)
    for name, cells in own.items():
        sent = (times[name] > 0).astype(np.int64) if multicast else times[name]
        leaving += np.bincount(cells, sent, count).astype(np.int64)
    maps = {p.name: times[p.name].reshape(as_maps(p.shape)) for p in program.populations}
    return Links(pairs, arriving, leaving, maps)
