"""A suite from outside: the parity of a sample's number, with a record beside each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.text import Text

from neurodeploy.errors import OptionError
from neurodeploy.verification.suites import Flags, Payload, Subject, Suite


@dataclass(frozen=True)
class ParityLine:
    sample: int
    turn: int
    parity: int


@dataclass(frozen=True)
class ParityRow:
    turn: int
    odd: int


@dataclass(frozen=True)
class Parity(Suite):
    """turns : lines per sample. size : of a block. stop : sample at which it is interrupted."""

    turns: int = 2
    size: int = 3
    stop: int | None = None

    name: ClassVar[str] = "parity"
    title: ClassVar[str] = "parity of the samples' numbers"
    line: ClassVar[type[Any] | None] = ParityLine
    row: ClassVar[type[Any]] = ParityRow

    @classmethod
    def from_flags(cls, flags: Flags) -> Parity:
        return cls()

    def settings(self) -> dict[str, Any]:
        return {"turns": self.turns}

    def check(self, subject: Subject) -> None:
        if self.turns < 1:
            raise OptionError(f"turns is {self.turns}, expected 1 or more")

    def block(self, subject: Subject) -> int:
        return self.size

    def per_sample(self, subject: Subject) -> int:
        return self.turns

    def payload(self, subject: Subject) -> np.dtype[Any]:
        return np.dtype("<i8")

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[ParityLine, Payload]]:
        for number in subject.data.index[rows]:
            if self.stop is not None and number >= self.stop:
                raise KeyboardInterrupt
            for turn in range(self.turns):
                yield ParityLine(int(number), turn, int(number) % 2), np.array(10 * number + turn)

    def rows(self, subject: Subject, lines: Sequence[ParityLine]) -> tuple[ParityRow, ...]:
        return tuple(
            ParityRow(turn, sum(line.parity for line in lines if line.turn == turn))
            for turn in range(self.turns)
        )

    def finish(self, subject: Subject, lines: Sequence[Any], payload: Payload, out: Path) -> None:
        np.save(out / "parity.npy", payload)

    def table(self, rows: Sequence[ParityRow]) -> Text:
        return Text(", ".join(f"turn {row.turn}: {row.odd} odd" for row in rows))
