"""What rules are made of: violations, and the limits that a profile states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.profile import ChipProfile, Quantity
from neurodeploy.program import Program


@dataclass(frozen=True)
class Violation:
    """One limit that a program exceeds.

    rule : its name. where : the population or connection. value, limit : what it has and what the
    chip holds. more_cores_help : whether more cores could make it fit. text : value and limit in
    words.
    """

    rule: str
    where: str
    value: int | str
    limit: int | str
    more_cores_help: bool
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


Rule = Callable[[Program, ChipProfile], Iterator[Violation]]


def stated(quantity: Quantity | None) -> int | None:
    """Return what a chip holds for sure (the lower end of an interval), None where unknown."""
    return int(quantity.bounds[0]) if quantity is not None and quantity.known else None


def outside(
    rule: str, where: str, name: str, values: Any, low: int, high: int, chip: ChipProfile
) -> Iterator[Violation]:
    """Yield a violation where ``values`` leave low..high: the value that is furthest outside."""
    array = np.asarray(values)
    smallest, largest = int(array.min()), int(array.max())
    if smallest >= low and largest <= high:
        return
    below = low - smallest > largest - high
    value, limit = (smallest, low) if below else (largest, high)
    text = f"{name} holds {value}, {chip.name} takes {low} to {high}"
    yield Violation(rule, where, value, limit, False, text)
