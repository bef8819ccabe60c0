"""A NIR graph in the making, from a Program."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.converters.nir import stored
from neurodeploy.converters.nir.graph import Edge, Graph, Node
from neurodeploy.neuron import Neuron
from neurodeploy.program import Population, Program
from neurodeploy.synapse import Synapse

STATE_UNIT = 64
"""Units of v for 1 of a threshold."""


@dataclass
class Drawing:
    """A graph in the making. holders : node with the arrays of each connection, by its number.

    entries : node with those of each input and population, by name. entrances : node at which
    connections into a population arrive. notes : what the user should know.
    """

    program: Program
    dt: float
    rule: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    holders: dict[int, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    entrances: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, kind: str, **fields: Any) -> str:
        """Add a node under a name that is free, and return it."""
        free, number = name, 2
        while free in self.nodes:
            free, number = f"{name}_{number}", number + 1
        self.nodes[free] = Node(free, kind, fields)
        return free

    def hold(self, name: str, record: Neuron | Synapse) -> None:
        """Put the integers of a record into the metadata of a node."""
        self.nodes[name].metadata.update(stored.arrays(record))

    def row(self, *names: str) -> None:
        """Join nodes by edges, in a row."""
        self.edges += itertools.pairwise(names)

    def scale(self, population: Population) -> float:
        """Return p, integer units per unit of weight."""
        said = self.program.metadata.get(f"scale.{population.name}")
        if isinstance(said, (int, float)) and not isinstance(said, bool) and said > 0:
            return float(said)
        threshold = population.neuron.having("threshold").get("threshold", 0)
        return float(np.max(np.abs(threshold))) or float(STATE_UNIT)

    @property
    def graph(self) -> Graph:
        """The graph as it stands."""
        return Graph(self.nodes, tuple(self.edges))
