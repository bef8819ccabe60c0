"""The answers of a network to samples, under one fault after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions, windowed
from neurodeploy.answers import Recipe, Runner
from neurodeploy.answers.runner import as_samples
from neurodeploy.program import Program
from neurodeploy.sim import simulate
from neurodeploy.sim.faults import Fault, faulty_program
from neurodeploy.verification.fault_sites import Trials

ROWS = 2048
"""Samples that run at a time where each has faults of its own."""


def answers(
    program: Program, recipe: Recipe, columns: NDArray[Any], trials: Trials
) -> NDArray[np.int64]:
    """Return the class of every sample under every injection, int64 ``(injections, samples)``.

    columns : integers ``(samples, T, *input_shape)``.
    """
    if trials.runs:
        return _running(program, recipe, columns, trials.injections)
    found = [
        answered(faulty_program(program, faults), recipe, columns) for faults in trials.injections
    ]
    return np.array(found, np.int64).reshape(len(trials.injections), len(columns))


def answered(program: Program, recipe: Recipe, columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class of every sample, int64 ``(samples,)``."""
    pieces = Runner(program, recipe).run(as_samples(columns))
    return np.concatenate([piece.predicted for piece in pieces])


def _running(
    program: Program,
    recipe: Recipe,
    columns: NDArray[Any],
    injections: Sequence[tuple[Fault, ...]],
) -> NDArray[np.int64]:
    """Run many copies of the samples in one batch, each with the faults of its injection."""
    options = {**recipe.options(), "engine": "reference", "record": ()}
    readout, samples = program.readout, len(columns)
    at_a_time = max(1, ROWS // samples)
    found = []
    for start in range(0, len(injections), at_a_time):
        some = injections[start : start + at_a_time]
        lists = [faults for faults in some for _ in range(samples)]
        copies = np.tile(columns, (len(some), *[1] * (columns.ndim - 1)))
        trace = simulate(program, copies, faults=lists, **options)
        array = trace[readout.population].arrays[readout.variable]
        found.append(predictions(windowed(program, array)).reshape(len(some), samples))
    return np.concatenate(found)
