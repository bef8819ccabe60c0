"""Overflow: how near the states come to their limits, and whether any input could pass them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from neurodeploy.verification.headroom import Headroom, OverflowRow, headroom
from neurodeploy.verification.overflow_inputs import in_balls, witnesses
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class OverflowSuite(Suite):
    """Headroom of the states, measured on the samples and bounded for all inputs of their range.

    eps : budgets in 1/255 of the peak, within which the balls of samples are bounded as well.
    """

    eps: tuple[float, ...] = ()

    name: ClassVar[str] = "overflow"
    title: ClassVar[str] = "headroom of the states"
    row: ClassVar[type[Any]] = OverflowRow

    @classmethod
    def from_flags(cls, flags: Flags) -> OverflowSuite:
        return cls(flags.eps or ())

    def settings(self) -> dict[str, Any]:
        return super().settings() if self.eps else {}

    def check(self, subject: Subject) -> None:
        for eps in self.eps:
            subject.data.budget(eps)

    def rows(self, subject: Subject, lines: Sequence[Any]) -> tuple[OverflowRow, ...]:
        return tuple(row for layer in _layers(subject) for row in layer.rows())

    def more(self, subject: Subject, rows: Sequence[OverflowRow]) -> dict[str, Any]:
        layers = [layer.to_dict() for layer in _layers(subject) if layer.has_current]
        found: dict[str, Any] = {"headroom": layers, "overflow": list(rows)}
        if self.eps and subject.recipe.begins_from_rest and not subject.recipe.streamed:
            found["overflow_balls"] = list(in_balls(subject, self.eps))
        if any(row.verdict == "possible" for row in rows):
            found["overflow_witnesses"] = list(witnesses(subject))
        return found

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
        lines = [f"bounds: {rows[0].assumes}; never: in any number of steps"]
        for ball in extra.get("overflow_balls", ()):
            if ball.possible:
                lines.append(
                    f"{ball.population} {ball.state} may overflow within {ball.eps:g}/255 of "
                    f"{ball.possible:,} of {ball.n:,} samples: bound {ball.bound:,}"
                )
        for found in extra.get("overflow_witnesses", ()):
            lines.append(
                f"an input made for it overflows {found.population} {found.state} in "
                f"{found.count:,} neuron-steps (overflow_witnesses of verify.json)"
            )
        return tuple(lines)


@lru_cache(maxsize=1)
def _layers(subject: Subject) -> tuple[Headroom, ...]:
    return headroom(subject.program, subject.data, recipe=subject.recipe)
