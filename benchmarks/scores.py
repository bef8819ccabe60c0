"""Rows of the final table: a measured figure beside its gate and its reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure. A gate must hold, the reach is the goal; None where there is none.

    value : None when it could not be measured; ``remark`` then says why.
    least : whether gate and reach are the least values, or the largest.
    """

    what: str
    value: float | None
    gate: float | None = None
    reach: float | None = None
    least: bool = True
    remark: str = ""

    @property
    def misses_gate(self) -> bool:
        """Whether the figure was measured and is on the wrong side of its gate."""
        return self._wrong(self.gate)

    @property
    def verdict(self) -> str:
        """Return what became of gate and reach."""
        if self.value is None:
            return "not measured"
        if self.misses_gate:
            return "GATE MISSED"
        if self.reach is None:
            return ""
        return "below the reach" if self._wrong(self.reach) else "reached"

    def record(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self) | {"verdict": self.verdict}

    def _wrong(self, limit: float | None) -> bool:
        if self.value is None or limit is None:
            return False
        return self.value < limit if self.least else self.value > limit


def table(rows: Sequence[Row]) -> str:
    """Return the table of all rows."""
    lines = [f"{'what':38}{'measured':>10}{'gate':>7}{'reach':>7}  {'verdict':16}remark"]
    lines += [
        f"{row.what:38}{_number(row.value):>10}{_number(row.gate):>7}{_number(row.reach):>7}  "
        f"{row.verdict:16}{row.remark}"
        for row in rows
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
