"""Accuracy of the integer network on data that are corrupted without malice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurodeploy.accuracy import Accuracy
from neurodeploy.attack import Engine
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import OptionError
from neurodeploy.verification.corruptions import APPLIES, CORRUPTIONS, applicable, corrupted
from neurodeploy.verification.grader import Grader
from neurodeploy.verification.noise import SEED
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

BLOCK = 256
"""Samples that are worked on at a time."""
CLEAN = ("none", 0.0)


@dataclass(frozen=True)
class CorruptionLine:
    """The answer to one sample under one corruption. level : 0 without. predicted : -1, a tie."""

    sample: int
    label: int
    kind: str
    level: float
    predicted: int


@dataclass(frozen=True)
class CorruptionRow:
    """Accuracy under one corruption, with its 95 % Wilson interval over n samples."""

    kind: str
    level: float
    unit: str
    rate: float
    low: float
    high: float
    n: int
    correct: int
    ties: int


@dataclass(frozen=True)
class CorruptionSuite(Suite):
    """Accuracy under corruptions of values, images or events.

    kinds : names in `neurodeploy.verification.corruptions.CORRUPTIONS`, None for all that the data
    can suffer. seed : of all random draws.
    """

    kinds: tuple[str, ...] | None = None
    seed: int = SEED

    name: ClassVar[str] = "corruption"
    title: ClassVar[str] = "accuracy under corruptions"
    line: ClassVar[type[Any] | None] = CorruptionLine
    row: ClassVar[type[Any]] = CorruptionRow

    @classmethod
    def from_flags(cls, flags: Flags) -> CorruptionSuite:
        return cls(seed=flags.seed)

    def check(self, subject: Subject) -> None:
        if self.kinds is not None and len(set(self.kinds)) < max(1, len(self.kinds)):
            texts = ", ".join(self.kinds) or "none"
            raise OptionError(f"corruptions are {texts}, expected each once")
        for name in self.kinds or ():
            kind = CORRUPTIONS.named(name)
            if not APPLIES[kind.of](subject.data):
                raise OptionError(
                    f"corruption {name}: is one of {kind.of}, these data take "
                    f"{', '.join(applicable(subject.data))}"
                )

    def settings_of(self, data: Presentation) -> tuple[tuple[str, float], ...]:
        """Return kind and level of every line of a sample, the clean one first."""
        kinds = applicable(data) if self.kinds is None else self.kinds
        return (CLEAN, *((kind, level) for kind in kinds for level in CORRUPTIONS[kind].levels))

    def block(self, subject: Subject) -> int:
        return BLOCK

    def per_sample(self, subject: Subject) -> int:
        return len(self.settings_of(subject.data))

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[CorruptionLine, None]]:
        data, settings = subject.data.take(rows), self.settings_of(subject.data)
        grader = Grader(subject, Engine(subject.program, subject.recipe))
        answers = [
            grader.answers(data, self._changed(data, kind, level)) for kind, level in settings
        ]
        for row, (sample, label) in enumerate(zip(data.index, data.y, strict=True)):
            for (kind, level), answer in zip(settings, answers, strict=True):
                line = CorruptionLine(int(sample), int(label), kind, level, int(answer[row]))
                yield line, None

    def _changed(self, data: Presentation, kind: str, level: float) -> Any:
        if (kind, level) == CLEAN:
            return data.x
        return corrupted(CORRUPTIONS[kind], data, level, self.seed)

    def rows(self, subject: Subject, lines: Sequence[CorruptionLine]) -> tuple[CorruptionRow, ...]:
        settings = self.settings_of(subject.data)
        return tuple(
            _row(kind, level, lines[number :: len(settings)])
            for number, (kind, level) in enumerate(settings)
        )

    def remarks(self, subject: Subject, rows: Sequence[CorruptionRow]) -> tuple[str]:
        return (f"corruptions of the data before encoding, seed {self.seed}",)

    def table(self, rows: Sequence[CorruptionRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("corruption", "level", "accuracy", "95 % interval"):
            table.add_column(name, justify="right" if name == "accuracy" else "left")
        for row in rows[1:]:
            table.add_row(
                row.kind,
                f"{row.level:g} {row.unit}",
                f"{row.rate:.1%}",
                f"{row.low:.1%} to {row.high:.1%}",
            )
        return table


def _row(kind: str, level: float, lines: Sequence[CorruptionLine]) -> CorruptionRow:
    predicted = np.array([line.predicted for line in lines])
    found = Accuracy.of(predicted, np.array([line.label for line in lines]))
    low, high = found.interval
    unit = CORRUPTIONS[kind].unit if (kind, level) != CLEAN else ""
    return CorruptionRow(
        kind, level, unit, found.rate, low, high, found.samples, found.correct, found.ties
    )
