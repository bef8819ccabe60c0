"""The answers of a network to samples, under one fault after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions, windowed
from neurodeploy.answers.recipe import Recipe
from neurodeploy.answers.runner import Runner, as_samples
from neurodeploy.program import Program
from neurodeploy.sim import RunOptions, simulate
from neurodeploy.sim.faults import Fault, faulty_program
from neurodeploy.sim.faults.injector import injector
from neurodeploy.sim.faults.run import rebuilds
from neurodeploy.sim.inputs import Data

ROWS = 4096
"""Samples that run at a time: all of a few faults, each under each."""

Faults = tuple[Fault, ...]


def answers(
    program: Program, recipe: Recipe, columns: Data, injections: Sequence[Faults]
) -> NDArray[np.int64]:
    """Return the class of every sample under every injection, int64 ``(injections, samples)``.

    columns : integers ``(samples, T, *input_shape)``.
    """
    found = [scores for _, scores in scored(program, recipe, columns, injections)]
    return predictions(np.concatenate(found)).reshape(len(injections), -1)


def scored(
    program: Program, recipe: Recipe, columns: Data, injections: Sequence[Faults]
) -> Iterable[tuple[int, NDArray[np.int64]]]:
    """Yield the scores under some injections after the other: the number of the first, and int64
    ``(injections * samples, classes)``, all samples under the first injection before the second.

    A network that runs as one stream runs as a Program with its words changed; samples from rest
    run in one engine for all faults, but where a change of a word changes more than itself.
    """
    if recipe.streamed:
        for number, faults in enumerate(injections):
            yield number, _streamed(faulty_program(program, faults), recipe, columns)
        return
    options = RunOptions(**{**recipe.options(), "record": ()})
    engine = injector(program, options)
    data = engine.data(columns)
    at_a_time = max(1, ROWS // data.batch)
    where = program.readout.population, program.readout.variable
    for start in range(0, len(injections), at_a_time):
        some = injections[start : start + at_a_time]
        if all(
            engine.takes(fault) and not rebuilds(program, options, fault)
            for faults in some
            for fault in faults
        ):
            trace = engine.inject(data, some)
        else:
            copies = np.concatenate([np.asarray(columns)] * len(some))
            lists = [faults for faults in some for _ in range(data.batch)]
            trace = simulate(program, copies, faults=lists, **{**recipe.options(), "record": ()})
        yield start, windowed(program, trace[where[0]].arrays[where[1]])


def _streamed(program: Program, recipe: Recipe, columns: Data) -> NDArray[np.int64]:
    pieces = Runner(program, recipe).run(as_samples(np.asarray(columns)))
    return np.concatenate([piece.scores for piece in pieces])


def answered(
    program: Program, recipe: Recipe, columns: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """Return the class of every sample, int64 ``(samples,)``."""
    pieces = Runner(program, recipe).run(as_samples(columns))
    return np.concatenate([piece.predicted for piece in pieces])
