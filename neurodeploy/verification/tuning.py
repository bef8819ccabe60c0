"""The parameter of ASSG, found on validation data: a fixed one overstates what stands.

Source: arXiv:2512.22522, which recommends a ternary search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache

from neurodeploy.answers import Recipe
from neurodeploy.attack import Budget, Engine, Field, lost
from neurodeploy.attack.backward import Adaptive
from neurodeploy.attack.gradient import SaPgd
from neurodeploy.data.presentation import Presentation
from neurodeploy.program import Program

LOW, HIGH = 0.3, 0.49
"""Shares of the surrogate's area on one side between which the search goes on."""
ROUNDS, STEPS, SAMPLES = 4, 30, 100
"""Thirds that are cut off, steps of the attack of each trial, and samples of it."""


@dataclass(frozen=True)
class Trial:
    """A network and the validation samples on which a share is chosen, known by their digest."""

    program: Program
    recipe: Recipe
    budget: Budget
    seed: int
    digest: str
    data: Presentation = field(compare=False)

    @classmethod
    def of(
        cls, program: Program, recipe: Recipe, budget: Budget, data: Presentation, seed: int
    ) -> Trial:
        """Return the trial on the first samples of ``data``."""
        some = data.first(SAMPLES)
        return cls(program, recipe, budget, seed, some.digest, some)


@lru_cache(maxsize=64)
def tuned(trial: Trial, shape: str) -> float:
    """Return the share, to three digits, with which SA-PGD leaves the fewest samples.

    Ternary search: of the two shares at a third and two thirds of the interval, the side of the
    one that leaves more is cut off; the best share that was tried is returned, the first of equals.
    """
    from neurodeploy.attack.oracle import Twins

    data, engine = trial.data, Engine(trial.program, trial.recipe)
    space = trial.budget.space(data)
    slopes = Twins(trial.program, trial.recipe).slopes(space, data.y)
    arena = Field(
        space,
        data.y,
        data.index,
        lambda x, rows: engine.scores(space.columns(x, rows)),
        slopes,
        trial.seed,
    )

    @cache
    def standing(share: float) -> int:
        x = SaPgd("margin", Adaptive(shape, share), steps=STEPS).run(arena)
        scores = engine.scores(data.columns(slice(0, len(data)), trial.budget.data_of(space, x)))
        return int((~lost(scores, data.y)).sum())

    low, high = LOW, HIGH
    tried = list[float]()
    for _ in range(ROUNDS):
        first, second = (round(low + k * (high - low) / 3, 3) for k in (1, 2))
        tried += [first, second]
        if standing(first) <= standing(second):
            high = second
        else:
            low = first
    return min(tried, key=standing)
