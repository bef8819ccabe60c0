"""Overflow beyond the samples: in the balls around them, and an input that makes it happen.

A bound that fails says that overflow is not ruled out. What rules it in is a datum: of the neurons
with the largest bounds, the one that all weights of one sign drive, and its opposite, run on the
engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Runner
from neurodeploy.answers.runner import as_samples, fitted
from neurodeploy.bounds import bound
from neurodeploy.certify.boxes import Boxes
from neurodeploy.certify.weights import matrix
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Plan, Stage, prepare
from neurodeploy.verification.observed import COUNTED, LIMITS
from neurodeploy.verification.suites import Subject

SAMPLES = 200
"""Most samples whose balls are bounded."""
NEURONS = 8
"""Neurons of each population that inputs are made for."""


@dataclass(frozen=True)
class BallOverflow:
    """One state of one population in the balls around n samples.

    bound : largest magnitude before its limits in any of them. possible : samples in whose ball
    the bounds do not rule overflow out.
    """

    eps: float
    steps: int
    population: str
    state: str
    bound: int
    limit: int
    possible: int
    n: int


@dataclass(frozen=True)
class Witness:
    """A datum that makes a state overflow. x : its values, flat. count : of neuron-steps."""

    population: str
    state: str
    neuron: int
    count: int
    x: tuple[int, ...]


def in_balls(subject: Subject, eps: Sequence[float]) -> tuple[BallOverflow, ...]:
    """Return the bounds over the balls of the first samples, at every budget."""
    data, recipe = subject.data.first(SAMPLES), subject.recipe
    plan = _plan(subject)
    chunk = Boxes(plan, recipe.steps).chunk
    rows = []
    for budget in eps:
        steps = data.budget(budget)
        largest: dict[tuple[str, str], int] = {}
        possible: dict[tuple[str, str], int] = {}
        for start in range(0, len(data), chunk):
            part = slice(start, min(start + chunk, len(data)))
            ends = (fitted(end, recipe.steps) for end in data.ends(part, steps))
            found = bound(plan, *ends, steps=recipe.steps, extrema=True)
            for name in subject.program.names:
                for state in found[name].wide:
                    at, flags = (name, state), found[name].overflow[state]
                    largest[at] = max(largest.get(at, 0), found[name].largest(state))
                    some = flags.reshape(len(flags), -1).any(axis=1)
                    possible[at] = possible.get(at, 0) + int(some.sum())
        for (name, state), most in largest.items():
            limit = LIMITS.get(state, 2**31 - 1)
            count = possible[name, state]
            rows.append(BallOverflow(budget, steps, name, state, most, limit, count, len(data)))
    return tuple(rows)


def witnesses(subject: Subject) -> tuple[Witness, ...]:
    """Return for each state that made inputs overflow the datum that does so most often."""
    plan = _plan(subject)
    runner = Runner(subject.program, subject.recipe)
    best: dict[tuple[str, str], Witness] = {}
    for stage in plan.stages:
        for neuron, x in _made(subject, plan, stage):
            columns = subject.data.columns(np.zeros(1, np.int64), x[None])
            for piece in runner.run(as_samples(columns)):
                for name, state, count in _counts(subject, piece.activity):
                    known = best.get((name, state))
                    if count and (known is None or count > known.count):
                        values = tuple(x.reshape(-1).tolist())
                        best[name, state] = Witness(name, state, neuron, count, values)
    return tuple(best.values())


def _plan(subject: Subject) -> Plan:
    recipe = subject.recipe
    options = RunOptions(weights=recipe.weights, input_bits=recipe.input_bits)
    return prepare(subject.program, options)


def _made(subject: Subject, plan: Plan, stage: Stage) -> list[tuple[int, NDArray[Any]]]:
    """Return data that drive neurons of ``stage`` as far as one sign of their weights can."""
    edges = [edge for edge in stage.incoming if edge.from_input and edge.port == "a"]
    if not edges or len(subject.program.inputs) != 1:
        return []
    weight = np.sum([matrix(plan, edge) for edge in edges], axis=0)
    data, shape = subject.data, subject.data.x.shape[1:]
    reach = np.maximum(np.maximum(weight, 0).sum(axis=1), np.maximum(-weight, 0).sum(axis=1))
    found = []
    for neuron in np.argsort(-reach, kind="stable")[:NEURONS].tolist():
        for towards in (weight[neuron] > 0, weight[neuron] < 0):
            values = np.where(towards, data.domain.high, data.domain.low)
            if np.prod(shape) % len(values) == 0:  # a series has them once for each step
                found.append((neuron, np.resize(values, shape).astype(data.x.dtype)))
    return found


def _counts(subject: Subject, activity: Any) -> list[tuple[str, str, int]]:
    """Return (population, state, neuron-steps that overflowed)."""
    rows = []
    for population in subject.program.populations:
        for state, counter in COUNTED.items():
            if state in population.neuron.variables:
                count = int(np.sum(getattr(activity, counter)[population.name]))
                rows.append((population.name, state, count))
    return rows
