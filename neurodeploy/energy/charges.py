"""Terms before they are summarised, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from neurodeploy.energy.consistent import Array, ConstantSet
from neurodeploy.energy.counts import PerSample
from neurodeploy.energy.placement import Bounds
from neurodeploy.energy.report import Excluded, Interval, Term

if TYPE_CHECKING:
    from neurodeploy.profile import Quantity

Part = Literal["network", "host", "static"]
HELD = "already held by the other constants (includes)"
UPDATES = "neuron updates"


@dataclass(frozen=True)
class Charge:
    """One term. part : who spends it.

    constant : ``(3, 1)`` in ``unit``; NaN in the middle where only the ends are known. count :
    events per sample, or ``(3, samples)`` where the count itself is an interval. energy_pj :
    ``(3, samples)``, of this term on its own. joint : place of its constant in the set of
    constants that agree with the measured cases, None for one that stands alone.
    """

    name: str
    key: str
    part: Part
    grade: str
    sources: tuple[str, ...]
    constant: Bounds
    unit: str
    count: PerSample | Bounds
    count_unit: str
    energy_pj: Bounds
    joint: int | None = None

    @classmethod
    def of(
        cls,
        name: str,
        key: str,
        part: Part,
        quantity: Quantity,
        constant: Bounds,
        unit: str,
        count: PerSample | Bounds,
        count_unit: str,
        energy_pj: Bounds,
    ) -> Charge:
        """Return the charge of a constant that stands alone."""
        grade, sources = quantity.grade, quantity.sources
        return cls(name, key, part, grade, sources, constant, unit, count, count_unit, energy_pj)

    def counts(self) -> Bounds:
        """Return the count as ``(3, samples)``."""
        return self.count if self.count.ndim == 2 else np.tile(self.count, (3, 1))

    def term(self) -> Term:
        """Return the printable record."""
        count = self.counts()[1]
        return Term(
            name=self.name,
            key=self.key,
            count_mean=float(count.mean()),
            count_min=float(count.min()),
            count_max=float(count.max()),
            count_unit=self.count_unit,
            constant=Interval.of(self.constant[:, 0]),
            unit=self.unit,
            grade=self.grade,
            sources=self.sources,
            energy_pj=Interval.of(self.energy_pj.mean(axis=1)),
            part=self.part,
        )


@dataclass(frozen=True)
class Priced:
    """Terms per inference.

    charges : dynamic terms. static : the static term or None. excluded : what was left out.
    constants : the set that the joint charges share, None where every constant stands alone.
    """

    charges: tuple[Charge, ...]
    static: Charge | None
    excluded: tuple[Excluded, ...]
    constants: ConstantSet | None = None

    @property
    def is_synaptic_only(self) -> bool:
        """Whether neuron updates have no price, so that no sum may pass for the energy."""
        updates = [entry for entry in self.excluded if entry.name == UPDATES]
        return bool(updates) and updates[0].reason != HELD

    def synaptic(self) -> Priced:
        """Return the terms of synaptic operations alone."""
        chosen = tuple(c for c in self.charges if c.key.startswith("synop"))
        return Priced(chosen, None, (), self.constants)

    def of_part(self, part: Part) -> Priced:
        """Return the dynamic terms that this part spends."""
        chosen = tuple(c for c in self.charges if c.part == part)
        return Priced(chosen, None, (), self.constants)

    def samples(self) -> int:
        """Number of inferences."""
        return self.charges[0].energy_pj.shape[1] if self.charges else 0

    def dynamic_pj(self) -> Bounds:
        """Return the sum of the dynamic terms, ``(3, samples)``.

        low = sum of lows, mid = sum of mids, high = sum of highs; the joint terms together add
        the least and the largest sum that constants of their set give, and no middle.
        """
        alone = [charge.energy_pj for charge in self.charges if charge.joint is None]
        total = np.sum(alone, axis=0) if alone else np.zeros((3, self.samples()))
        if self.constants is not None and any(c.joint is not None for c in self.charges):
            low, _ = self.constants.extremes(self.joint_counts(0))
            _, high = self.constants.extremes(self.joint_counts(2))
            total = total + np.stack([low, np.full_like(low, np.nan), high])
        return np.asarray(total, np.float64)

    def mean_dynamic_pj(self) -> Bounds:
        """Return the same of the mean inference, ``(3, 1)``: its constants are one and the same."""
        alone = [c.energy_pj.mean(axis=1) for c in self.charges if c.joint is None]
        total = np.sum(alone, axis=0) if alone else np.zeros(3)
        if self.constants is not None and any(c.joint is not None for c in self.charges):
            low, _ = self.constants.extremes(self.joint_counts(0).mean(axis=1, keepdims=True))
            _, high = self.constants.extremes(self.joint_counts(2).mean(axis=1, keepdims=True))
            total = total + np.array([low[0], np.nan, high[0]])
        return np.asarray(total, np.float64)[:, None]

    def joint_counts(self, end: int) -> Array:
        """Return the counts of the joint terms, ``(constants, samples)``; 0 for those left out."""
        size = 0 if self.constants is None else len(self.constants.keys)
        counts = np.zeros((size, self.samples()))
        for charge in self.charges:
            if charge.joint is not None:
                counts[charge.joint] = charge.counts()[end]
        return counts
