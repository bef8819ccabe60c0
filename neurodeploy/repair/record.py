"""What a repair is and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.rules import Violation


@dataclass(frozen=True)
class Change:
    """What a repair did in one place.

    where : the population or connection. text : what became of it. exact : whether the network
    answers as before, whatever it is given.
    """

    where: str
    text: str
    exact: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True)
class Outcome:
    """A program after a repair. changes : empty where nothing was done. refused : (where, why)."""

    program: Program
    changes: tuple[Change, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


Mend = Callable[[Program, ChipProfile, Sequence[Violation]], Outcome]


@dataclass(frozen=True)
class Repair:
    """A way to make a program fit.

    name : of the repair. rules : whose violations it mends. apply : the program with these
    violations mended as far as it can. text : in words.
    """

    name: str
    rules: tuple[str, ...]
    text: str
    apply: Mend


@dataclass(frozen=True)
class Step:
    """One repair as it was done: its changes, and the program after it."""

    repair: str
    changes: tuple[Change, ...]
    program: Program

    @property
    def exact(self) -> bool:
        """Whether the network answers as before."""
        return all(change.exact for change in self.changes)


@dataclass(frozen=True)
class Repaired:
    """A program after all repairs that could be done.

    program : as it is now. steps : in the order in which they were done. left : violations that
    remain. refused : (repair, where, why) of what could not be mended.
    """

    program: Program
    steps: tuple[Step, ...] = ()
    left: tuple[Violation, ...] = ()
    refused: tuple[tuple[str, str, str], ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing violates the chip any more."""
        return not self.left

    @property
    def exact(self) -> bool:
        """Whether the network answers as before the repairs."""
        return all(step.exact for step in self.steps)


@dataclass
class Draft:
    """Populations and connections of a program while a repair changes them, and what it says."""

    program: Program
    changes: list[Change] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def changed(self, where: str, text: str, *, exact: bool) -> None:
        """Note what was done."""
        self.changes.append(Change(where, text, exact))

    def refuse(self, where: str, why: str) -> None:
        """Note what cannot be done."""
        self.refused.append((where, why))

    def outcome(self) -> Outcome:
        """Return the program as it is now."""
        return Outcome(self.program, tuple(self.changes), tuple(self.refused))
