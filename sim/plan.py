"""A Program prepared for a run: latencies, reset columns and weights settled before any step.

Every engine executes a Plan. Columns count from 0; column c is Lava's step t = c + 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import NothingToCondition, condition
from neurodeploy.equivalence import arrivals
from neurodeploy.errors import ProgramError, located
from neurodeploy.program import Connection, Input, Population, Program
from neurodeploy.sim.fanout import FanOut, fan_out
from neurodeploy.sim.options import RunOptions
from neurodeploy.synapse import Synapse


@dataclass(frozen=True)
class Edge:
    """A connection, ready to run.

    source : index into the inputs if ``from_input``, else into the populations. target : index
    into the populations. latency : columns between sending and arrival, delays come on top.
    binary : every non-zero message counts as one event. given : the weights as they came, int32, or
    int64 and conditioned if asked for, or None. shift : right shift of the accumulator in
    bits. bits : width at which the accumulator wraps.
    """

    index: int
    name: str
    source: int
    from_input: bool
    target: int
    synapse: Synapse
    port: str
    latency: int
    binary: bool
    given: NDArray[Any] | None
    shift: int
    bits: int

    @cached_property
    def weight(self) -> NDArray[np.int64]:
        """The weights as int64, made for the engines that compute with them; empty without any."""
        given = np.zeros(0, np.int64) if self.given is None else self.given
        return given.astype(np.int64, copy=False)


@dataclass(frozen=True)
class Stage:
    """A population, ready to run.

    depth : number of populations on the longest forward path before it.
    lead : column in which its first data arrive (shortest path, delays left out).
    reset_column : the population is cleared where ``column mod interval`` equals this, or None.
    incoming, outgoing : edges in order of declaration. recorded : variables to record.
    """

    index: int
    population: Population
    depth: int
    lead: int
    reset_column: int | None
    incoming: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    recorded: tuple[str, ...]

    def is_reset(self, column: int, interval: int | None) -> bool:
        """Whether the population is cleared at the start of ``column``."""
        return interval is not None and column % interval == self.reset_column

    def sample_step(self, column: int, interval: int | None) -> int:
        """Steps since the first data of the sample, the index of gain and signature.

        ``column - lead``, modulo the reset interval once data have arrived; negative before.
        """
        step = column - self.lead
        return step if interval is None or step < 0 else step % interval


@dataclass(frozen=True)
class Outline:
    """Names and shapes of a Plan: what need be known of it once an engine is built.

    populations : shape by name. edges : names. columns : of a run, None for those of the input.
    bits : message bits in effect for each input, None where its values go straight to neurons.
    """

    inputs: tuple[Input, ...]
    bits: tuple[int | None, ...]
    populations: Mapping[str, tuple[int, ...]]
    edges: tuple[str, ...]
    columns: int | None


@dataclass(frozen=True)
class Plan:
    """A Program with run options, ready for any engine."""

    program: Program
    options: RunOptions
    edges: tuple[Edge, ...]
    stages: tuple[Stage, ...]

    @cached_property
    def outline(self) -> Outline:
        """Names and shapes, without weights."""
        shapes = {population.name: population.shape for population in self.program.populations}
        edges = tuple(edge.name for edge in self.edges)
        bits = tuple(self._bits(node) for node in self.program.inputs)
        return Outline(self.program.inputs, bits, shapes, edges, self.options.steps)

    def _bits(self, node: Input) -> int | None:
        leaving = (c.synapse for c in self.program.connections if c.source == node.name)
        if not any(synapse.binarises for synapse in leaving):
            return None
        given = self.options.input_bits
        return node.message_bits if given is None else given

    @cached_property
    def fan_outs(self) -> tuple[FanOut, ...]:
        """Per edge, synapses per source value; non-zero ones among the weights of the run."""
        conditioned = self.options.weights == "lava"
        return tuple(
            fan_out(self.program, edge.index, edge.given if conditioned else None)
            for edge in self.edges
        )

    @property
    def has_feedback(self) -> bool:
        """Whether any connection is recurrent, so that steps must run in order."""
        return any(connection.feedback for connection in self.program.connections)


def prepare(program: Program, options: RunOptions) -> Plan:
    """Return the Plan of ``program`` under ``options``.

    Raises OptionError for names to record that do not exist, ProgramError for weights that
    Lava's conditioning cannot take (``weights="lava"`` and a matrix of zeros).
    """
    recorded = options.recorded(program)
    edges = _edges(program, options)
    arrived, pipelined = arrivals(program), options.timing == "pipelined"
    stages = tuple(
        Stage(
            index=k,
            population=population,
            depth=arrived[population.name].depth,
            lead=arrived[population.name].lead if pipelined else 0,
            reset_column=_reset_column(options, arrived[population.name].depth),
            incoming=tuple(edge for edge in edges if edge.target == k),
            outgoing=tuple(edge for edge in edges if not edge.from_input and edge.source == k),
            recorded=recorded[k],
        )
        for k, population in enumerate(program.populations)
    )
    return Plan(program, options, edges, stages)


def _reset_column(options: RunOptions, depth: int) -> int | None:
    """Aligned: ``o mod I``. Pipelined: step t with ``t mod I == (o + 1 + depth) mod I``."""
    if options.reset_interval is None:
        return None
    depth = depth if options.timing == "pipelined" else 0
    return (options.reset_offset + depth) % options.reset_interval


def _edges(program: Program, options: RunOptions) -> tuple[Edge, ...]:
    input_names = [node.name for node in program.inputs]
    weights = _weights(program, options)
    edges = []
    for index, connection in enumerate(program.connections):
        from_input = connection.source in input_names
        source = (
            input_names.index(connection.source) if from_input else program.index(connection.source)
        )
        synapse = connection.synapse
        weight, shift = weights[index]
        edges.append(
            Edge(
                index=index,
                name=program.connection_names[index],
                source=source,
                from_input=from_input,
                target=program.index(connection.target),
                synapse=synapse,
                port=connection.port,
                latency=_latency(connection, options),
                binary=synapse.binarises
                and not program.is_graded(connection.source, options.input_bits),
                given=weight,
                shift=shift,
                bits=synapse.accumulator_bits,
            )
        )
    return tuple(edges)


def _latency(connection: Connection, options: RunOptions) -> int:
    late = options.timing == "pipelined" or connection.feedback
    return connection.synapse.latency if late else 0


def _weights(program: Program, options: RunOptions) -> list[tuple[NDArray[Any] | None, int]]:
    """Return (weight, shift) per connection, conditioned where ``weights="lava"`` asks for it."""
    result: list[tuple[NDArray[Any] | None, int]] = [
        (getattr(connection.synapse, "weight", None), 0) for connection in program.connections
    ]
    if options.weights == "lava":
        for members in dense_groups(program):
            with located(f"connection {program.connection_names[members[0]]}"):
                try:
                    conditioned = condition(group_weights(program, members))
                except NothingToCondition as error:
                    raise ProgramError(str(error)) from error
            for i, entry in zip(members, conditioned, strict=True):
                result[i] = (entry.weight, entry.shift)
    return result


def dense_groups(program: Program) -> list[list[int]]:
    """Return the connections that are conditioned together: one list of indices per exponent."""
    groups: dict[str, list[int]] = {}
    for index, connection in enumerate(program.connections):
        if connection.synapse.conditioned:
            key = f"#{index}" if connection.group is None else f"={connection.group}"
            groups.setdefault(key, []).append(index)
    return list(groups.values())


def group_weights(program: Program, members: Iterable[int]) -> list[NDArray[np.int64]]:
    """Return the weights of connections that are conditioned together, int64 ``(out, in)``."""
    synapses = (program.connections[index].synapse for index in members)
    return [np.asarray(synapse.rows, np.int64) for synapse in synapses]
