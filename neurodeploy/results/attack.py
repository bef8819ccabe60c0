"""What the suite attack left: its entry in ``verify.json``, and ``verify/attack.npz``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import FormatError
from neurodeploy.results.sample import Arrays, Integers

ATTACKED = "verify/attack.npz"


@dataclass(frozen=True)
class SignRow:
    """One sign of a weak attack, see `neurodeploy.verification.masking.Sign`."""

    name: str
    rate: float
    against: float
    suspicious: bool
    text: str


@dataclass(frozen=True)
class BudgetRow:
    """Robust accuracy at one budget, see `neurodeploy.verification.attack_suite.AttackRow`."""

    eps: float
    unit: str
    steps: int
    clean: float
    robust: float
    low: float
    high: float
    n: int
    looked: int
    by_attack: Mapping[str, float]
    masking: tuple[SignRow, ...]

    @property
    def text(self) -> str:
        """The budget as it is written."""
        return f"{self.unit} {self.eps:g}"

    @property
    def strongest(self) -> tuple[str, float]:
        """The attack that left the fewest samples by itself, and their share."""
        if not self.by_attack:
            return "none", self.robust
        name = min(self.by_attack, key=lambda one: self.by_attack[one])
        return name, self.by_attack[name]


@dataclass(frozen=True)
class HowAttacked:
    """Settings of the suite. strength : of the attacks unless they were named one by one."""

    strength: str
    seed: int
    attacks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Attacked:
    """The entry of ``verify.json``."""

    settings: HowAttacked
    summary: tuple[BudgetRow, ...]


@dataclass(frozen=True)
class Fooled:
    """Kept data. clean : ``(n, *shape)``. x : ``(budgets, n, *shape)``. fooled : right when clean
    and lost on x, ``(budgets, n)``, as predicted. sample, label : ``(n,)``.
    """

    clean: Integers
    x: Integers
    fooled: NDArray[np.bool_]
    predicted: Integers
    sample: Integers
    label: Integers
    attack: NDArray[np.str_]


def parse_fooled(arrays: dict[str, Any], attacked: Attacked, where: str) -> Fooled:
    """Return the arrays as a record; FormatError where they do not fit each other."""
    found = Arrays(arrays, where)
    sample = found.integers("sample", None)
    count, budgets = len(sample), len(attacked.summary)
    clean = found.integers("clean", None)
    if clean.ndim < 2 or len(clean) != count:
        raise FormatError(f"{where}: clean has shape {clean.shape}, expected {count} samples")
    table = (budgets, count)
    attack = arrays.get("attack")
    if attack is None or attack.shape != table or attack.dtype.kind != "U":
        raise FormatError(f"{where}: attack is no table of {budgets} x {count} names")
    robust = found.integers("robust", table)
    return Fooled(
        clean=clean,
        x=found.integers("x", (budgets, *clean.shape)),
        fooled=np.asarray((attack != "") & (robust == 0)),
        predicted=found.integers("predicted", table),
        sample=sample,
        label=found.integers("y", (count,)),
        attack=attack,
    )
