"""What an attack is, and what it is let loose on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions
from neurodeploy.attack.backward import Backward
from neurodeploy.attack.space import Grid, Rows
from neurodeploy.errors import OptionError

Scores = NDArray[np.int64]


def lost(scores: Scores, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which samples are not answered with their label; a tie is no answer."""
    return np.asarray(predictions(scores) != labels)


def margins(scores: Scores, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the score of the label minus the best other score; `lost` where it is 0 or less."""
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, labels] = np.iinfo(np.int64).min
    return np.asarray(scores[rows, labels] - others.max(axis=1))


@dataclass(frozen=True)
class Slope:
    """One pass over some samples. loss : ``(rows,)``, to be raised. gradient : of the loss by each
    value, ``(rows, *shape)``. scores : ``(rows, classes)``.
    """

    loss: NDArray[np.float64]
    gradient: NDArray[np.float32]
    scores: NDArray[Any]

    def take(self, kept: NDArray[np.bool_]) -> Slope:
        """Return the entries of some rows."""
        return Slope(self.loss[kept], self.gradient[kept], self.scores[kept])


class Oracle(Protocol):
    """Gives gradients of one loss; may remember what it saw of each sample."""

    def __call__(self, x: Grid, rows: Rows, targets: Rows | None = None) -> Slope:
        """Return the slope at values ``x`` of the samples ``rows``; targets : classes or None."""
        ...


Slopes = Callable[[str, Backward, int], Oracle]
"""``slopes(loss, way backward, draws)``: an oracle."""


class Region(Protocol):
    """Where an attack may move; `Space` is one."""

    @property
    def clean(self) -> Grid: ...
    @property
    def low(self) -> Grid: ...
    @property
    def high(self) -> Grid: ...
    @property
    def radius(self) -> int: ...
    @property
    def least(self) -> int: ...
    @property
    def most(self) -> int: ...
    def project(self, x: NDArray[Any], rows: Rows) -> Grid: ...


@dataclass(frozen=True, eq=False)
class Field:
    """Samples under attack.

    labels, numbers : int64 ``(samples,)``; numbers key the random draws. answer : scores that the
    engine gives for values of some rows. slopes : makes an oracle out of a loss (a name of
    `neurodeploy.attack.losses.LOSSES`), a way backward and a number of draws; None where the
    network has no gradient. seed : of all draws. others : the same of other networks, by name, for
    attacks that are transferred.
    """

    space: Region
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    answer: Callable[[Grid, Rows], Scores]
    slopes: Slopes | None
    seed: int = 0
    others: Mapping[str, Slopes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def oracle(self, loss: str, backward: Backward, draws: int = 1) -> Oracle:
        """Return what gives gradients. Raises OptionError where there are none."""
        if self.slopes is None:
            raise OptionError("the network has no gradient here, expected a gradient-free attack")
        return self.slopes(loss, backward, draws)


class Catch:
    """What an attack has found so far. x : values of all samples. standing : those not fooled."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.x: Grid = field.space.clean.copy()
        self.standing = np.ones(len(field), np.bool_)

    @property
    def rows(self) -> Rows:
        """The samples that still stand."""
        return np.flatnonzero(self.standing)

    def see(self, x: Grid, rows: Rows, scores: NDArray[Any]) -> NDArray[np.bool_]:
        """Keep the values of ``rows`` that fool the network; return which of them do not."""
        fooled = lost(scores, self.field.labels[rows])
        self.x[rows[fooled]] = x[fooled]
        self.standing[rows[fooled]] = False
        return ~fooled


@dataclass(frozen=True)
class Attack(ABC):
    """Base of all attacks; a subclass holds its settings as fields and prints as its test name."""

    kind: ClassVar[str]
    needs_gradient: ClassVar[bool] = False
    iterated: ClassVar[bool] = True
    sign_only: ClassVar[bool] = False
    """Whether it only serves as a yardstick, such as random noise."""

    @property
    def name(self) -> str:
        """Under which results stand."""
        return self.kind

    @abstractmethod
    def run(self, field: Field) -> Grid:
        """Return values of all samples within the budget, fooling where it found some."""
