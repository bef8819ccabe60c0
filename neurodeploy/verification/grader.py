"""The judge of attacked data: the integers through the engine, strictly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions
from neurodeploy.answers import Runner
from neurodeploy.attack import Budget, Engine
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import EngineError
from neurodeploy.verification.suites import Subject

Data = NDArray[Any]


class Grader:
    """Says which samples of some changed data are not answered with their label.

    Of a recipe of single samples each is answered from rest. Of one stream all samples are run,
    one after the other, in the data that they have at the time.
    """

    def __init__(self, subject: Subject, engine: Engine) -> None:
        self.subject, self.engine = subject, engine

    def answers(self, data: Presentation, x: Data) -> NDArray[np.int64]:
        """Return the class of each sample of ``data``, changed to ``x``, -1 for a tie."""
        if not self.subject.recipe.streamed:
            return predictions(self.engine.scores(data.columns(slice(0, len(data)), x)))
        runner = Runner(self.subject.program, self.subject.recipe)
        return np.concatenate([piece.predicted for piece in runner.run(_Changed(data, x))])

    def lost(self, data: Presentation, x: Data) -> NDArray[np.bool_]:
        """Return which samples of ``data``, changed to ``x``, are lost; a tie is a loss."""
        return np.asarray(self.answers(data, x) != data.y)


@dataclass(frozen=True)
class _Changed:
    """Samples with other data."""

    data: Presentation
    x: Data

    def __len__(self) -> int:
        return len(self.data)

    def columns(self, rows: slice) -> Data:
        return self.data.columns(rows, self.x[rows])


def check_within(name: str, data: Presentation, x: Data, budget: Budget) -> None:
    """Raise EngineError where an attack left its budget or the range of the data."""
    outside = budget.outside(data, x)
    if outside.any():
        number = int(data.index[int(np.argmax(outside))])
        raise EngineError(
            f"attack {name}: data of sample {number} left the budget {budget.text}; this is a "
            "fault of the attack"
        )
