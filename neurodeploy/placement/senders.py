"""What one event of a neuron or input makes cores do, told by classes of neurons.

Two neurons are of one class where they are on one core and reach the same cores, over as many
synapses on each. What a core does in a step is then ``sum over classes of events * number``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.placement.box import Box
from neurodeploy.placement.fans import FANS
from neurodeploy.placement.reach import labels, reached
from neurodeploy.placement.record import Placement
from neurodeploy.placement.tally import Changes
from neurodeploy.program import Connection, Input, Population, Program
from neurodeploy.sim.fanout import taps

Table = tuple[NDArray[np.intp], NDArray[np.int64]]
"""Cores, and what an event of each class makes them do, int64 ``(classes, cores)``."""
CONVENTIONS = ("taps", "nonzero")


@dataclass(frozen=True)
class Sender:
    """One input or population as a source of events.

    classes : int32 ``(size,)``, flat in C,H,W order. changes : what an event of each class, and of
    one more that stands for lanes without a neuron, adds; column ``name * cores + core`` is a count
    of a core, and those behind them are messages whose way is `Senders.links[k]`.
    """

    name: str
    classes: NDArray[np.int32]
    changes: Changes


@dataclass(frozen=True)
class Senders:
    """All senders of a placed program.

    width : columns of what they change. links : int64 ``(n, 2)``, horizontal and vertical links of
    the farthest message of some class, most links first.
    """

    all: tuple[Sender, ...]
    width: int
    links: NDArray[np.int64]


def senders(
    program: Program,
    placement: Placement,
    names: tuple[str, ...],
    conventions: tuple[str, ...],
    multicast: bool,
) -> Senders:
    """Return what events of every population, and of inputs that send events, make cores do."""
    ranks = {core.index: rank for rank, core in enumerate(placement.cores)}
    held: list[list[tuple[str, Box]]] = [[] for _ in placement.cores]
    for piece in placement.slices:
        held[ranks[piece.core]].append((piece.population, piece.box))
    targets: dict[str, list[tuple[int, NDArray[np.intp]]]] = {}
    for found in reached(program, held):
        targets.setdefault(found.source, []).append((found.core, found.cells))
    ways = _Ways.of(placement)
    splits: dict[str, _Split] = {}
    nodes: tuple[Input | Population, ...] = (*program.inputs, *program.populations)
    for node in nodes:
        own = None
        if node.name in program.names:
            places = [(piece.box, ranks[piece.core]) for piece in placement.of(node.name)]
            own = labels(node.shape, places)
        elif node.name not in targets:
            continue
        fans = _Fans(program, node.name, held, conventions)
        splits[node.name] = _split(own, node.size, targets.get(node.name, []), fans)
    ends = {name: _farthest(split, ways) for name, split in splits.items()}
    links = np.unique(np.concatenate([*ends.values(), np.zeros((1, 2), np.int64)]), axis=0)
    links = links[np.argsort(-links.sum(axis=1), kind="stable")]
    all_of_them = tuple(
        _sender(name, split, ends[name], links, ways, names, multicast)
        for name, split in splits.items()
    )
    return Senders(all_of_them, len(names) * len(placement.cores) + len(links), links)


@dataclass(frozen=True)
class _Ways:
    """Chip and tile of every core; None without a mesh."""

    chip: NDArray[np.int64]
    x: NDArray[np.int64] | None
    y: NDArray[np.int64] | None
    tile: NDArray[np.int64]

    @classmethod
    def of(cls, placement: Placement) -> _Ways:
        chip = np.array([core.chip for core in placement.cores], np.int64)
        per_tile = placement.cores_per_tile
        tile = np.array([core.index // per_tile for core in placement.cores], np.int64)
        if placement.mesh is None:
            return cls(chip, None, None, tile)
        found = [core.tile or (0, 0) for core in placement.cores]
        x, y = np.array(found, np.int64).reshape(-1, 2).T
        return cls(chip, x, y, tile)


@dataclass(frozen=True)
class _Fans:
    """Synapses of one source on a core, by convention."""

    program: Program
    source: str
    held: list[list[tuple[str, Box]]]
    conventions: tuple[str, ...]

    def on(self, core: int) -> dict[str, NDArray[np.int64]]:
        """Return int64 ``(source size,)`` by convention."""
        shape = self.program.node(self.source).shape
        size = self.program.node(self.source).size
        total = {name: np.zeros(size, np.int64) for name in self.conventions}
        for population, box in self.held[core]:
            for index, connection in self._into(population):
                shapes = (shape, self.program.node(population).shape)
                count = FANS.of(connection.synapse)
                for name in self.conventions:
                    kept = taps(self.program, index)
                    if name == "nonzero":
                        weight = getattr(connection.synapse, "weight", None)
                        kept = None if weight is None else weight != 0
                    total[name] += count(connection.synapse, shapes, box, kept)
        return total

    def _into(self, population: str) -> Iterator[tuple[int, Connection]]:
        for index, connection in enumerate(self.program.connections):
            if connection.source == self.source and connection.target == population:
                yield index, connection


@dataclass(frozen=True)
class _Split:
    """Classes of one node. own : core of each class, None for an input. places : cores that the
    node reaches; reach : bool ``(classes, places)``; synops : by convention, the same shape."""

    classes: NDArray[np.int32]
    own: NDArray[np.int64] | None
    places: NDArray[np.intp]
    reach: NDArray[np.bool_]
    synops: Mapping[str, NDArray[np.int64]]


def _split(
    own: NDArray[np.int64] | None,
    size: int,
    targets: list[tuple[int, NDArray[np.intp]]],
    fans: _Fans,
) -> _Split:
    """Split the neurons into classes, one reached core after the other."""
    code = np.zeros(size, np.int64) if own is None else own.copy()
    columns = []
    for core, cells in targets:
        found = fans.on(core)
        key = code[cells]
        for counts in found.values():
            key = key * (int(counts.max(initial=0)) + 1) + counts[cells]
            _, key = np.unique(key, return_inverse=True)
        code[cells] = int(code.max(initial=0)) + 1 + key
        columns.append((cells, found))
    _, first, classes = np.unique(code, return_index=True, return_inverse=True)
    reach = np.zeros((len(first), len(columns)), bool)
    synops = {key: np.zeros(reach.shape, np.int64) for key in fans.conventions}
    for k, (cells, found) in enumerate(columns):
        inside = np.zeros(size, bool)
        inside[cells] = True
        reach[:, k] = inside[first]
        for name, counts in found.items():
            synops[name][:, k] = counts[first]
    return _Split(
        classes=classes.reshape(-1).astype(np.int32),
        own=None if own is None else own[first],
        places=np.array([core for core, _ in targets], np.intp),
        reach=reach,
        synops=synops,
    )


def _sender(
    name: str,
    split: _Split,
    ends: NDArray[np.int64],
    links: NDArray[np.int64],
    ways: _Ways,
    names: tuple[str, ...],
    multicast: bool,
) -> Sender:
    """Return what an event of each class makes cores do."""
    tables: dict[str, Table] = {
        f"synops_{key}": (split.places, numbers) for key, numbers in split.synops.items()
    }
    tables["axons_in"] = (split.places, split.reach.astype(np.int64))
    if split.own is not None:
        tables.update(_sent(split.own, split, ways, multicast))
    cores = len(ways.chip)
    columns = [names.index(key) * cores + place for key, (place, _) in tables.items()]
    numbers = [found for _, found in tables.values()]
    if len(links) > 1:
        columns.append(len(names) * cores + np.arange(len(links)))
        numbers.append((ends[:, None] == links).all(axis=2).astype(np.int64))
    joined = np.concatenate(numbers, axis=1)
    nowhere = np.zeros((1, joined.shape[1]), np.int64)
    matrix = np.concatenate([joined, nowhere])
    return Sender(name, split.classes, Changes.of(matrix, np.concatenate(columns)))


def _sent(own: NDArray[np.int64], split: _Split, ways: _Ways, multicast: bool) -> dict[str, Table]:
    """Return what the core that sends does: spikes, messages, and the links that they take."""
    cores = np.unique(own)
    mine = own[:, None] == cores
    reach, places = split.reach, split.places
    messages = reach.sum(axis=1)
    counts = {
        "spikes": np.ones(len(own), np.int64),
        "axons_out": np.minimum(messages, 1) if multicast else messages,
    }
    same = ways.chip[own][:, None] == ways.chip[places]
    counts["between_chips"] = (reach & ~same).sum(axis=1)
    local = ways.tile[own][:, None] == ways.tile[places]
    counts["within_tile"] = (reach & local).sum(axis=1)
    if ways.x is not None and ways.y is not None:
        for key, at in (("hops_horizontal", ways.x), ("hops_vertical", ways.y)):
            taken = np.abs(at[own][:, None] - at[places])
            counts[key] = (reach * same * taken).sum(axis=1)
    return {key: (cores.astype(np.intp), mine * each[:, None]) for key, each in counts.items()}


def _farthest(split: _Split, ways: _Ways) -> NDArray[np.int64]:
    """Return horizontal and vertical links of the farthest message of every class."""
    if split.own is None or ways.x is None or ways.y is None or not len(split.places):
        return np.zeros((len(split.reach), 2), np.int64)
    same = split.reach & (ways.chip[split.own][:, None] == ways.chip[split.places])
    across = np.abs(ways.x[split.own][:, None] - ways.x[split.places]) * same
    down = np.abs(ways.y[split.own][:, None] - ways.y[split.places]) * same
    best = np.argmax(across + down, axis=1)
    row = np.arange(len(best))
    return np.stack([across[row, best], down[row, best]], axis=1)
