"""Overflow: how near the states come to their limits, and whether any input could pass them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurodeploy.verification.headroom import Headroom, headroom
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class OverflowRow:
    """One state of one population.

    bound : of its magnitude for any input of the data's range, over the steps of a sample from
    rest; None where none is known. observed : the largest seen. verdict : ``"impossible"``,
    ``"not seen"`` or ``"seen"``.
    """

    population: str
    state: str
    bound: int | None
    observed: int
    verdict: str


@dataclass(frozen=True)
class OverflowSuite(Suite):
    """Headroom of the states, measured and bounded."""

    name: ClassVar[str] = "overflow"
    title: ClassVar[str] = "headroom of the states"
    row: ClassVar[type[Any]] = OverflowRow

    @classmethod
    def from_flags(cls, flags: Flags) -> OverflowSuite:
        return cls()

    def rows(self, subject: Subject, lines: Sequence[Any]) -> tuple[OverflowRow, ...]:
        return tuple(row for layer in _layers(subject) for row in _rows(layer))

    def more(self, subject: Subject, rows: Sequence[Any]) -> dict[str, Any]:
        return {"headroom": _layers(subject)}

    def table(self, rows: Sequence[OverflowRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("headroom of", "state", "largest", "bound", "overflow"):
            table.add_column(name, justify="right" if name in ("largest", "bound") else "left")
        for row in rows:
            bound = "unknown" if row.bound is None else f"{row.bound:,}"
            table.add_row(row.population, row.state, f"{row.observed:,}", bound, row.verdict)
        return table


def _layers(subject: Subject) -> tuple[Headroom, ...]:
    return headroom(subject.program, subject.data, run=subject.recipe.from_rest())


def _rows(layer: Headroom) -> tuple[OverflowRow, ...]:
    seen = {"u": layer.u_wraps, "v": layer.v_saturations}
    largest = {"u": layer.u_largest, "v": layer.v_largest}
    bounds = {"u": layer.u_bound, "v": layer.v_bound}
    return tuple(
        OverflowRow(
            layer.population,
            state,
            bounds[state],
            largest[state],
            "seen" if seen[state] else "impossible" if layer.proven else "not seen",
        )
        for state in ("u", "v")
    )
