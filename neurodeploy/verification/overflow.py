"""Overflow: how near the states come to their limits, and whether any input could pass them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from neurodeploy.verification.headroom import Headroom, OverflowRow, headroom
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class OverflowSuite(Suite):
    """Headroom of the states, measured on the samples and bounded for all inputs of their range."""

    name: ClassVar[str] = "overflow"
    title: ClassVar[str] = "headroom of the states"
    row: ClassVar[type[Any]] = OverflowRow

    @classmethod
    def from_flags(cls, flags: Flags) -> OverflowSuite:
        return cls()

    def rows(self, subject: Subject, lines: Sequence[Any]) -> tuple[OverflowRow, ...]:
        return tuple(row for layer in _layers(subject) for row in layer.rows())

    def more(self, subject: Subject, rows: Sequence[OverflowRow]) -> dict[str, Any]:
        layers = [layer.to_dict() for layer in _layers(subject) if layer.has_current]
        return {"headroom": layers, "overflow": list(rows)}

    def table(self, rows: Sequence[OverflowRow]) -> RenderableType:
        from rich.table import Table

        numbers = ("largest seen", "bound", "limit")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("headroom of", "state", *numbers, "overflow"):
            table.add_column(name, justify="right" if name in numbers else "left")
        for row in rows:
            shown = (row.observed, row.bound, row.limit)
            values = ("-" if value is None else f"{value:,}" for value in shown)
            table.add_row(row.population, row.state, *values, row.verdict)
        return table

    def footnotes(self, rows: Sequence[OverflowRow], extra: Mapping[str, Any]) -> tuple[str, ...]:
        if not rows:
            return ()
        return (f"bounds: {rows[0].assumes}; never: in any number of steps",)


@lru_cache(maxsize=1)
def _layers(subject: Subject) -> tuple[Headroom, ...]:
    return headroom(subject.program, subject.data, recipe=subject.recipe)
