"""The Program: one integer network, as a graph of populations and connections.

A Program is immutable, validates itself when built, and is identified by `Program.digest`.
It holds what the chip holds and nothing about time, engines or targets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from neurodeploy.errors import ProgramError, located
from neurodeploy.frozen import FrozenMapping
from neurodeploy.neuron import Neuron
from neurodeploy.record import Record, digest, grown, whole
from neurodeploy.synapse import Synapse

Shape = tuple[int, ...]
MetadataValue = str | int | float | bool

MAX_NEURONS = 2**28
"""Most values that one input or population may have; more is taken for a mistake."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


def _name(what: str, value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ProgramError(
            f"{what} is {value!r}, expected letters, digits, '_', '-' or '.', at most 100"
        )
    return value


def _shape(value: object) -> Shape:
    items = value if isinstance(value, (tuple, list, np.ndarray)) else (value,)
    shape = tuple(whole("shape", item, 1) for item in items)
    if len(shape) not in (1, 3):
        raise ProgramError(f"shape is {shape}, expected (N,) or (C, H, W)")
    if math.prod(shape) > MAX_NEURONS:
        raise ProgramError(f"shape {shape} has {math.prod(shape)} values, limit {MAX_NEURONS}")
    return shape


@dataclass(frozen=True, eq=False)
class Input(Record):
    """A source of integers from outside.

    shape : (N,) or (C, H, W). message_bits : 0 = binary events (any non-zero value counts as one
    event at the first synapse), > 0 = the values count.
    """

    name: str
    shape: Shape
    message_bits: int = 0

    def __post_init__(self) -> None:
        self._set("name", _name("input name", self.name))
        with located(f"input {self.name}"):
            self._set("shape", _shape(self.shape))
            self._set("message_bits", whole("message_bits", self.message_bits, 0, 32))

    @property
    def size(self) -> int:
        """Number of values per step."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Population(Record):
    """Neurons of one kind. shape : (N,) or (C, H, W)."""

    name: str
    shape: Shape
    neuron: Neuron

    def __post_init__(self) -> None:
        self._set("name", _name("population name", self.name))
        with located(f"population {self.name}"):
            self._set("shape", _shape(self.shape))
            if not isinstance(self.neuron, Neuron):
                raise ProgramError(f"neuron is {self.neuron!r}, expected a neuron record")
            self.neuron.check_roles()
            self.neuron.check_shapes(self.shape)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Connection(Record):
    """Synapses from an input or population to a population.

    feedback : a recurrent edge, left out of the topological order and one step later in aligned
        time. port : ``"a"`` into the current, ``"bias"`` added to v like a bias, ``"re"`` or
        ``"im"`` of a resonate-and-fire neuron.
    group : matrices of one group are conditioned together.
    """

    source: str
    target: str
    synapse: Synapse
    feedback: bool = False
    port: str = "a"
    group: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.synapse, Synapse):
            raise ProgramError(
                f"connection {self.source}->{self.target}: synapse is {self.synapse!r}, "
                "expected a synapse record"
            )
        if not isinstance(self.feedback, bool):
            raise ProgramError(
                f"connection {self.source}->{self.target}: feedback is {self.feedback!r}, "
                "expected a truth value"
            )
        if self.group is not None:
            self._set("group", _name("group name", self.group))


@dataclass(frozen=True, eq=False)
class Readout(Record):
    """What a user classifies with: sum of ``variable`` over the last ``window`` steps (0 = all).

    pool : neurons per class (population code); class c is the sum over the neurons
        ``c * pool`` to ``(c + 1) * pool - 1`` in C,H,W order.
    """

    population: str
    variable: str = "s"
    window: int = 0
    pool: int = grown(1)

    def __post_init__(self) -> None:
        with located("readout"):
            self._set("window", whole("window", self.window, 0))
            self._set("pool", whole("pool", self.pool, 1))


@dataclass(frozen=True, eq=False)
class Program(Record):
    """The integer network.

    inputs, populations, connections : tuples of records; populations are stored in topological
        order of the forward connections, ties in order of declaration, and numbered by it.
    readout : what is classified with. metadata : text and numbers, not part of the digest.

    Raises ProgramError when a rule is broken; the message names the record, the value and the rule.
    """

    inputs: tuple[Input, ...]
    populations: tuple[Population, ...]
    connections: tuple[Connection, ...]
    readout: Readout
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("inputs", "populations", "connections"):
            self._set(name, tuple(getattr(self, name)))
        _check_names(self.inputs, self.populations)
        for connection in self.connections:
            with located(f"connection {connection.source}->{connection.target}"):
                self._check_connection(connection)
        self._set("populations", _ordered(self.populations, self.connections))
        self._set("metadata", FrozenMapping(_checked_metadata(self.metadata)))
        self._check_readout()

    @property
    def digest(self) -> str:
        """SHA-256 over inputs, populations, connections and readout, names included."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return digest((self.inputs, self.populations, self.connections, self.readout))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Population names in order: index k is the k of ``layer{k}`` in trace files."""
        return tuple(population.name for population in self.populations)

    def index(self, name: str) -> int:
        """Return the number of a population, or raise ProgramError naming the known ones."""
        try:
            return self.names.index(name)
        except ValueError:
            known = ", ".join(self.names)
            raise ProgramError(f"no population {name!r}, there are {known}") from None

    def node(self, name: str) -> Input | Population:
        """Return the input or population of that name."""
        return self._nodes[name]

    @cached_property
    def _nodes(self) -> dict[str, Input | Population]:
        nodes: list[Input | Population] = [*self.inputs, *self.populations]
        return {node.name: node for node in nodes}

    @cached_property
    def connection_names(self) -> tuple[str, ...]:
        """One unique text per connection: ``source->target``, ``:port`` and ``#n`` if needed."""
        seen: dict[str, int] = {}
        result = []
        for connection in self.connections:
            port = "" if connection.port == "a" else f":{connection.port}"
            text = f"{connection.source}->{connection.target}{port}"
            seen[text] = seen.get(text, 0) + 1
            result.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
        return tuple(result)

    @property
    def neurons(self) -> int:
        """Number of neurons of all populations."""
        return sum(population.size for population in self.populations)

    def is_graded(self, source: str, input_bits: int | None = None) -> bool:
        """Whether messages from ``source`` count by value (True) or as 0/1 events (False)."""
        node = self.node(source)
        if isinstance(node, Input):
            return (node.message_bits if input_bits is None else input_bits) > 0
        return node.neuron.graded

    def _check_connection(self, connection: Connection) -> None:
        source = self._nodes.get(connection.source)
        target = self._nodes.get(connection.target)
        if source is None:
            raise ProgramError(f"there is no input or population {connection.source!r}")
        if not isinstance(target, Population):
            raise ProgramError(f"there is no population {connection.target!r}")
        if connection.port not in target.neuron.ports:
            raise ProgramError(
                f"port is {connection.port!r}, {type(target.neuron).__name__} has "
                f"{', '.join(target.neuron.ports)}"
            )
        if connection.synapse.input_only and not isinstance(source, Input):
            name = type(connection.synapse).__name__
            raise ProgramError(f"a {name} synapse starts at an input, not at a population")
        if connection.feedback and isinstance(source, Input):
            raise ProgramError("a feedback connection starts at a population, not at an input")
        connection.synapse.check_roles()
        connection.synapse.check_shapes(source.shape, target.shape)

    def _check_readout(self) -> None:
        with located("readout"):
            population = self.populations[self.index(self.readout.population)]
            if self.readout.variable not in population.neuron.variables:
                raise ProgramError(
                    f"variable is {self.readout.variable!r}, population {population.name} has "
                    f"{', '.join(population.neuron.variables)}"
                )
            if population.size % self.readout.pool:
                raise ProgramError(
                    f"pool is {self.readout.pool}, which does not divide the {population.size} "
                    f"neurons of {population.name}"
                )

    @property
    def classes(self) -> int:
        """Number of classes that the read-out tells apart: neurons / pool."""
        return self.populations[self.index(self.readout.population)].size // self.readout.pool


def with_readout(
    program: Program,
    population: str | None = None,
    variable: str | None = None,
    window: int | None = None,
    pool: int | None = None,
) -> Program:
    """Return ``program`` read by other means; what is None stays as it is.

    population, variable, window, pool : as in `Readout`. Another population is pooled by 1 unless
    ``pool`` says otherwise.

    Raises ProgramError for a population or variable that is not there, or a pool that does not
    divide the neurons.
    """
    now = program.readout
    moved = population is not None and population != now.population
    kept = 1 if moved else now.pool
    readout = Readout(
        population or now.population,
        variable or now.variable,
        now.window if window is None else window,
        pool=kept if pool is None else pool,
    )
    return replace(program, readout=readout)


def _check_names(inputs: Iterable[Input], populations: Iterable[Population]) -> None:
    seen: set[str] = set()
    inputs, populations = tuple(inputs), tuple(populations)
    if not inputs or not populations:
        missing = "populations" if inputs else "inputs"
        raise ProgramError(f"the program has no {missing}, expected at least one")
    for name in [node.name for node in inputs] + [node.name for node in populations]:
        if name in seen:
            raise ProgramError(f"name {name!r} is used twice, names must differ")
        seen.add(name)


def _ordered(
    populations: tuple[Population, ...], connections: tuple[Connection, ...]
) -> tuple[Population, ...]:
    """Sort topologically, ties in order of declaration; raise on a cycle of forward edges."""
    names = {population.name for population in populations}
    sources: dict[str, set[str]] = {name: set() for name in names}
    for connection in connections:
        if not connection.feedback and connection.source in names:
            sources[connection.target].add(connection.source)
    waiting, order, placed = list(populations), list[Population](), set[str]()
    while waiting:
        ready = next((p for p in waiting if sources[p.name] <= placed), None)
        if ready is None:
            cycle = ", ".join(population.name for population in waiting)
            raise ProgramError(f"cycle through {cycle}; mark one of its connections as feedback")
        waiting.remove(ready)
        order.append(ready)
        placed.add(ready.name)
    return tuple(order)


def _checked_metadata(metadata: Mapping[str, MetadataValue]) -> dict[str, MetadataValue]:
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            raise ProgramError(f"metadata {key!r} is {value!r}, expected text or a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise ProgramError(f"metadata {key!r} is {value!r}, expected a finite number")
    return dict(metadata)
