"""Certificates in ``verify.json``: what is proved, and what a sample costs at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.certify.worst import WorstCase
from neurodeploy.energy.ceilings import Ceiling


@dataclass(frozen=True)
class CertifiedRow:
    """Shares of the n samples at one budget; see `neurodeploy.verification.certify_suite`."""

    eps: float
    steps: int
    clean: float
    certified: float
    falsified: float
    open: float
    n: int
    by_method: Mapping[str, float]


@dataclass(frozen=True)
class CertifiedWorst:
    """Bounds of spikes (by population) and of synaptic operations (by connection) of one sample.

    eps : budgets of ``within``. samples : the first ones, for whose balls these hold.

    Raises ValueError where a bound is below what a sample did, or a wider one below a tighter.
    """

    eps: tuple[float, ...]
    samples: int
    spikes: tuple[WorstCase, ...]
    synops: tuple[WorstCase, ...]

    def __post_init__(self) -> None:
        for row in (*self.spikes, *self.synops):
            known = (row.mean, row.largest, *row.within)
            if len(row.within) != len(self.eps):
                raise ValueError(f"{row.name} has {len(row.within)} bounds, eps {len(self.eps)}")
            if row.mean > row.largest or any(bound < row.largest for bound in row.within):
                raise ValueError(f"{row.name} is bounded by less than its samples did: {known}")

    def ceilings(self) -> tuple[Ceiling, ...]:
        """Return the bounds for the energy of one inference, the tightest first."""
        first = f"the first {self.samples} samples"
        within = [
            Ceiling(
                f"certified for data within eps {eps:g} of {first}",
                {row.name: row.within[k] for row in self.spikes},
                {row.name: row.within[k] for row in self.synops},
            )
            for k, eps in enumerate(self.eps)
        ]
        everything = Ceiling(
            "certified for all data of the range",
            {row.name: row.always for row in self.spikes},
            {row.name: row.always for row in self.synops},
        )
        return (*within, everything)
