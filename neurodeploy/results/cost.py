"""What the suite cost found: its entry in ``verify.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.energy.ceilings import Ceiling

ALL = "all"
"""Name of the sum over populations or connections."""


@dataclass(frozen=True)
class CaseRow:
    """Counts by name, see `neurodeploy.verification.cost_suite.CostCase`.

    Raises ValueError unless mean, largest and attacked rise in this order.
    """

    name: str
    mean: float
    largest: int
    attacked_mean: float
    attacked: int

    def __post_init__(self) -> None:
        if not self.mean <= self.largest <= self.attacked:
            known = f"mean {self.mean:g}, largest {self.largest}, attacked {self.attacked}"
            raise ValueError(f"{self.name} falls where it should rise: {known}")


@dataclass(frozen=True)
class CostlyRow:
    """Cost at one budget, see `neurodeploy.verification.cost_suite.CostRow`."""

    eps: float
    unit: str
    steps: int
    measure: str
    n: int
    raised: float
    spikes: tuple[CaseRow, ...]
    synops: tuple[CaseRow, ...]
    found_by: Mapping[str, int]

    @property
    def text(self) -> str:
        """The budget as it is written."""
        return f"{self.unit} {self.eps:g}"

    @property
    def totals(self) -> tuple[tuple[str, CaseRow], ...]:
        """The sums over populations, and over connections."""
        parts = (("spikes", self.spikes), ("synaptic operations", self.synops))
        return tuple((name, row) for name, rows in parts for row in rows if row.name == ALL)

    def ceiling(self) -> Ceiling:
        """Return the largest counts that were found, for the energy of one inference."""
        return Ceiling(
            f"the most that attacks within {self.text} of {self.n} samples found",
            {row.name: row.attacked for row in self.spikes if row.name != ALL},
            {row.name: row.attacked for row in self.synops if row.name != ALL},
        )


@dataclass(frozen=True)
class Costly:
    """The entry of ``verify.json``."""

    summary: tuple[CostlyRow, ...]

    def ceilings(self) -> tuple[Ceiling, ...]:
        """Return the largest counts at every budget."""
        return tuple(row.ceiling() for row in self.summary)
