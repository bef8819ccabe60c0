"""What rules are made of: what a program asks of a limit that a profile states."""

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
    words. key : of the limit in the profile.
    """

    rule: str
    where: str
    value: int | str
    limit: int | str
    more_cores_help: bool
    text: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


Rule = Callable[[Program, ChipProfile], Iterator[Violation]]


@dataclass(frozen=True)
class Use:
    """What one population, connection or program asks of one limit.

    where : who asks. key : of the limit in the profile, ``section.name``. used, allowed : what it
    has and what the chip holds. exceeds : whether that is too much. text : both in words.
    more_cores_help : whether more cores relax it.
    """

    where: str
    key: str
    used: int | str
    allowed: int | str
    exceeds: bool
    text: str
    more_cores_help: bool = False

    @property
    def ratio(self) -> float | None:
        """Part of the limit that is used, None where they are no numbers."""
        if isinstance(self.used, str) or isinstance(self.allowed, str):
            return None
        if self.allowed == 0:
            return 0.0 if self.used == 0 else float("inf")
        return self.used / self.allowed


Uses = Callable[[Program, ChipProfile], Iterator[Use]]


@dataclass(frozen=True)
class LimitRule:
    """A rule about limits that profiles state: what exceeds one of them is a violation.

    name : of the rule. keys : of the limits that it reads, ``section.name``. uses : what the parts
    of a program ask of them, everything that exceeds them and all else that can be told.
    """

    name: str
    keys: tuple[str, ...]
    uses: Uses

    def __call__(self, program: Program, profile: ChipProfile) -> Iterator[Violation]:
        """Yield every violation."""
        for use in self.uses(program, profile):
            if use.exceeds:
                yield Violation(
                    self.name,
                    use.where,
                    use.used,
                    use.allowed,
                    use.more_cores_help,
                    use.text,
                    use.key,
                )

    def stated(self, profile: ChipProfile) -> tuple[str, ...]:
        """Return those of its limits that the profile states."""
        return tuple(key for key in self.keys if is_stated(profile, key))


def limit(*keys: str) -> Callable[[Uses], LimitRule]:
    """Make a generator of `Use` a rule that bears its name and reads the limits ``keys``."""
    return lambda uses: LimitRule(getattr(uses, "__name__", "rule"), keys, uses)


def is_stated(profile: ChipProfile, key: str) -> bool:
    """Whether a profile states the limit ``section.name``."""
    section, _, name = key.partition(".")
    value = getattr(profile.section(section), name)
    return value.known if isinstance(value, Quantity) else value not in (None, (), "")


def stated(quantity: Quantity | None) -> int | None:
    """Return what a chip holds for sure (the lower end of an interval), None where unknown."""
    return int(quantity.bounds[0]) if quantity is not None and quantity.known else None


def counted(
    where: str, key: str, used: int, allowed: int, text: str, more_cores_help: bool = False
) -> Use:
    """Return the use of a limit that counts: more than ``allowed`` exceeds it."""
    return Use(where, key, used, allowed, used > allowed, text, more_cores_help)


def ranged(
    where: str, key: str, name: str, values: Any, low: int, high: int, chip: ChipProfile
) -> Use:
    """Return the use of a range low..high: the value that is furthest outside, or nearest to it."""
    array = np.asarray(values)
    smallest, largest = int(array.min()), int(array.max())
    inside = smallest >= low and largest <= high
    if inside:
        below = smallest * max(high, 0) < largest * min(low, 0)
    else:
        below = low - smallest > largest - high
    value, allowed = (smallest, low) if below else (largest, high)
    text = f"{name} holds {value}, {chip.name} takes {low} to {high}"
    return Use(where, key, value, allowed, not inside, text)
