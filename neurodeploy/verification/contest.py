"""One block of samples against all attacks, budget after budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack import Attack, Budget, Engine, Field, Space
from neurodeploy.attack.registry import FULL
from neurodeploy.attack.threads import one_thread
from neurodeploy.data.presentation import Presentation
from neurodeploy.verification.elsewhere import Elsewhere
from neurodeploy.verification.grader import Grader, check_within
from neurodeploy.verification.gradients import gradients_missing
from neurodeploy.verification.masking import FULL_RANGE
from neurodeploy.verification.suites import Subject

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass
class Bout:
    """What a budget left of a block. x : kept data ``(samples, *shape)``.

    clean, robust : ``(samples,)``. by_attack : on the first samples, whether each stands, by
    attack. yardsticks : the same for what no attack is counted. attack : what made the kept data.
    answers : the class that these get, -1 for a tie.
    """

    x: NDArray[Any]
    clean: Mask
    robust: Mask
    attack: list[str]
    answers: NDArray[np.int64]
    by_attack: dict[str, Mask] = field(default_factory=dict)
    yardsticks: dict[str, Mask] = field(default_factory=dict)

    def alone(self, row: int) -> dict[str, bool]:
        """Return whether one sample stands, by attack; {} beyond the first samples."""
        return _entry(self.by_attack, row)

    def against(self, row: int) -> dict[str, bool]:
        """Return whether one sample stands, by yardstick; {} beyond the first samples."""
        return _entry(self.yardsticks, row)


def _entry(group: Mapping[str, Mask], row: int) -> dict[str, bool]:
    return {name: bool(mask[row]) for name, mask in group.items() if row < len(mask)}


class Ring:
    """The samples of a block, the engine and, where there is one, the twin.

    elsewhere : networks to transfer from. looked : first samples on which every attack runs. What
    an attack finds on a sample does not depend on the number of threads: torch computes in one.
    """

    def __init__(
        self, subject: Subject, data: Presentation, looked: int, seed: int, elsewhere: Elsewhere
    ) -> None:
        self.data, self.seed, self.elsewhere = data, seed, elsewhere
        self.looked = min(looked, len(data))
        self.engine = Engine(subject.program, subject.recipe)
        self.grader = Grader(subject, self.engine)
        self._twins: Any = None
        if not gradients_missing(subject.program, subject.recipe):
            from neurodeploy.attack.oracle import Twins

            self._twins = Twins(subject.program, subject.recipe)
        self.clean = ~self.grader.lost(data, data.x)
        self._anywhere: Mask | None = None

    def fought(self, budget: Budget, methods: Sequence[Attack]) -> Bout:
        """Return what ``methods`` leave of the block at a budget."""
        x = self.data.x.astype(np.int64)
        bout = Bout(x, self.clean, self.clean.copy(), [""] * len(x), self.data.y)
        with one_thread(self._twins is not None or self.elsewhere.any):
            for method in methods:
                self._round(bout, method, budget)
            bout.yardsticks[FULL_RANGE] = self._unbounded()
        bout.answers = self.grader.answers(self.data, bout.x)
        bout.robust = self.clean & (bout.answers == self.data.y)
        return bout

    def _round(self, bout: Bout, method: Attack, budget: Budget) -> None:
        first = np.arange(len(self.data)) < self.looked
        chosen = first & self.clean if method.sign_only else (bout.robust | first) & self.clean
        rows = np.flatnonzero(chosen)
        tried = self._tried(method, rows, budget)
        fooled = np.zeros(len(self.data), np.bool_)
        fooled[rows] = self._graded(rows, tried)
        stands = (self.clean & ~fooled)[: self.looked]
        if method.sign_only:
            bout.yardsticks[method.name] = stands
            return
        bout.by_attack[method.name] = stands
        new = fooled & bout.robust
        bout.x[new] = tried[new[rows]]
        bout.robust &= ~fooled
        for row in np.flatnonzero(new):
            bout.attack[row] = method.name

    def _tried(self, method: Attack, rows: Rows, budget: Budget) -> NDArray[np.int64]:
        """Return the data that an attack makes of the samples ``rows``."""
        if not len(rows):
            return self.data.x[rows].astype(np.int64)
        data = self.data.take(rows)
        space = budget.space(data)
        slopes = None if self._twins is None else self._twins.slopes(space, data.y)
        answer = _Answer(self.engine, space)
        others = self.elsewhere.slopes(data, space)
        arena = Field(space, data.y, data.index, answer, slopes, self.seed, others)
        tried = budget.data_of(space, method.run(arena))
        check_within(method.name, data, tried, budget)
        return tried

    def _graded(self, rows: Rows, tried: NDArray[np.int64]) -> Mask:
        """Return which of ``rows`` are lost; in a stream the others keep their own data."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        if not self.grader.subject.recipe.streamed:
            return self.grader.lost(self.data.take(rows), tried)
        x = self.data.x.astype(np.int64)
        x[rows] = tried
        return self.grader.lost(self.data, x)[rows]

    def _unbounded(self) -> Mask:
        """Return which of the first samples stand where every value may be anything."""
        if self._anywhere is None:
            domain = self.data.domain
            whole = Budget("eps", 255.0, domain.high - domain.low)
            rows = np.flatnonzero(self.clean[: self.looked])
            stands = self.clean[: self.looked].copy()
            for method in FULL:
                if method.needs_gradient and self._twins is None:
                    continue
                left = rows[stands[rows]]
                tried = self._tried(method, left, whole)
                stands[left] &= ~self._graded(left, tried)
            self._anywhere = stands
        return self._anywhere


@dataclass(frozen=True)
class _Answer:
    """What the engine says to values of the grid."""

    engine: Engine
    space: Space

    def __call__(self, x: NDArray[np.int32], rows: Rows) -> NDArray[np.int64]:
        return self.engine.scores(self.space.columns(x, rows))
