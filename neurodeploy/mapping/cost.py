"""What repairs cost: the program and the repaired ones run on the same data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions
from neurodeploy.answers import RunChoice, Runner, settle
from neurodeploy.data.presentation import Presentation
from neurodeploy.data.shown import Shown
from neurodeploy.mapping.record import Cost, Measured
from neurodeploy.program import Program
from neurodeploy.repair import Repaired
from neurodeploy.trace import Activity, concatenated


def measure(
    program: Program,
    repaired: Repaired | None,
    data: Presentation,
    shown: Shown,
    choice: RunChoice,
) -> tuple[Measured, Activity]:
    """Return accuracy before and after each repair, and the counts of the program as it is.

    shown : what the data are, for the report. choice : how they are run; see `settle`.
    """
    before, activity = _answers(program, data, choice)
    costs, exact = [], True
    for step in repaired.steps if repaired is not None else ():
        after, _ = _answers(step.program, data, choice)
        exact = exact and step.exact
        costs.append(
            Cost(
                repair=step.repair,
                exact=exact,
                correct=int(np.count_nonzero(after == data.y)),
                samples=len(data),
                differing=int(np.count_nonzero(after != before)),
            )
        )
    correct = int(np.count_nonzero(before == data.y))
    return Measured(shown, correct, len(data), tuple(costs)), activity


def _answers(
    program: Program, data: Presentation, choice: RunChoice
) -> tuple[NDArray[np.int64], Activity]:
    recipe = settle(program, data.steps, choice)
    pieces = list(Runner(program, recipe).run(data))
    score = np.concatenate([piece.scores for piece in pieces])
    return predictions(score), concatenated([piece.activity for piece in pieces])
