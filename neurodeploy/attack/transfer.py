"""Attacks that follow the gradient of another network; the one under attack only answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from neurodeploy.attack.attack import Attack, Field, Oracle, Scores, Slope
from neurodeploy.attack.backward import Adaptive, Backward, Surrogate
from neurodeploy.attack.events import Flips, Shifts
from neurodeploy.attack.gradient import GradientAttack, MiFgsm, Pgd, SaPgd
from neurodeploy.attack.space import Grid, Rows
from neurodeploy.errors import OptionError

RELU = "relu"
"""Name of the network of ReLUs, of the same shape, that is trained for the attack."""


@dataclass(frozen=True)
class Transfer(Attack):
    """``inner`` along the gradient of the network ``source``, a name of `Field.others`.

    Every iterate goes to the engine of the network under attack, and a sample stands still once
    *that* has fallen.

    Source: Papernot et al., ASIA CCS 2017, arXiv:1602.02697.
    """

    source: str = RELU
    inner: GradientAttack | Flips | Shifts = field(default_factory=SaPgd)

    kind: ClassVar[str] = "transfer"

    @property
    def name(self) -> str:
        whole = self.inner.name
        if self.source == RELU and isinstance(self.inner, GradientAttack):
            whole = self.inner.stem
        return f"transfer {self.source} {whole}"

    def run(self, field: Field) -> Grid:
        other = field.others.get(self.source)
        if other is None:
            known = ", ".join(field.others) or "none"
            raise OptionError(f"transfer from {self.source!r}, networks to transfer from: {known}")

        def slopes(loss: str, backward: Backward, draws: int) -> Oracle:
            return _Elsewhere(other(loss, backward, draws), field.answer)

        return self.inner.run(replace(field, slopes=slopes))


@dataclass(frozen=True)
class _Elsewhere:
    """Gradients of one network, answers of another."""

    oracle: Oracle
    answer: Callable[[Grid, Rows], Scores]

    def __call__(self, x: Grid, rows: Rows, targets: Rows | None = None) -> Slope:
        return replace(self.oracle(x, rows, targets), scores=self.answer(x, rows))


def transfers(source: str, unit: str) -> tuple[Transfer, ...]:
    """Return the attacks that are transferred from a network, for budgets of a unit."""
    if unit == "flips":
        return (Transfer(source, Flips(candidates=16)),)
    if unit == "shift":
        return (Transfer(source, Shifts(turns=20)),)
    if source == RELU:
        return (
            Transfer(source, MiFgsm("ce", steps=20)),
            Transfer(source, SaPgd("margin", steps=100)),
        )
    return (
        Transfer(source, Pgd("ce", Surrogate(), steps=50)),
        Transfer(source, SaPgd("margin", Adaptive("atan"), steps=100)),
    )
