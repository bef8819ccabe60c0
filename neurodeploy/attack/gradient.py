"""Attacks that follow the gradient of the twin, on the integer grid of the data.

Every step is at least one step of the grid, every iterate is rounded and projected, and a sample
stands still once it has fallen: what is kept is an iterate that was answered wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.attack import Attack, Catch, Field, Oracle, Slope
from neurodeploy.attack.backward import Backward, Surrogate
from neurodeploy.attack.space import Grid, Rows
from neurodeploy.attack.starts import anywhere, touching, uniform

_TINY = 1e-12


@dataclass
class Walk:
    """The samples that an attack still moves. memory : arrays that belong to them, by name."""

    rows: Rows
    x: Grid
    targets: Rows | None = None
    memory: dict[str, NDArray[Any]] = field(default_factory=dict)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Let the others go."""
        self.rows, self.x = self.rows[kept], self.x[kept]
        self.targets = None if self.targets is None else self.targets[kept]
        self.memory = {name: array[kept] for name, array in self.memory.items()}

    def per_sample(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return numbers of samples so that they broadcast against x."""
        return values.reshape(-1, *[1] * (self.x.ndim - 1))


@dataclass(frozen=True)
class GradientAttack(Attack):
    """Base: a loss is raised along the gradient.

    loss : name in `neurodeploy.attack.losses.LOSSES`. backward : way through the spike test.
    draws : repetitions of a random encoder that a gradient is the mean of (EOT), the judged one
    among them.
    """

    loss: str = "ce"
    backward: Backward = field(default_factory=Surrogate)
    draws: int = 1

    needs_gradient: ClassVar[bool] = True

    @property
    def name(self) -> str:
        eot = f" eot{self.draws}" if self.draws > 1 else ""
        return f"{self.stem} {self.backward.name}{eot}"

    @property
    def stem(self) -> str:
        """The name without the way backward."""
        steps = f"-{self.length}" if self.length > 1 else ""
        starts = f"x{self.tries}" if self.tries > 1 else ""
        return f"{self.kind}{steps}{starts} {self.loss}"

    @property
    def tries(self) -> int:
        """Starts, one after another, each on the samples that still stand."""
        return 1

    @property
    def length(self) -> int:
        """Steps of one start."""
        return 1

    def run(self, field: Field) -> Grid:
        catch = Catch(field)
        oracle = field.oracle(self.loss, self.backward, self.draws)
        for turn in range(self.tries):
            rows = catch.rows
            if len(rows):
                x = field.space.project(self.start(field, rows, turn), rows)
                walk = Walk(rows, x, self.targets(field, rows, turn))
                self._chase(field, catch, oracle, walk)
        return catch.x

    def _chase(self, field: Field, catch: Catch, oracle: Oracle, walk: Walk) -> None:
        for number in range(self.length):
            slope = oracle(walk.x, walk.rows, walk.targets)
            standing = catch.see(walk.x, walk.rows, slope.scores)
            if not standing.all():
                walk.keep(standing)
                slope = slope.take(standing)
            if not len(walk.rows):
                return
            walk.x = field.space.project(self.move(field, walk, slope, number), walk.rows)
        catch.see(walk.x, walk.rows, field.answer(walk.x, walk.rows))

    def start(self, field: Field, rows: Rows, turn: int) -> NDArray[Any]:
        """Return where the samples begin."""
        return field.space.clean[rows]

    def targets(self, field: Field, rows: Rows, turn: int) -> Rows | None:
        """Return the class that each sample is driven to, None for any."""
        return None

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        """Return the next iterate, before it is rounded and projected."""
        raise NotImplementedError


@dataclass(frozen=True)
class Fgsm(GradientAttack):
    """``x + radius * sign(g)``. Source: Goodfellow et al., ICLR 2015, arXiv:1412.6572."""

    kind: ClassVar[str] = "fgsm"
    iterated: ClassVar[bool] = False

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        return np.asarray(walk.x + field.space.radius * np.sign(slope.gradient))


@dataclass(frozen=True)
class RFgsm(GradientAttack):
    """Half of the radius at random, the rest along ``sign(g)``, each at least one step.

    Source: Tramer et al., ICLR 2018, arXiv:1705.07204.
    """

    kind: ClassVar[str] = "r-fgsm"
    iterated: ClassVar[bool] = False

    def start(self, field: Field, rows: Rows, turn: int) -> NDArray[Any]:
        sign = 2 * (uniform(field, rows, self.name, turn) < 0.5) - 1
        return np.asarray(field.space.clean[rows] + max(1, field.space.radius // 2) * sign)

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        radius = field.space.radius
        return np.asarray(walk.x + max(1, radius - radius // 2) * np.sign(slope.gradient))


@dataclass(frozen=True)
class Iterated(GradientAttack):
    """Base: many steps."""

    steps: int = 10

    @property
    def length(self) -> int:
        return self.steps


@dataclass(frozen=True)
class Restarted(Iterated):
    """Base: many steps from several starts."""

    restarts: int = 1

    @property
    def tries(self) -> int:
        return self.restarts


@dataclass(frozen=True)
class Bim(Iterated):
    """Many small steps from the clean datum, ``ceil(radius / steps)`` each.

    Source: Kurakin et al., ICLR workshop 2017, arXiv:1607.02533.
    """

    kind: ClassVar[str] = "bim"

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        return np.asarray(walk.x + -(-field.space.radius // self.steps) * np.sign(slope.gradient))


@dataclass(frozen=True)
class MiFgsm(Iterated):
    """BIM along ``m = decay * m + g / sum |g|``.

    Source: Dong et al., CVPR 2018, arXiv:1710.06081.
    """

    decay: float = 1.0

    kind: ClassVar[str] = "mi-fgsm"

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        size = np.abs(slope.gradient).reshape(len(walk.rows), -1).sum(1)
        scaled = slope.gradient / walk.per_sample(size + _TINY)
        momentum = self.decay * walk.memory.get("momentum", 0.0) + scaled
        walk.memory["momentum"] = np.asarray(momentum)
        return np.asarray(walk.x + -(-field.space.radius // self.steps) * np.sign(momentum))


@dataclass(frozen=True)
class Pgd(Restarted):
    """Steps of ``max(1, round(2.5 * radius / steps))`` along sign(g) from random starts.

    restarts : starts; all of them random within the budget.

    Source: Madry et al., ICLR 2018, arXiv:1706.06083.
    """

    steps: int = 20

    kind: ClassVar[str] = "pgd"

    def start(self, field: Field, rows: Rows, turn: int) -> NDArray[Any]:
        return anywhere(field, rows, self.name, turn)

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        step = max(1, round(2.5 * field.space.radius / self.steps))
        return np.asarray(walk.x + step * np.sign(slope.gradient))


@dataclass(frozen=True)
class SaPgd(Restarted):
    """Steps adapted to each value, meant for ASSG.

    ``m = 0.5 m + g / mean|g|``, ``w = 0.8 w + g^2 / mean(g^2)``, both per sample, then
    ``r + clip(eta m / sqrt(w), -eta, eta)``, clipped to the budget; the iterate is r, rounded, so
    that moves of less than half a step add up. eta begins as the radius and is halved, down to one
    step, at the checkpoints of `checkpoints`. Start: uniform, scaled to touch the budget.

    Source: arXiv:2512.22522.
    """

    steps: int = 100

    kind: ClassVar[str] = "sa-pgd"

    def start(self, field: Field, rows: Rows, turn: int) -> NDArray[Any]:
        return touching(field, rows, self.name, turn)

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        g = slope.gradient.astype(np.float64)
        flat = g.reshape(len(g), -1)
        mean = walk.per_sample(np.abs(flat).mean(1) + _TINY)
        square = walk.per_sample((flat**2).mean(1) + _TINY)
        m = 0.5 * walk.memory.get("m", 0.0) + g / mean
        w = 0.8 * walk.memory.get("w", 0.0) + g**2 / square
        walk.memory["m"], walk.memory["w"] = np.asarray(m), np.asarray(w)
        halved = sum(number >= at for at in checkpoints(self.steps))
        eta = max(1.0, field.space.radius / 2.0**halved)
        real = walk.memory.get("real", walk.x) + np.clip(eta * m / (np.sqrt(w) + _TINY), -eta, eta)
        low, high = field.space.low[walk.rows], field.space.high[walk.rows]
        walk.memory["real"] = np.clip(real, low, high)
        return walk.memory["real"]


@dataclass(frozen=True)
class Apgd(Restarted):
    """Auto-PGD: momentum, steps that are halved where the loss no longer rises, return to the best.

    ``z = P(x + eta sign(g)); x' = P(x + 0.75 (z - x) + 0.25 (x - x before))``, the first time
    without momentum; eta begins as twice the radius and is at least one step. At the checkpoints a
    sample's eta is halved, and it goes back to its best iterate, if the loss rose in fewer than
    three quarters of the steps since the last one, or if neither eta nor the best loss changed.

    Source: Croce and Hein, ICML 2020, arXiv:2003.01690, algorithm 1.
    """

    steps: int = 50

    kind: ClassVar[str] = "apgd"

    def start(self, field: Field, rows: Rows, turn: int) -> NDArray[Any]:
        return touching(field, rows, self.name, turn)

    def move(self, field: Field, walk: Walk, slope: Slope, number: int) -> NDArray[Any]:
        memory = walk.memory
        if number == 0:
            self._begin(field, walk, slope)
        else:
            self._note(walk, slope)
        x, gradient = walk.x.astype(np.float64), slope.gradient
        if number in checkpoints(self.steps):
            back = self._judge(walk, number)
            x = np.where(walk.per_sample(back), memory["best"], x)
            gradient = np.where(walk.per_sample(back), memory["best gradient"], gradient)
        eta = walk.per_sample(np.maximum(1.0, memory["eta"]))
        aim = field.space.project(x + eta * np.sign(gradient), walk.rows)
        share = 0.75 if number else 1.0
        following = x + share * (aim - x) + (1.0 - share) * (x - memory["before"])
        memory["before"] = x
        return np.asarray(following)

    def _begin(self, field: Field, walk: Walk, slope: Slope) -> None:
        count = len(walk.rows)
        walk.memory.update(
            {
                "best": walk.x.astype(np.float64),
                "best gradient": slope.gradient,
                "best loss": slope.loss,
                "loss": slope.loss,
                "loss at checkpoint": slope.loss,
                "eta": np.full(count, 2.0 * field.space.radius),
                "rises": np.zeros(count, np.int64),
                "halved": np.ones(count, np.bool_),
                "before": walk.x.astype(np.float64),
            }
        )

    def _note(self, walk: Walk, slope: Slope) -> None:
        memory = walk.memory
        memory["rises"] = memory["rises"] + (slope.loss > memory["loss"])
        better = slope.loss > memory["best loss"]
        wide = walk.per_sample(better)
        memory["best"] = np.where(wide, walk.x, memory["best"])
        memory["best gradient"] = np.where(wide, slope.gradient, memory["best gradient"])
        memory["best loss"] = np.where(better, slope.loss, memory["best loss"])
        memory["loss"] = slope.loss

    def _judge(self, walk: Walk, number: int) -> NDArray[np.bool_]:
        """Return which samples go on with half of the step, from their best iterate."""
        memory = walk.memory
        marks = (0, *checkpoints(self.steps))
        since = number - marks[marks.index(number) - 1]
        stuck = ~memory["halved"] & (memory["loss at checkpoint"] >= memory["best loss"])
        halved = (memory["rises"] < 0.75 * since) | stuck
        memory["eta"] = np.where(halved, memory["eta"] / 2, memory["eta"])
        memory["halved"], memory["loss at checkpoint"] = halved, memory["best loss"]
        memory["rises"] = np.zeros_like(memory["rises"])
        return np.asarray(halved)


@dataclass(frozen=True)
class TargetedApgd(Apgd):
    """Auto-PGD on the targeted DLR loss, once for each of the classes next to the label.

    classes : how many of the best other classes on the clean datum are aimed at, one a start.

    Source: as `Apgd`, section 5.
    """

    loss: str = "dlr-targeted"
    classes: int = 3

    kind: ClassVar[str] = "apgd-t"

    @property
    def tries(self) -> int:
        return self.classes

    def targets(self, field: Field, rows: Rows, turn: int) -> Rows:
        scores = field.answer(field.space.clean[rows], rows).copy()
        labels = field.labels[rows]
        scores[np.arange(len(rows)), labels] = np.iinfo(np.int64).min
        ranked = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")
        return np.asarray(ranked[:, turn % max(1, scores.shape[1] - 1)], np.int64)


def checkpoints(steps: int) -> tuple[int, ...]:
    """Return the steps at which the step size is looked at.

    The first after 0.22 of all steps, the interval then shrinking by 0.03 to 0.06.
    """
    interval, least = max(1, int(0.22 * steps)), max(1, int(0.06 * steps))
    shrink = max(1, int(0.03 * steps))
    found, at = list[int](), interval
    while at < steps:
        found.append(at)
        interval = max(least, interval - shrink)
        at += interval
    return tuple(found)


KINDS: Mapping[str, type[GradientAttack]] = {
    kind.kind: kind for kind in (Fgsm, RFgsm, Bim, MiFgsm, Pgd, SaPgd, Apgd, TargetedApgd)
}
