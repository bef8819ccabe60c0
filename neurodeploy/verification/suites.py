"""Suites: each asks one kind of question about a network on data.

A suite is a frozen record of its settings. It says how its work is cut into blocks of samples,
does one block (a pure function of subject, settings and rows, so that blocks may run anywhere and
in any number of processes), and sums the lines up in rows. Lines and rows are records too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe
from neurodeploy.data.shown import Shown
from neurodeploy.program import Program

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.data.presentation import Presentation

Payload = NDArray[Any]


@dataclass(frozen=True)
class Aside:
    """Samples of the data set that are not judged, None where there are none.

    train : what an attack may train a network of its own on. validation : what its settings are
    chosen on.
    """

    train: Presentation | None = None
    validation: Presentation | None = None


@dataclass(frozen=True)
class Subject:
    """What is asked about: a network, the samples, and how they are run.

    name, part : of the data set. of : samples that the part holds. notes : what a user should
    know of how the data were read. aside : other samples of the set.
    """

    program: Program
    data: Presentation
    recipe: Recipe
    name: str
    part: str
    of: int
    notes: tuple[str, ...] = ()
    aside: Aside = field(default_factory=Aside)

    @property
    def shown(self) -> Shown:
        """Which samples they are."""
        return self.data.shown(self.name, self.part, self.of, self.notes)


@dataclass(frozen=True)
class Suite:
    """Base of all suites; a subclass holds its settings as fields.

    title : what it finds out, a few words. line : record of one line, None where single samples
    have nothing to say. row : record of one row of the summary.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    line: ClassVar[type[Any] | None] = None
    row: ClassVar[type[Any]]

    @classmethod
    def from_flags(cls, flags: Flags) -> Suite:
        """Return the suite with the settings that the command line gives."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain values: they stand in the head of the journal."""
        from neurodeploy.run_folder import plain

        return {name: plain(value) for name, value in vars(self).items()}

    def check(self, subject: Subject) -> None:
        """Raise OptionError or DataError, before any work, for what cannot be asked of it."""

    def block(self, subject: Subject) -> int:
        """Return how many samples make a block.

        What is found must not depend on it, but may depend on where blocks begin: they do not move
        with the number of processes. The samples of a stream are always one block.
        """
        return len(subject.data)

    def per_sample(self, subject: Subject) -> int:
        """Return the number of lines of one sample, such as one for each budget."""
        return 1

    def payload(self, subject: Subject) -> np.dtype[Any] | None:
        """Return the type of the array that goes with each line, None for none."""
        return None

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[Any, Payload | None]]:
        """Yield (line, payload) of the samples of ``rows``, in the order of the data."""
        return iter(())

    def rows(self, subject: Subject, lines: Sequence[Any]) -> Sequence[Any]:
        """Return the summary of all lines."""
        raise NotImplementedError

    def finish(self, subject: Subject, lines: Sequence[Any], payload: Payload, out: Path) -> None:
        """Write what is kept beside the lines into the folder ``out``."""

    def table(self, rows: Sequence[Any]) -> RenderableType:
        """Return what a terminal shows of the summary."""
        raise NotImplementedError

    def remarks(self, subject: Subject, rows: Sequence[Any]) -> Sequence[str]:
        """Return lines that a terminal shows above the table."""
        return ()

    def footnotes(self, rows: Sequence[Any], extra: Mapping[str, Any]) -> Sequence[str]:
        """Return lines that a terminal shows below the table; extra : of `more`."""
        return ()

    def more(self, subject: Subject, rows: Sequence[Any]) -> dict[str, Any]:
        """Return records that stand in ``verify.json`` beside the suites, by their key."""
        return {}


@dataclass(frozen=True)
class Flags:
    """What the command line says to all suites; each takes what it knows.

    eps : budgets in 1/255 of the peak. flips, shifts : budgets of events. None: not given.
    transfer : programs that attacks are transferred from. iterations : of SA-PGD and Auto-PGD.
    complete : every single fault of stored words, not a sample of all faults.
    """

    seed: int = 2024
    eps: tuple[float, ...] | None = None
    flips: tuple[int, ...] | None = None
    shifts: tuple[int, ...] | None = None
    strength: str = "standard"
    time_limit_s: float | None = None
    profile: str | None = None
    transfer: tuple[Program, ...] = ()
    iterations: int | None = None
    complete: bool = False


@dataclass(frozen=True)
class Verdict:
    """What one suite found. rows : the summary. lines : of single samples, in their order."""

    suite: Suite
    rows: tuple[Any, ...]
    lines: tuple[Any, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of ``verify.json``, without the lines."""
        from neurodeploy.run_folder import plain

        return {"settings": self.suite.settings(), "summary": [plain(row) for row in self.rows]}
