"""Attacks on the cost: data within a budget that keep their class and make the network work more.

Cost is counted by the engine, never estimated: spikes of all populations, or synaptic operations
(every tap inside the border) of all connections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.attack import Field, Oracle, Scores, lost
from neurodeploy.attack.backward import Adaptive, Backward, Surrogate
from neurodeploy.attack.gradient import checkpoints
from neurodeploy.attack.search import Square
from neurodeploy.attack.space import Grid, Rows
from neurodeploy.attack.starts import anywhere
from neurodeploy.registry import ByName

MEASURES = ("synops", "spikes")
Counts = NDArray[np.int64]
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Meter:
    """Samples whose cost is driven up.

    field : the samples; their labels are the classes that they have to keep, -1 for none. count :
    scores and cost that the engine gives for values of some rows. slopes : makes an oracle of the
    cost out of a way backward, None where the network has no gradient.
    """

    field: Field
    count: Callable[[Grid, Rows], tuple[Scores, Counts]]
    slopes: Callable[[Backward], Oracle] | None


class Ledger:
    """The costliest data so far that keep their class. x : values of all samples."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.x: Grid = meter.field.space.clean.copy()
        rows = np.arange(len(meter.field))
        scores, self.cost = meter.count(self.x, rows)
        self.open: Rows = rows[~lost(scores, meter.field.labels) & (meter.field.labels >= 0)]
        """Samples that have a class to keep."""

    def see(self, x: Grid, rows: Rows) -> NDArray[np.bool_]:
        """Keep what costs more and keeps its class; return which of ``rows`` cost no less."""
        scores, cost = self.meter.count(x, rows)
        kept = ~lost(scores, self.meter.field.labels[rows])
        more = kept & (cost > self.cost[rows])
        self.x[rows[more]], self.cost[rows[more]] = x[more], cost[more]
        return np.asarray(kept & (cost >= self.cost[rows]))


@dataclass(frozen=True)
class CostAttack:
    """Base of the attacks on the cost."""

    kind: ClassVar[str]
    needs_gradient: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Under which results stand."""
        return self.kind

    def run(self, ledger: Ledger) -> None:
        """Let the ledger see data."""
        raise NotImplementedError


@dataclass(frozen=True)
class CostAscent(CostAttack):
    """Steps along the gradient of the cost, or back to the class where that is lost.

    ``m = 0.75 m + g / mean |g|``; ``x + eta sign(m)``, eta from the radius down to one step, halved
    at the checkpoints of Auto-PGD. g is the gradient of the cost of a sample that keeps its class
    with room to spare, else of the margin of that class. The first start is the clean datum, others
    are random.
    """

    backward: Backward = field(default_factory=Adaptive)
    steps: int = 40
    restarts: int = 1

    kind: ClassVar[str] = "cost-ascent"
    needs_gradient: ClassVar[bool] = True

    @property
    def name(self) -> str:
        starts = f"x{self.restarts}" if self.restarts > 1 else ""
        return f"{self.kind}-{self.steps}{starts} {self.backward.name}"

    def run(self, ledger: Ledger) -> None:
        meter = ledger.meter
        if meter.slopes is None or not len(ledger.open):
            return
        oracle = meter.slopes(self.backward)
        for turn in range(self.restarts):
            self._climb(ledger, oracle, turn)

    def _climb(self, ledger: Ledger, oracle: Oracle, turn: int) -> None:
        arena, rows = ledger.meter.field, ledger.open
        start: NDArray[Any] = arena.space.clean[rows]
        if turn:
            start = anywhere(arena, rows, self.name, turn)
        x = arena.space.project(start, rows)
        momentum = np.zeros(x.shape)
        for number in range(self.steps):
            if number or turn:
                ledger.see(x, rows)
            gradient = oracle(x, rows).gradient.astype(np.float64)
            size = np.abs(gradient).reshape(len(rows), -1).mean(1) + _TINY
            momentum = 0.75 * momentum + gradient / size.reshape(-1, *[1] * (x.ndim - 1))
            halved = sum(number >= at for at in checkpoints(self.steps))
            eta = max(1, round(arena.space.radius / 2**halved))
            x = arena.space.project(x + eta * np.sign(momentum), rows)
        ledger.see(x, rows)


@dataclass(frozen=True)
class CostSquare(CostAttack):
    """Squares of values, as those of Square, taken where the class stays and no cost falls.

    Source: proposals of Andriushchenko et al., ECCV 2020, arXiv:1912.00049.
    """

    queries: int = 300

    kind: ClassVar[str] = "cost-square"

    @property
    def name(self) -> str:
        return f"{self.kind} {self.queries}"

    def run(self, ledger: Ledger) -> None:
        arena, rows, square = ledger.meter.field, ledger.open, Square(queries=self.queries)
        if not len(rows):
            return
        best = ledger.x[rows].copy()
        for query in range(self.queries):
            x = square.propose(arena, rows, best, query) if query else square.first(arena, rows)
            taken = ledger.see(x, rows)
            best[taken] = x[taken]


def quick() -> tuple[CostAttack, ...]:
    """Seconds."""
    return CostAscent(steps=15), CostSquare(queries=50)


def standard() -> tuple[CostAttack, ...]:
    """Two starts, and a search."""
    return CostAscent(steps=40, restarts=2), CostSquare(queries=500)


def strong() -> tuple[CostAttack, ...]:
    """Three surrogates with three starts, and a long search."""
    ways: tuple[Backward, ...] = (Adaptive("atan"), Adaptive("triangle"), Surrogate())
    return (*(CostAscent(way, 100, 3) for way in ways), CostSquare(queries=3000))


COST_STRENGTHS: ByName[Callable[[], tuple[CostAttack, ...]]] = ByName(
    "strength", {"quick": quick, "standard": standard, "strong": strong}
)
