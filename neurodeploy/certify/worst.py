"""How many spikes and synaptic operations a sample can cost at most: seen, in a ball, in all data.

Bounds come from intervals of every message; a message that may be other than 0 counts in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers.runner import fitted
from neurodeploy.bounds import Bounds, Interval, bound
from neurodeploy.certify.boxes import Boxes
from neurodeploy.certify.prover import Prover
from neurodeploy.data.presentation import Presentation
from neurodeploy.sim.plan import Edge, Plan

Counts = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class WorstCase:
    """Counts of one sample. name : of a population, or of a connection for operations.

    mean, largest : of the samples as they are. within : the bound of the largest within each
    budget, in the order of the budgets. always : the bound over all data of the range.
    """

    name: str
    mean: float
    largest: int
    within: tuple[int, ...]
    always: int


@dataclass(frozen=True)
class WorstCases:
    """Spikes by population, and synaptic operations by connection (every tap inside the border)."""

    spikes: tuple[WorstCase, ...]
    synops: tuple[WorstCase, ...]


def worst_cases(prover: Prover, data: Presentation, budgets: tuple[int, ...]) -> WorstCases:
    """Return how much the samples of ``data`` cost at most."""
    plan, steps = prover.plan, prover.recipe.steps
    seen: list[tuple[Counts, Counts]] = []
    for piece in prover.runner.run(data):
        seen.append((dict(piece.activity.spikes), dict(piece.activity.synops_taps)))
    within = [_largest(plan, steps, data, budget) for budget in budgets]
    widest = data.domain.high - data.domain.low
    always = _largest(plan, steps, data.first(1), widest)
    parts = []
    for kind in (0, 1):
        rows = []
        for name in seen[0][kind]:
            counts = np.concatenate([entry[kind][name] for entry in seen])
            bounds = tuple(found[kind][name] for found in within)
            row = WorstCase(
                name, float(counts.mean()), int(counts.max()), bounds, always[kind][name]
            )
            rows.append(row)
        parts.append(tuple(rows))
    return WorstCases(parts[0], parts[1])


def _largest(
    plan: Plan, steps: int, data: Presentation, budget: int
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return the largest bounds over all balls: spikes by population, operations by connection."""
    spikes = dict.fromkeys(plan.program.names, 0)
    synops = dict.fromkeys((edge.name for edge in plan.edges), 0)
    chunk = Boxes(plan, steps).chunk
    for start in range(0, len(data), chunk):
        rows = slice(start, min(start + chunk, len(data)))
        low, high = (fitted(end, steps) for end in data.ends(rows, budget))
        found = bound(plan, low, high, steps=steps)
        for name in spikes:
            spikes[name] = max(spikes[name], int(_events(found[name].s).sum(axis=1).max()))
        given = Interval(*(end.reshape(len(end), steps, -1) for end in (low, high)))
        for edge, events in _sources(plan, found, given):
            operations = events @ plan.fan_outs[edge.index].taps
            synops[edge.name] = max(synops[edge.name], int(operations.max()))
    return spikes, synops


def _sources(
    plan: Plan, found: Bounds, given: Interval
) -> Iterator[tuple[Edge, NDArray[np.int64]]]:
    """Yield every edge with the most events of each of its source's values, ``(batch, size)``."""
    for edge in plan.edges:
        if edge.from_input:
            yield edge, _events(given)
        else:
            yield edge, _events(found[plan.stages[edge.source].population.name].s)


def _events(messages: Interval) -> NDArray[np.int64]:
    """Return in how many steps a message may be other than 0, ``(batch, size)``."""
    maybe = (messages.low != 0) | (messages.high != 0)
    return np.asarray(maybe.sum(axis=1).reshape(len(maybe), -1), np.int64)
