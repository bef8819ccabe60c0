"""Answers of the engine to many single samples, as a recipe runs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import windowed
from neurodeploy.answers import Recipe
from neurodeploy.answers.runner import fitted
from neurodeploy.equivalence import arrivals
from neurodeploy.program import Program
from neurodeploy.sim import compile
from neurodeploy.trace import Activity, Trace

CHUNK_BYTES = 1 << 26
"""Columns of one call."""


class Engine:
    """A program prepared to answer samples that each begin from rest.

    Of a recipe that runs one stream, each sample is the first of a stream of its own, fed zeros
    until its answer has come out. lead : columns before the read-out has its first data.
    """

    def __init__(self, program: Program, recipe: Recipe) -> None:
        self.program, self.recipe = program, recipe
        self.lead = arrivals(program)[program.readout.population].lead if recipe.streamed else 0
        self._simulator = compile(program, **recipe.options(), record=())

    def scores(self, columns: NDArray[Any]) -> NDArray[np.int64]:
        """Return the scores of columns ``(samples, T, *input_shape)``, ``(samples, classes)``."""
        found = [self._scores(trace) for trace in self._traces(columns)]
        return np.concatenate([np.zeros((0, self.program.classes), np.int64), *found])

    def counted(self, columns: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[Activity, ...]]:
        """Return the scores, and the counts of a few samples after the other."""
        traces = list(self._traces(columns))
        found = [self._scores(trace) for trace in traces]
        return np.concatenate(found), tuple(trace.activity for trace in traces)

    def _traces(self, columns: NDArray[Any]) -> Iterator[Trace]:
        given = fitted(columns, self.recipe.steps)
        size = max(1, CHUNK_BYTES // max(1, 4 * int(np.prod(given.shape[1:], dtype=np.int64))))
        for start in range(0, len(given), size):
            part = fitted(given[start : start + size], self.recipe.steps + self.lead)
            yield self._simulator.run(part)

    def _scores(self, trace: Trace) -> NDArray[np.int64]:
        readout = self.program.readout
        array = trace[readout.population].arrays[readout.variable]
        return windowed(self.program, array[:, self.lead :])


def alone(program: Program, recipe: Recipe) -> tuple[Program, dict[str, Any]]:
    """Return the program and the options of `to_torch` that give the same answers as `Engine`.

    Of a stream the read-out looks at the last T columns, T of a sample.
    """
    options = {key: value for key, value in recipe.options().items() if key != "engine"}
    del options["threads"]
    if not recipe.streamed:
        return program, {**options, "steps": recipe.steps}
    readout = program.readout
    lead = arrivals(program)[readout.population].lead
    window = readout.window or recipe.steps
    looked = replace(program, readout=replace(readout, window=window))
    return looked, {**options, "steps": recipe.steps + lead}
