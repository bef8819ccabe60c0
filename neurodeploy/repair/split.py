"""Populations cut into several that hold a part of the channels each: the same neurons and sums.

    a -> P -> b    becomes    a -> P.1 -> b, a -> P.2 -> b, ...

A part has the rows of its channels of every connection into the whole, and of every connection out
of it the columns. Currents of several connections add up before a neuron sees them, so that nothing
changes but where a sum may wrap.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import ModelError
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Connection, Population, Program
from neurodeploy.registry import ByType
from neurodeploy.repair.edits import concerned, fresh_names, into, out_of, population_of
from neurodeploy.repair.record import Draft, Outcome, Repair
from neurodeploy.rules import Violation
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

Block = tuple[int, int]
"""Channels first..last of a population, the last not included; of a flat one, neurons."""


def split(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Cut populations whose weights or states are too many for one core into equal parts."""
    draft = Draft(program)
    for name in concerned(program, found):
        where = f"population {name}"
        own = [v for v in found if v.where == where]
        population = population_of(draft.program, name)
        parts = max(_parts(population.shape[0], int(v.value), int(v.limit)) for v in own)
        why = _whole(draft.program, population, parts)
        if why is not None:
            draft.refuse(where, why)
            continue
        draft.program = _split(draft.program, population, blocks(population.shape[0], parts))
        text = f"cut into {parts} of {population.size // parts:,} neurons or fewer, by channels"
        draft.changed(where, text, exact=_never_wraps(program, name))
    return draft.outcome()


def _parts(channels: int, used: int, limit: int) -> int:
    """Return the fewest parts of whole channels that use at most ``limit`` each, if any do."""
    most = limit * channels // used
    return -(-channels // most) if most else channels + 1


def blocks(channels: int, parts: int) -> tuple[Block, ...]:
    """Return ``parts`` blocks of channels whose sizes differ by one at most."""
    ends = [channels * part // parts for part in range(parts + 1)]
    return tuple(itertools.pairwise(ends))


def _whole(program: Program, population: Population, parts: int) -> str | None:
    """Say why a population cannot be cut, None where it can."""
    if program.readout.population == population.name:
        return "the population that is read stays whole"
    if population.shape[0] < parts:
        return "one of its channels alone is too large"
    touching = (*into(program, population.name), *out_of(program, population.name))
    for number in touching:
        connection = program.connections[number]
        if connection.feedback:
            return "a population in a loop is not cut"
        try:
            SLICES.of(connection.synapse)
        except ModelError as error:
            return str(error)
        if connection.synapse.having("geometry").get("groups", 1) != 1:
            return "a convolution in groups is not cut"
    return None


def _never_wraps(program: Program, name: str) -> bool:
    """Whether no sum over a connection out of the population can leave the accumulator."""
    for number in out_of(program, name):
        synapse = program.connections[number].synapse
        rows = synapse.rows
        if program.is_graded(name) or rows is None:
            return False
        largest = int(np.abs(np.asarray(rows, np.int64)).sum(axis=1).max())
        if largest >= 1 << (min(synapse.accumulator_bits, 32) - 1):
            return False
    return True


def _split(program: Program, population: Population, parts: Sequence[Block]) -> Program:
    names = fresh_names(program, population.name, len(parts))
    populations: list[Population] = []
    for p in program.populations:
        if p.name != population.name:
            populations.append(p)
            continue
        populations += [
            Population(name, (block[1] - block[0], *p.shape[1:]), _part(p, block))
            for name, block in zip(names, parts, strict=True)
        ]
    connections: list[Connection] = []
    for connection in program.connections:
        cut = SLICES.of(connection.synapse) if connection.synapse.has_weight else None
        for name, block in zip(names, parts, strict=True):
            if cut is not None and connection.target == population.name:
                synapse = cut(connection.synapse, population.shape, block, 0)
                connections.append(replace(connection, target=name, synapse=synapse))
            elif cut is not None and connection.source == population.name:
                synapse = cut(connection.synapse, population.shape, block, 1)
                connections.append(replace(connection, source=name, synapse=synapse))
        if population.name not in (connection.source, connection.target):
            connections.append(connection)
    return replace(program, populations=tuple(populations), connections=tuple(connections))


def _part(population: Population, block: Block) -> Any:
    """Return the neuron record of the channels of a block."""
    fields: dict[str, Any] = {}
    for name, role in population.neuron.roles.items():
        values = np.asarray(getattr(population.neuron, name)) if role.per != "setting" else None
        axis = 1 if role.per == "step" else 0
        if values is not None and values.ndim > axis and values.dtype != object:
            fields[name] = values[(slice(None),) * axis + (slice(*block),)]
    neuron: Any = population.neuron
    return replace(neuron, **fields)


def _dense(synapse: Dense, shape: tuple[int, ...], block: Block, axis: int) -> Dense:
    each = int(np.prod(shape[1:]))
    cut = [slice(None), slice(None)]
    cut[axis] = slice(block[0] * each, block[1] * each)
    delay = synapse.delay
    if delay is not None and delay.shape[axis] > 1:
        delay = delay[tuple(cut)]
    return replace(synapse, weight=synapse.weight[tuple(cut)], delay=delay)


def _conv(synapse: Conv2d, shape: tuple[int, ...], block: Block, axis: int) -> Conv2d:
    cut = [slice(None), slice(None)]
    cut[axis] = slice(*block)
    return replace(synapse, weight=synapse.weight[tuple(cut)])


SLICES: ByType[Callable[[Any, tuple[int, ...], Block, int], Synapse]] = ByType(
    "slice",
    Synapse,
    {Dense: _dense, Conv2d: _conv},
    "values that go straight to the neurons ({name}) are not shared out",
    without=(Direct,),
)
"""The synapse of some channels of its target (axis 0) or source (axis 1), of that shape."""

SPLIT = Repair("split", ("layer_memory",), "a population cut into several, by channels", split)
