"""Answers of the engine to many single samples, as a recipe runs them."""

from __future__ import annotations

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
        steps, readout = self.recipe.steps, self.program.readout
        given = fitted(columns, steps)
        size = max(1, CHUNK_BYTES // max(1, 4 * int(np.prod(given.shape[1:], dtype=np.int64))))
        found = []
        for start in range(0, len(given), size):
            part = fitted(given[start : start + size], steps + self.lead)
            array = self._simulator.run(part)[readout.population].arrays[readout.variable]
            found.append(windowed(self.program, array[:, self.lead :]))
        if not found:
            return np.zeros((0, self.program.classes), np.int64)
        return np.concatenate(found)


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
