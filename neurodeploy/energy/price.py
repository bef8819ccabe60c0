"""Counts times constants: the terms of an estimate, those that were left out, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.energy.counts import Counts, PerSample
from neurodeploy.energy.duration import Bounds, Timed, bounds
from neurodeploy.energy.report import Excluded, Interval, Term
from neurodeploy.errors import ProfileError

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile, Quantity

UNITS_PJ = {"pJ": 1.0, "nJ": 1e3, "mW": 1e3}
"""Picojoules per event: pJ, nJ, and mW over one microsecond (1 mW * 1 us = 1 nJ)."""

UPDATES = "neuron updates"
HELD = "already held by the other constants (includes)"
NEEDS_PLACEMENT = (
    ("axon inputs", "axon_in_pj", "axon_in"),
    ("axon messages", "axon_out_pj", "axon_out"),
    ("horizontal hops", "hop_horizontal_pj", "hop"),
    ("vertical hops", "hop_vertical_pj", "hop"),
)


@dataclass(frozen=True)
class Charge:
    """A term before it is summarised.

    constant : ``(3, 1)`` in ``unit``. count : events per sample, or ``(3, samples)`` where the
    count itself is an interval (a time). energy_pj : ``(3, samples)``. joint : shares the equation
    of the profile's joint constraint.
    """

    name: str
    key: str
    quantity: Quantity
    constant: Bounds
    unit: str
    count: PerSample | Bounds
    count_unit: str
    energy_pj: Bounds
    joint: bool = False

    def term(self) -> Term:
        """Return the printable record."""
        count = self.count if self.count.ndim == 1 else self.count[1]
        return Term(
            name=self.name,
            key=self.key,
            count_mean=float(count.mean()),
            count_min=float(count.min()),
            count_max=float(count.max()),
            count_unit=self.count_unit,
            constant=Interval(*self.constant[:, 0].tolist()),
            unit=self.unit,
            grade=self.quantity.grade,
            sources=self.quantity.sources,
            energy_pj=Interval(*self.energy_pj.mean(axis=1).tolist()),
        )


@dataclass(frozen=True)
class Priced:
    """Terms per inference.

    charges : dynamic terms. static : the static term or None. excluded : what was left out.
    """

    charges: tuple[Charge, ...]
    static: Charge | None
    excluded: tuple[Excluded, ...]

    @property
    def is_synaptic_only(self) -> bool:
        """Whether neuron updates have no price, so that no sum may pass for the energy."""
        updates = [e for e in self.excluded if e.name == UPDATES]
        return bool(updates) and updates[0].reason != HELD

    def synaptic(self) -> Priced:
        """Return the terms of synaptic operations alone."""
        return Priced(tuple(c for c in self.charges if c.key.startswith("synop")), None, ())

    def dynamic_pj(self) -> Bounds:
        """Return the sum of the dynamic terms, ``(3, samples)``.

        low = sum of lows, mid = sum of mids, high = sum of highs, where all joint terms together
        add only their largest high: their constants share one measured total, so that
        ``sum(constant / high) <= 1``, and ``sum(constant * n)`` is largest at a corner.
        """
        total = np.sum([charge.energy_pj for charge in self.charges], axis=0)
        joint = [charge.energy_pj[2] for charge in self.charges if charge.joint]
        if joint:
            total[2] += np.max(joint, axis=0) - np.sum(joint, axis=0)
        return np.asarray(total, np.float64)


def price(profile: ChipProfile, counts: Counts, time: Timed, chips: int = 1) -> Priced:
    """Return the terms of one inference; ``chips`` multiplies static power.

    Raises ProfileError where the profile is of status limits, or has no constant for synaptic
    operations.
    """
    book = _Book(profile)
    book.synops(counts)
    book.updates(counts)
    book.charge("spikes", "spike_pj", counts.spikes, "spike", "spikes")
    book.charge("input events", "input_event_pj", counts.input_events, "input_event", "events")
    steps = np.full(counts.samples, counts.steps)
    book.charge("barrier", "barrier_sync_nj_per_step", steps, "barrier_sync", "steps")
    book.charge("host work", "host_nj_per_step", steps, "host", "steps")
    for name, key, sub_cost in NEEDS_PLACEMENT:
        book.exclude_unplaced(name, key, sub_cost)
    book.host_awake(time)
    static = book.static(time, chips)
    return Priced(tuple(book.charges), static, tuple(book.excluded))


class _Book:
    """Collects the charges and exclusions of one profile."""

    def __init__(self, profile: ChipProfile) -> None:
        self.profile = profile
        self.charges: list[Charge] = []
        self.excluded: list[Excluded] = []

    def synops(self, counts: Counts) -> None:
        """Charge synaptic operations: one constant, or one for each kind of connection."""
        common = self.profile.energy.quantity("synop_pj")
        if common is not None:
            self._add("synaptic operations", "synop_pj", common, counts.synops, "synops")
            return
        for kind, count in (("dense", counts.synops_dense), ("conv", counts.synops_conv)):
            key = f"synop_{kind}_pj"
            quantity = self.profile.energy.quantity(key)
            if quantity is not None:
                self._add(f"synaptic operations, {kind}", key, quantity, count, "synops")
            elif count.any():
                raise ProfileError(
                    f"profile {self.profile.name}: energy is refused, the energy of a synaptic "
                    f"operation (synop_pj) is unknown and no measured case bounds it"
                )

    def updates(self, counts: Counts) -> None:
        """Charge neuron updates; the counts do not tell active ones from inactive ones.

        Where both constants are known: low as if all were inactive, mid and high as if active.
        """
        if self._held(UPDATES, "neuron_update"):
            return
        active = self.profile.energy.quantity("neuron_update_active_pj")
        inactive = self.profile.energy.quantity("neuron_update_inactive_pj")
        quantity = active or inactive
        if quantity is None:
            self.excluded.append(Excluded(UPDATES, "neuron_update_active_pj is unknown"))
            return
        constant = bounds(quantity)
        if active is not None and inactive is not None:
            constant = np.stack([bounds(inactive)[0], *bounds(active)[1:]])
        key = "neuron_update_active_pj" if active else "neuron_update_inactive_pj"
        self._add(UPDATES, key, quantity, counts.updates, "updates", constant)

    def charge(self, name: str, key: str, count: PerSample, sub_cost: str, count_unit: str) -> None:
        """Charge ``count`` events unless the constant is unknown or held by another one."""
        if self._held(name, sub_cost):
            return
        quantity = self.profile.energy.quantity(key)
        if quantity is None:
            self.excluded.append(Excluded(name, f"{key} is unknown"))
            return
        self._add(name, key, quantity, count, count_unit)

    def exclude_unplaced(self, name: str, key: str, sub_cost: str) -> None:
        """Leave out a term that is counted on a network placed on cores."""
        if self._held(name, sub_cost):
            return
        known = self.profile.energy.quantity(key) is not None
        reason = "counted on placed networks only" if known else f"{key} is unknown"
        self.excluded.append(Excluded(name, reason))

    def host_awake(self, time: Timed) -> None:
        """Charge the power of embedded processors that are awake."""
        if not self._held("host awake", "host"):
            charge = self._powered("host awake", "host_awake_mw", time, 1.0)
            if charge is not None:
                self.charges.append(charge)

    def static(self, time: Timed, chips: int) -> Charge | None:
        """Return static power over the time of the inference: fraction * chips * power * t."""
        fraction = self.profile.power.quantity("chip_fraction")
        share = fraction.bounds[1] if fraction is not None else 1.0
        return self._powered("static power", "static_mw", time, chips * share)

    def _powered(self, name: str, key: str, time: Timed, factor: float) -> Charge | None:
        quantity = self.profile.power.quantity(key)
        if quantity is None:
            self.excluded.append(Excluded(name, f"{key} is unknown"))
            return None
        if time.inference_us is None:
            self.excluded.append(
                Excluded(name, f"time of an inference unknown: {time.reason}; give the step time")
            )
            return None
        constant = bounds(quantity) * factor
        energy = constant * time.inference_us * UNITS_PJ["mW"]
        return Charge(name, key, quantity, constant, "mW", time.inference_us, "us", energy)

    def _held(self, name: str, sub_cost: str) -> bool:
        """Whether another constant already holds this cost; notes it as excluded if so."""
        if sub_cost not in self.profile.energy.includes:
            return False
        self.excluded.append(Excluded(name, HELD))
        return True

    def _add(
        self,
        name: str,
        key: str,
        quantity: Quantity,
        count: PerSample,
        count_unit: str,
        constant: Bounds | None = None,
    ) -> None:
        unit = "nJ" if "_nj_" in key else "pJ"
        charged = bounds(quantity) if constant is None else constant
        energy = charged * count * UNITS_PJ[unit]
        energies = self.profile.energy
        joint = energies.joint_constraint is not None and quantity.grade == "fitted"
        self.charges.append(
            Charge(name, key, quantity, charged, unit, count, count_unit, energy, joint)
        )
