"""What a network does on a data set: exact counts of every sample, and its accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import TIE, Accuracy, predictions
from neurodeploy.answers import Recipe, Runner, settle
from neurodeploy.answers.runner import differing_answers
from neurodeploy.data.presentation import Presentation
from neurodeploy.program import Population, Program
from neurodeploy.trace import Activity, Trace, concatenated


@dataclass(frozen=True)
class Measured:
    """What a network did on a data set.

    activity : counts, one entry per sample. accuracy : of the run that ``recipe`` describes.
    differing : samples that aligned time answers otherwise, None where that was not asked or is
    known to be none. undecided : see `Undecided`.
    """

    activity: Activity
    accuracy: Accuracy
    recipe: Recipe
    differing: int | None
    undecided: Undecided


@dataclass(frozen=True)
class Undecided:
    """Samples without a decision. ties : largest score shared. silent : all scores equal.

    first_silent : the first population, in topological order, that sent nothing on any sample.
    """

    samples: int
    ties: int
    silent: int
    first_silent: str | None

    def to_dict(self) -> dict[str, int | str | None]:
        """Return plain values for JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """Return what a user should know, "" where every sample was decided."""
        if not self.ties:
            return ""
        share = f"{self.ties:,} of {self.samples:,} samples have no decision, their scores tie"
        if not self.silent:
            return share
        text = f"{share}; on {self.silent:,} all scores are equal"
        if self.first_silent is not None:
            text += (
                f"; population {self.first_silent} never sends anything: its thresholds are out of "
                "reach, or v is meant as the read-out (--readout NAME:v)"
            )
        return text


Watch = Callable[[NDArray[Any], Trace], None]
"""Called with the columns and the trace of every run."""


def measure(
    program: Program,
    data: Presentation,
    *,
    recipe: Recipe | None = None,
    contrast: bool = False,
    watch: Watch | None = None,
) -> Measured:
    """Run ``program`` over ``data`` by ``recipe``, or as the program needs.

    contrast : whether to count the samples that aligned time answers otherwise, where it is not
    known to give the same answers; that takes a second run. watch : see `Runner`; messages of all
    populations are recorded for it.
    """
    recipe = recipe or settle(program, data.steps)
    parts, scored = [], []
    record = () if watch is None else ("s",)
    for piece in Runner(program, recipe, record, watch).run(data):
        parts.append(piece.activity)
        scored.append(piece.scores)
    activity, score = concatenated(parts), np.concatenate(scored)
    predicted = predictions(score)
    differing = None
    if contrast and recipe.streamed and not recipe.holds:
        differing = differing_answers(program, recipe, data, predicted)
    return Measured(
        activity=activity,
        accuracy=Accuracy.of(predicted, data.y),
        recipe=recipe,
        differing=differing,
        undecided=_undecided(program, activity, score, predicted),
    )


def _undecided(
    program: Program,
    activity: Activity,
    score: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> Undecided:
    mute = [
        p.name
        for p in program.populations
        if not np.any(activity.spikes[p.name]) and _should_send(program, p)
    ]
    return Undecided(
        samples=len(score),
        ties=int(np.count_nonzero(predicted == TIE)),
        silent=int(np.count_nonzero((score == score[:, :1]).all(axis=1))),
        first_silent=mute[0] if mute else None,
    )


def _should_send(program: Program, population: Population) -> bool:
    """Whether something reads what the population sends: a connection, or the read-out."""
    readout = program.readout
    read = readout.population == population.name and readout.variable == "s"
    return read or any(c.source == population.name for c in program.connections)
