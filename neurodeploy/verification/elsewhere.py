"""The other networks that attacks are transferred from: given programs, and one of ReLUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from neurodeploy.answers import Recipe, settle
from neurodeploy.attack import Space
from neurodeploy.attack.attack import Slopes
from neurodeploy.attack.space import grid_of
from neurodeploy.attack.transfer import RELU
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.errors import OptionError, located
from neurodeploy.program import Program
from neurodeploy.verification.gradients import gradients_missing, torch_is_here
from neurodeploy.verification.suites import Subject


def source_name(program: Program) -> str:
    """Return the name under which attacks of a program stand: the start of its digest."""
    return program.digest[:8]


def relu_missing(subject: Subject) -> str | None:
    """Return why no network of ReLUs can be trained, None where it can."""
    if not torch_is_here():
        return "torch is not installed"
    if subject.aside.train is None:
        return "the data have no training part"
    return None


def seen_by(program: Program, data: Presentation) -> Presentation:
    """Return the samples of ``data`` as another program takes them.

    Raises OptionError where the other does not move on the same values, DataError where the data
    do not fit it.
    """
    with located(f"transfer from {source_name(program)}"):
        named = "encoder" in program.metadata
        seen = present(program, data.split, None if named else data.encoder)
        own, other = grid_of(data).domain, grid_of(seen).domain
        if (own.low, own.high) != (other.low, other.high) or data.graded != seen.graded:
            raise OptionError(
                f"it takes values {other.low} to {other.high}, the network under attack {own.low} "
                f"to {own.high}; the two need encoders of the same levels"
            )
        return seen


def recipe_of(program: Program, seen: Presentation) -> Recipe:
    """Return how a program to transfer from is run."""
    return settle(program, seen.steps)


def check_source(program: Program, data: Presentation) -> None:
    """Raise OptionError or DataError where nothing can be transferred from a program."""
    seen = seen_by(program, data.first(1))
    missing = gradients_missing(program, recipe_of(program, seen))
    if missing:
        raise OptionError(f"transfer from {source_name(program)}: needs a gradient: {missing}")


class Elsewhere:
    """Gradients of other networks on the samples of a subject.

    relu : whether one of ReLUs is among them; it is trained when it is first asked for.
    """

    def __init__(
        self, subject: Subject, programs: Sequence[Program], relu: bool, seed: int
    ) -> None:
        self.subject, self.seed = subject, seed
        self.relu = relu and relu_missing(subject) is None
        self.programs = {source_name(program): program for program in programs}
        self._twins: dict[str, Any] = {}

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return self.relu or bool(self.programs)

    def slopes(self, data: Presentation, space: Space) -> Mapping[str, Slopes]:
        """Return what makes oracles for the samples ``data`` within ``space``, by source."""
        found = {name: self._program(name, data, space) for name in self.programs}
        if self.relu:
            found[RELU] = self._substitute(data, space)
        return found

    def _program(self, name: str, data: Presentation, space: Space) -> Slopes:
        def slopes(*settings: Any) -> Any:
            from neurodeploy.attack.oracle import Twins

            program = self.programs[name]
            seen = seen_by(program, data)
            if name not in self._twins:
                self._twins[name] = Twins(program, recipe_of(program, seen))
            there = replace(space, data=seen, shown=grid_of(seen))
            return self._twins[name].slopes(there, data.y)(*settings)

        return slopes

    def _substitute(self, data: Presentation, space: Space) -> Slopes:
        def slopes(*settings: Any) -> Any:
            from neurodeploy.attack.substitute import Lesson, substitute

            train = self.subject.aside.train
            assert train is not None
            lesson = Lesson.of(self.subject.program, train, self.seed)
            return substitute(lesson).slopes(space, data.y)(*settings)

        return slopes
