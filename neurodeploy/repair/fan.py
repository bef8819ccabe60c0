"""Sources and targets of a neuron: read-outs cut into parts, copies of neurons, weights dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, M
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.repair.edits import (
    concerned,
    fresh_names,
    into,
    out_of,
    population_of,
    with_weights,
)
from neurodeploy.repair.record import Draft, Outcome, Repair
from neurodeploy.rules import Violation

LINEAR_DECAYS = (0, DECAY_ONE)
"""Decays without truncation: all is kept, or nothing."""


def split_readout(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Cut neurons whose sums are read into parts that each hear some of the sources.

    A class is then the sum over its parts (``Readout.pool``), which is what one neuron would have
    summed: u and v are sums without truncation where decays keep all or nothing.
    """
    draft = Draft(program)
    for name, used, limit in _per_population(program, found):
        population, where = population_of(program, name), f"population {name}"
        why = _not_linear(program, population)
        if why is not None:
            draft.refuse(where, why)
            continue
        parts = -(-used // limit)
        draft.program = _cut(draft.program, population, parts)
        forgets = all(np.all(d == DECAY_ONE) for d in population.neuron.having("decay").values())
        text = f"each neuron is {parts}, which hear a part of the sources; the read-out adds them"
        draft.changed(
            where, text if forgets else f"{text}, the same while none overflows", exact=forgets
        )
    return draft.outcome()


def _per_population(program: Program, found: Sequence[Violation]) -> Iterator[tuple[str, int, int]]:
    """Yield (population, most that is used, least that is allowed) of its violations."""
    for name in concerned(program, found):
        own = [v for v in found if v.where == f"population {name}"]
        yield name, max(int(v.value) for v in own), min(int(v.limit) for v in own)


def _not_linear(program: Program, population: Population) -> str | None:
    """Say why a population is more than the sums of its sources, None where it is just that."""
    neuron, readout = population.neuron, program.readout
    numbers = into(program, population.name)
    if readout.population != population.name or out_of(program, population.name):
        return "only neurons whose sums are read, and nothing else, can be cut into parts"
    if neuron.spikes or neuron.family != "cuba":
        return "neurons that spike answer to the whole of their input, not to parts of it"
    if any(not np.isin(d, LINEAR_DECAYS).all() for d in neuron.having("decay").values()):
        return "decays truncate, so that parts do not add up to the whole"
    if len(numbers) != 1 or program.connections[numbers[0]].synapse.layout != "matrix":
        return "only one dense connection into a read-out can be cut into parts"
    if program.connections[numbers[0]].synapse.having("delay").get("delay") is not None:
        return "a read-out with delays is not cut into parts"
    rows = program.connections[numbers[0]].synapse.rows
    if rows is None or int(np.abs(rows).sum(axis=1).max()) << MANTISSA_SHIFT >= M:
        return "the sums may wrap, so that parts do not add up to the whole"
    return None


def _cut(program: Program, population: Population, parts: int) -> Program:
    """Return the program with ``parts`` neurons for each of the population, sources shared out."""
    (number,) = into(program, population.name)
    connection = program.connections[number]
    synapse: Any = connection.synapse
    weight = np.asarray(synapse.weight)
    rows = np.zeros((len(weight), parts, weight.shape[1]), np.int64)
    for neuron, row in enumerate(weight):
        for part, sources in enumerate(np.array_split(np.flatnonzero(row), parts)):
            rows[neuron, part, sources] = row[sources]
    first = np.arange(parts) == 0

    def spread(values: Any, everywhere: bool) -> NDArray[np.int64]:
        full = np.broadcast_to(np.asarray(values, np.int64), population.shape).reshape(-1, 1)
        return np.asarray((full * (first | everywhere)).reshape(-1))

    neuron_record: Any = population.neuron
    fields = {
        field: spread(values, role == "decay")
        for role in ("decay", "bias", "initial")
        for field, values in neuron_record.having(role).items()
    }
    new = Population(population.name, (population.size * parts,), replace(neuron_record, **fields))
    connections = list(program.connections)
    cut = replace(synapse, weight=rows.reshape(-1, weight.shape[1]))
    connections[number] = replace(connection, synapse=cut)
    return replace(
        program,
        populations=tuple(new if p.name == new.name else p for p in program.populations),
        connections=tuple(connections),
        readout=replace(program.readout, pool=program.readout.pool * parts),
    )


def prune(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Drop the smallest weights of neurons that hear too many sources."""
    draft = Draft(program)
    for name, _, limit in _per_population(program, found):
        where = f"population {name}"
        numbers = [n for n in into(program, name) if program.connections[n].synapse.has_weight]
        rows = {n: np.asarray(program.connections[n].synapse.rows, np.int64) for n in numbers}
        if len({len(part) for part in rows.values()}) != 1:
            draft.refuse(where, "kernels and matrices end there together")
            continue
        kept = _largest(np.concatenate(list(rows.values()), axis=1), limit)
        splits = np.cumsum([part.shape[1] for part in rows.values()])[:-1]
        new = dict(zip(rows, np.split(kept, splits, axis=1), strict=True))
        before = sum(int(np.count_nonzero(part)) for part in rows.values())
        dropped = before - int(np.count_nonzero(kept))
        draft.program = with_weights(draft.program, new)
        text = f"{dropped:,} of {before:,} weights dropped, the smallest of each neuron"
        draft.changed(where, text, exact=False)
    return draft.outcome()


def _largest(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return rows whose ``limit`` largest magnitudes are kept, the first of equal ones."""
    order = np.argsort(-np.abs(rows), axis=1, kind="stable")
    kept = rows.copy()
    np.put_along_axis(kept, order[:, limit:], 0, axis=1)
    return kept


def clone(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Copy neurons that reach too many others; each copy hears the same and reaches a part."""
    draft = Draft(program)
    for name in concerned(program, found):
        where, limit = f"population {name}", min(int(v.limit) for v in found)
        rule = next(v.rule for v in found if v.where == where)
        why = _not_copied(draft.program, name)
        if why is not None:
            draft.refuse(where, why)
            continue
        shares = _targets_shared(draft.program, name, limit, by_layer=rule == "fan_out_layers")
        draft.program = _copied(draft.program, name, shares)
        text = f"{len(shares)} copies, each of which reaches a part of the targets"
        draft.changed(where, text, exact=True)
    return draft.outcome()


def _not_copied(program: Program, name: str) -> str | None:
    if any(program.connections[n].feedback for n in (*into(program, name), *out_of(program, name))):
        return "neurons of a loop are not copied"
    if any(not program.connections[n].synapse.has_weight for n in into(program, name)):
        return "values from outside go straight to the neurons, which are not copied"
    return None


Share = dict[int, tuple[int, int]]
"""Rows (first, last + 1) of each outgoing connection that a copy drives."""


def _targets_shared(program: Program, name: str, limit: int, *, by_layer: bool) -> list[Share]:
    """Return what each copy drives: whole connections, or rows of as many targets as allowed."""
    numbers = out_of(program, name)
    lengths = {n: len(program.connections[n].synapse.rows) for n in numbers}  # type: ignore[arg-type]
    if by_layer:
        targets = list(dict.fromkeys(program.connections[n].target for n in numbers))
        groups = [targets[i : i + limit] for i in range(0, len(targets), limit)]
        return [
            {n: (0, lengths[n]) for n in numbers if program.connections[n].target in group}
            for group in groups
        ]
    shares: list[Share] = []
    for n in numbers:
        rows = np.asarray(program.connections[n].synapse.rows)
        first = 0
        while first < len(rows):
            last = first + 1
            while last < len(rows) and _reach(program, n, rows[first : last + 1]) <= limit:
                last += 1
            shares.append({n: (first, last)})
            first = last
    return shares


def _reach(program: Program, number: int, rows: NDArray[np.int32]) -> int:
    """Return the most weights other than 0 that one source meets in those rows; in a kernel, those
    of its channel."""
    channels = rows.shape[1]
    if program.connections[number].synapse.layout == "kernel":
        channels = np.shape(program.connections[number].synapse.having("weight")["weight"])[1]
    met = np.count_nonzero(rows.reshape(len(rows), channels, -1), axis=(0, 2))
    return int(met.max())


def _copied(program: Program, name: str, shares: list[Share]) -> Program:
    """Return the program with a copy of the population for each share; the first keeps the name."""
    names = [name, *fresh_names(program, name, len(shares) - 1, "copy")]
    own = population_of(program, name)
    populations = [
        copy
        for p in program.populations
        for copy in ([replace(own, name=n) for n in names] if p.name == name else [p])
    ]
    connections = []
    for number, connection in enumerate(program.connections):
        if connection.target == name:
            connections += [replace(connection, target=copy) for copy in names]
        elif connection.source == name:
            connections += [
                _driving(replace(connection, source=copy), share[number])
                for copy, share in zip(names, shares, strict=True)
                if number in share
            ]
        else:
            connections.append(connection)
    return replace(program, populations=tuple(populations), connections=tuple(connections))


def _driving(connection: Any, rows: tuple[int, int]) -> Any:
    """Return the connection with the weights of those rows, all others 0."""
    weight = np.array(connection.synapse.weight)
    weight[: rows[0]] = 0
    weight[rows[1] :] = 0
    return replace(connection, synapse=replace(connection.synapse, weight=weight))


FAN_REPAIRS = (
    Repair("split-readout", ("fan_in",), "sums that are read, cut into parts", split_readout),
    Repair("prune", ("fan_in",), "the smallest weights of a neuron dropped", prune),
    Repair(
        "copy",
        ("fan_out_neurons", "fan_out_layers"),
        "copies of neurons that share their targets",
        clone,
    ),
)
