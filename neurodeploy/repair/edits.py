"""A program with some of its parts replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from neurodeploy.program import Connection, Population, Program
from neurodeploy.rules import Violation


def with_weights(program: Program, weights: Mapping[int, Any]) -> Program:
    """Return ``program`` with other weights of the connections of these numbers."""
    connections = list(program.connections)
    for number, weight in weights.items():
        synapse: Any = connections[number].synapse
        connections[number] = replace(
            connections[number],
            synapse=replace(synapse, weight=weight.reshape(synapse.weight.shape)),
        )
    return replace(program, connections=tuple(connections))


def with_neurons(program: Program, fields: Mapping[str, Mapping[str, Any]]) -> Program:
    """Return ``program`` with other fields of the neurons of these populations."""
    populations = [
        replace(p, neuron=replace(p.neuron, **fields[p.name])) if p.name in fields else p
        for p in program.populations
    ]
    return replace(program, populations=tuple(populations))


def into(program: Program, population: str) -> tuple[int, ...]:
    """Return the numbers of the connections that end at a population."""
    numbered = enumerate(program.connections)
    return tuple(n for n, connection in numbered if connection.target == population)


def out_of(program: Program, population: str) -> tuple[int, ...]:
    """Return the numbers of the connections that start at a population."""
    numbered = enumerate(program.connections)
    return tuple(n for n, connection in numbered if connection.source == population)


def population_of(program: Program, name: str) -> Population:
    """Return a population by its name."""
    return program.populations[program.index(name)]


def fresh_names(program: Program, name: str, count: int, mark: str = "") -> tuple[str, ...]:
    """Return ``name.mark1``, ``name.mark2`` ..., as many as asked for, none of them taken."""
    taken = {node.name for node in program.inputs} | set(program.names)
    found: list[str] = []
    number = 1
    while len(found) < count:
        candidate = f"{name}.{mark}{number}"
        if candidate not in taken:
            found.append(candidate)
        number += 1
    return tuple(found)


def concerned(program: Program, found: Sequence[Violation]) -> tuple[str, ...]:
    """Return the populations that violations are about, or into which their connections lead."""
    targets = {
        f"connection {name}": connection.target
        for name, connection in zip(program.connection_names, program.connections, strict=True)
    }
    targets |= {f"population {name}": name for name in program.names}
    return tuple(dict.fromkeys(targets[v.where] for v in found if v.where in targets))


def renamed(connection: Connection, **fields: Any) -> Connection:
    """Return a connection with other fields, its synapse's too where they are its own."""
    own = {key: fields.pop(key) for key in tuple(fields) if hasattr(connection.synapse, key)}
    synapse: Any = connection.synapse
    return replace(connection, synapse=replace(synapse, **own) if own else synapse, **fields)
