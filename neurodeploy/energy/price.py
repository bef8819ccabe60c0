"""Counts times constants: the terms of an estimate, and those that were left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.energy.charges import HELD, UPDATES, Charge, Part, Priced
from neurodeploy.energy.counts import Counts, PerSample
from neurodeploy.energy.duration import Timed, bounds
from neurodeploy.energy.joint import joint_charges
from neurodeploy.energy.placed import Placed
from neurodeploy.energy.placement import Bounds, hops_per_message, messages
from neurodeploy.energy.report import Excluded
from neurodeploy.energy.unpriced import unpriced
from neurodeploy.errors import ProfileError

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile, Quantity

BETWEEN = "links between chips are not in the profile"
UNITS_PJ = {"pJ": 1.0, "nJ": 1e3, "mW": 1e3}
"""Picojoules per event: pJ, nJ, and mW over one microsecond (1 mW * 1 us = 1 nJ)."""
SYNOPS = ("synop_pj", "synop_dense_pj", "synop_conv_pj")


def price(profile: ChipProfile, counts: Counts, time: Timed, chips: int = 1) -> Priced:
    """Return the terms of one inference; ``chips`` multiplies static power and awake hosts.

    Raises ProfileError where the profile has no constant for synaptic operations and no measured
    case that bounds it.
    """
    book = _Book(profile, counts, time)
    if profile.energy.joint:
        constants, charges, excluded = joint_charges(profile, counts, time, chips)
        book.charges += charges
        book.excluded += excluded
        book.event("input events", "input_event_pj", "input_event", counts.input_events)
        static = book.powered("static power", "static_mw", "static", chips * _fraction(profile))
        left_out = [*book.excluded, *unpriced(profile, True, counts.placed is not None)]
        return Priced(tuple(book.charges), static, tuple(left_out), constants)
    book.synops()
    book.updates()
    book.event("spikes", "spike_pj", "spike", counts.total("spikes"))
    book.event("input events", "input_event_pj", "input_event", counts.input_events)
    book.network_on_chip()
    book.per_step()
    book.host_power(chips)
    static = book.powered("static power", "static_mw", "static", chips * _fraction(profile))
    left_out = [*book.excluded, *unpriced(profile, False, counts.placed is not None)]
    return Priced(tuple(book.charges), static, tuple(left_out))


def _fraction(profile: ChipProfile) -> float:
    fraction = profile.power.quantity("chip_fraction")
    return 1.0 if fraction is None else fraction.bounds[1]


class _Book:
    """Collects the charges and exclusions of one profile."""

    def __init__(self, profile: ChipProfile, counts: Counts, time: Timed) -> None:
        self.profile, self.counts, self.time = profile, counts, time
        self.charges: list[Charge] = []
        self.excluded: list[Excluded] = []

    def synops(self) -> None:
        """Charge synaptic operations: each kind by its own constant, else by the common one."""
        energy = self.profile.energy
        common = energy.quantity("synop_pj")
        own = {kind: energy.quantity(f"synop_{kind}_pj") for kind in ("dense", "conv")}
        if common is not None and not any(own.values()):
            self._add(
                "synaptic operations", "synop_pj", common, self.counts.total("synops"), "synops"
            )
            return
        for kind, quantity in own.items():
            count = self.counts.total(f"synops_{kind}")
            chosen, key = (quantity, f"synop_{kind}_pj") if quantity else (common, "synop_pj")
            if chosen is not None:
                self._add(f"synaptic operations, {kind}", key, chosen, count, "synops")
            elif count.any():
                raise ProfileError(
                    f"profile {self.profile.name}: energy is refused, the energy of a synaptic "
                    f"operation (synop_pj) is unknown and no measured case bounds it"
                )

    def updates(self) -> None:
        """Charge neuron updates.

        Where both constants are known and the counts tell active from inactive updates, each at its
        own; where they do not tell: low as if only those that fire were active, mid and high as if
        all were.
        """
        if self._held(UPDATES, "neuron_update"):
            return
        active = self.profile.energy.quantity("neuron_update_active_pj")
        inactive = self.profile.energy.quantity("neuron_update_inactive_pj")
        quantity = active or inactive
        if quantity is None:
            self.excluded.append(Excluded(UPDATES, "neuron_update_active_pj is unknown"))
            return
        updates, spikes = self.counts.total("updates"), self.counts.total("spikes")
        told = self.counts.active
        if active is not None and inactive is not None and told is not None:
            for kind, each, count in (
                ("active", active, told),
                ("inactive", inactive, updates - told),
            ):
                key = f"neuron_update_{kind}_pj"
                self._add(f"{UPDATES}, {kind}", key, each, count, "updates")
            return
        constant = bounds(quantity)
        energy = constant * updates
        if active is not None and inactive is not None:
            constant = np.stack([bounds(inactive)[0], *bounds(active)[1:]])
            rest, work = bounds(inactive)[0], bounds(active)[0]
            energy = np.stack([rest * updates + (work - rest) * spikes, *energy[1:]])
        key = "neuron_update_active_pj" if active else "neuron_update_inactive_pj"
        self.charges.append(
            Charge.of(UPDATES, key, "network", quantity, constant, "pJ", updates, "updates", energy)
        )

    def event(
        self,
        name: str,
        key: str,
        sub_cost: str,
        count: PerSample | Bounds,
        part: Part = "network",
        unit: str = "events",
    ) -> None:
        """Charge ``count`` events unless the constant is unknown or held by another one."""
        if self._held(name, sub_cost):
            return
        quantity = self.profile.energy.quantity(key)
        if quantity is None:
            self.excluded.append(Excluded(name, f"{key} is unknown"))
            return
        self._add(name, key, quantity, count, unit, self._free(sub_cost), part)

    def network_on_chip(self) -> None:
        """Charge messages between cores and their hops: as placed, or on the fewest cores."""
        if self.counts.placed is not None:
            self._placed(self.counts.placed)
            return
        sent = messages(self.profile, self.counts)
        self.event("axon inputs", "axon_in_pj", "axon_in", sent, unit="messages")
        self.event("axon messages", "axon_out_pj", "axon_out", sent, unit="messages")
        hops = hops_per_message(self.profile, self.counts)
        for name, key, place in (
            ("horizontal hops", "hop_horizontal_pj", 0),
            ("vertical hops", "hop_vertical_pj", 1),
        ):
            if hops is not None:
                self.event(name, key, "hop", sent * hops[place], unit="hops")
            elif not self._held(name, "hop"):
                known = self.profile.energy.quantity(key) is not None
                reason = "the profile describes no mesh ([noc])" if known else f"{key} is unknown"
                self.excluded.append(Excluded(name, reason))

    def _placed(self, placed: Placed) -> None:
        """Charge the messages and links of a placed network, which are exact."""
        totals = placed.totals
        self.event("axon inputs", "axon_in_pj", "axon_in", totals["axons_in"], unit="messages")
        self.event("axon messages", "axon_out_pj", "axon_out", totals["axons_out"], unit="messages")
        if self.profile.energy.quantity("spike_local_pj") is not None:
            local = totals["within_tile"]
            self.event("messages within a tile", "spike_local_pj", "hop", local, unit="messages")
        for name, key, count in (
            ("horizontal hops", "hop_horizontal_pj", "hops_horizontal"),
            ("vertical hops", "hop_vertical_pj", "hops_vertical"),
        ):
            if placed.meshed:
                self.event(name, key, "hop", totals[count], unit="hops")
            elif not self._held(name, "hop"):
                known = self.profile.energy.quantity(key) is not None
                reason = "the profile describes no mesh ([noc])" if known else f"{key} is unknown"
                self.excluded.append(Excluded(name, reason))
        if totals["between_chips"].any():
            self.excluded.append(Excluded("messages between chips", BETWEEN))

    def per_step(self) -> None:
        """Charge what every step costs."""
        steps = np.full(self.counts.samples, self.counts.steps)
        self.event("barrier", "barrier_sync_nj_per_step", "barrier_sync", steps, "host", "steps")
        if self.profile.power.quantity("host_work_mw") is None:
            self.event("host work", "host_nj_per_step", "host", steps, "host", "steps")

    def host_power(self, chips: int) -> None:
        """Charge embedded processors: awake on every chip, and at work for the network."""
        for name, key, factor in (
            ("host awake", "host_awake_mw", chips),
            ("host work", "host_work_mw", 1),
        ):
            both = key == "host_work_mw" and self.profile.power.quantity(key) is None
            if both or self._held(name, "host"):
                continue
            charge = self.powered(name, key, "host", factor)
            if charge is not None:
                self.charges.append(charge)

    def powered(self, name: str, key: str, part: Part, factor: float) -> Charge | None:
        """Return a power over the time of the inference: factor * power * t."""
        quantity = self.profile.power.quantity(key)
        if quantity is None:
            self.excluded.append(Excluded(name, f"{key} is unknown"))
            return None
        if self.time.inference_us is None:
            reason = f"time of an inference unknown: {self.time.reason}; give the step time"
            self.excluded.append(Excluded(name, reason))
            return None
        constant = bounds(quantity) * factor
        energy = constant * self.time.inference_us * UNITS_PJ["mW"]
        return Charge.of(
            name, key, part, quantity, constant, "mW", self.time.inference_us, "us", energy
        )

    def _held(self, name: str, sub_cost: str) -> bool:
        """Whether other constants already hold this cost altogether; notes it if so."""
        if sub_cost not in self.profile.energy.includes and self._free(sub_cost).any():
            return False
        self.excluded.append(Excluded(name, HELD))
        return True

    def _free(self, sub_cost: str) -> Any:
        """Return ``(3, 1)``, 1 where no other constant holds this cost at that end, else 0."""
        held = np.zeros(3, bool)
        for _, quantity in self.profile.energy.quantities():
            if quantity.known:
                held |= np.array(quantity.holds(sub_cost))
        return np.where(held, 0.0, 1.0)[:, None]

    def _add(
        self,
        name: str,
        key: str,
        quantity: Quantity,
        count: PerSample | Bounds,
        count_unit: str,
        free: Any = 1.0,
        part: Part = "network",
    ) -> None:
        unit = "nJ" if "_nj_" in key else "pJ"
        energy = bounds(quantity) * count * UNITS_PJ[unit] * free
        energy[0] = energy.min(axis=0)
        energy[2] = energy.max(axis=0)
        self.charges.append(
            Charge.of(name, key, part, quantity, bounds(quantity), unit, count, count_unit, energy)
        )
