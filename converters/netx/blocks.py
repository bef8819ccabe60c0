"""A Program seen as the chain of blocks that NetX can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurodeploy.errors import ExportError
from neurodeploy.fixedpoint import IntArray
from neurodeploy.program import Connection, Input, Population, Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

ELSEWHERE = "save it as .h5 and run it in engine 'native' or 'reference'"
"""The way out where NetX has nothing that comes near."""


@dataclass(frozen=True)
class Block:
    """One population with the connections into it: one layer of a NetX file.

    kind : ``"input"``, ``"dense"``, ``"dense_rec"``, ``"complex"`` or ``"conv"``.
    forward : one connection, or the two of a complex layer, ``re`` first. own : the recurrent one.
    """

    kind: str
    source: Input | Population
    population: Population
    forward: tuple[Connection, ...]
    own: Connection | None = None

    @property
    def where(self) -> str:
        """The population, as errors and warnings name it."""
        return f"population {self.population.name}"

    @property
    def conditioned(self) -> tuple[tuple[Connection, ...], ...]:
        """Dense connections that Lava conditions together, one tuple per exponent."""
        if self.kind == "complex":
            return tuple((connection,) for connection in self.forward)
        if self.kind in ("dense", "dense_rec"):
            return (self.forward if self.own is None else (*self.forward, self.own),)
        return ()

    def with_weights(self, weights: Sequence[IntArray]) -> Block:
        """Return the block with the weights of `conditioned`, in that order, replaced."""
        new = []
        connections = self.forward if self.own is None else (*self.forward, self.own)
        for connection, weight in zip(connections, weights, strict=True):
            delay = getattr(connection.synapse, "delay", None)
            new.append(replace(connection, synapse=Dense(weight, delay)))
        if self.own is None:
            return replace(self, forward=tuple(new))
        return replace(self, forward=tuple(new[:-1]), own=new[-1])


KINDS: ByType[str] = ByType(
    "layer type in NetX", Synapse, {Direct: "input", Dense: "dense", Conv2d: "conv"}
)
"""Type of a synapse -> the layer that it makes of the population behind it."""


def weight_of(connection: Connection) -> IntArray:
    """Return the weights of a dense or convolutional connection as int64."""
    weight = getattr(connection.synapse, "weight", None)
    if weight is None:
        raise TypeError(f"{type(connection.synapse).__name__} has no weights")
    return np.asarray(weight, dtype=np.int64)


def blocks(program: Program) -> tuple[Block, ...]:
    """Return the chain of ``program``.

    Raises ExportError with everything in its structure that NetX cannot hold.
    """
    problems = list(_input_problems(program))
    chain: list[Block] = []
    source: Input | Population = program.inputs[0]
    for population in program.populations:
        found = list(_problems(program, population, source))
        problems += [f"population {population.name}: {text}" for text in found]
        if not found:
            chain.append(_block(program, population, source))
        source = population
    if problems:
        raise ExportError("; ".join(problems))
    return tuple(chain)


def _input_problems(program: Program) -> Iterator[str]:
    if len(program.inputs) > 1:
        names = ", ".join(node.name for node in program.inputs)
        yield f"inputs are {names}, NetX has one; join them into one input"


def _incoming(program: Program, population: Population) -> list[Connection]:
    return [c for c in program.connections if c.target == population.name]


def _block(program: Program, population: Population, source: Input | Population) -> Block:
    incoming = _incoming(program, population)
    forward = sorted((c for c in incoming if not c.feedback), key=lambda c: c.port == "im")
    own = next((c for c in incoming if c.feedback), None)
    return Block(_kind(forward, own), source, population, tuple(forward), own)


def _kind(forward: Sequence[Connection], own: Connection | None) -> str:
    if len(forward) == 2:
        return "complex"
    kind = KINDS[type(forward[0].synapse)]
    return "dense_rec" if kind == "dense" and own is not None else kind


def _problems(
    program: Program, population: Population, source: Input | Population
) -> Iterator[str]:
    """What NetX cannot hold of the connections into one population."""
    incoming = _incoming(program, population)
    forward = [c for c in incoming if not c.feedback]
    unknown = sorted({type(c.synapse).__name__ for c in incoming if type(c.synapse) not in KINDS})
    if unknown:
        yield f"NetX has no {', '.join(unknown)} synapses; {ELSEWHERE}"
    others = sorted({c.source for c in forward} - {source.name})
    if others:
        yield (
            f"takes input from {', '.join(others)}, NetX is a chain in which only {source.name} "
            f"comes before it; drop skip connections and branches, or {ELSEWHERE}"
        )
        return
    if not forward:
        yield f"has no forward connection, NetX needs one from {source.name}"
        return
    yield from _forward_problems(forward, population, source)
    yield from _feedback_problems(forward, [c for c in incoming if c.feedback], population)
    yield from _group_problems(program, incoming)


def _forward_problems(
    forward: Sequence[Connection], population: Population, source: Input | Population
) -> Iterator[str]:
    if set(population.neuron.ports) == {"re", "im"}:
        yield from _resonator_problems(forward)
    elif len(forward) > 1:
        yield f"has {len(forward)} connections from one source, NetX has one; add their weights"
    elif not forward[0].synapse.has_weight:
        if population.shape != source.shape:
            yield (
                f"has shape {population.shape} and its input {source.shape}, NetX has one shape "
                "for both"
            )
    elif forward[0].port != "a":
        yield f"is driven at port {forward[0].port!r} by weights, NetX drives the current only"
    if len(population.shape) == 3 and any(_is_matrix(c) for c in forward):
        yield (
            f"has shape {population.shape} behind dense weights, NetX makes it flat; give it "
            f"shape ({population.size},)"
        )


def _is_matrix(connection: Connection) -> bool:
    return connection.synapse.layout == "matrix"


def _resonator_problems(forward: Sequence[Connection]) -> Iterator[str]:
    ports = sorted(c.port for c in forward)
    if ports != ["im", "re"] or not all(_is_matrix(c) for c in forward):
        yield "resonate-and-fire needs one dense connection to 're' and one to 'im'"
    elif any(c.synapse.max_delay for c in forward):
        yield "has delays into resonate-and-fire, which Lava ignores; remove them"


def _feedback_problems(
    forward: Sequence[Connection], feedback: Sequence[Connection], population: Population
) -> Iterator[str]:
    for connection in feedback:
        if connection.source != population.name:
            yield (
                f"takes feedback from {connection.source}, NetX has recurrence of a population "
                f"onto itself only; {ELSEWHERE}"
            )
    own = [c for c in feedback if c.source == population.name]
    if not own:
        return
    plain = len(own) == 1 and all(_is_matrix(c) and c.port == "a" for c in (*own, *forward))
    if not plain:
        yield "is recurrent, for which NetX has one dense connection behind another"
    elif any(c.synapse.max_delay for c in (*own, *forward)):
        yield "is recurrent with delays, where Lava stops or loses the exponent; remove the delays"


def _group_problems(program: Program, incoming: Sequence[Connection]) -> Iterator[str]:
    """Groups of connections that NetX conditions apart."""
    for group in sorted({c.group for c in incoming if c.group is not None}):
        members = [c for c in program.connections if c.group == group]
        apart = [c for c in members if c not in incoming or c.port in ("re", "im")]
        if len(members) > 1 and apart:
            yield (
                f"shares group {group!r} over {len(members)} connections, NetX conditions only "
                "the weights of a recurrent population together; drop the group"
            )
