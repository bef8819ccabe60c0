"""What events cost: energy, power and time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import model_validator

from neurodeploy.profile.evidence import (
    INTERVAL_ONLY,
    Quantity,
    Section,
    SubCost,
    Text,
    Whole,
)

Convention = Literal["taps", "nonzero"]


class Energy(Section):
    """Energy per event.

    count_convention : what one synaptic operation is. includes : sub-costs that all constants
    hold already; one that only some hold stands beside those (``includes`` of a quantity).
    joint_constraint : cases of ``[cases]`` whose measured totals bound the constants together:
    whatever the profile does not say of them may be anything that agrees with every one of these.
    """

    count_convention: Convention | None = None
    includes: tuple[SubCost, ...] = ()
    joint_constraint: Text | tuple[Text, ...] | None = None
    synop_pj: Quantity | None = None
    synop_dense_pj: Quantity | None = None
    synop_sparse_pj: Quantity | None = None
    synop_conv_pj: Quantity | None = None
    neuron_update_active_pj: Quantity | None = None
    neuron_update_inactive_pj: Quantity | None = None
    spike_pj: Quantity | None = None
    axon_in_pj: Quantity | None = None
    axon_out_pj: Quantity | None = None
    spike_local_pj: Quantity | None = None
    hop_horizontal_pj: Quantity | None = None
    hop_vertical_pj: Quantity | None = None
    barrier_sync_nj_per_step: Quantity | None = None
    host_nj_per_step: Quantity | None = None
    input_event_pj: Quantity | None = None
    mac_pj: Quantity | None = None
    ac_pj: Quantity | None = None
    memory_access_pj_per_byte: Quantity | None = None

    @property
    def joint(self) -> tuple[str, ...]:
        """The cases of the joint constraint."""
        given = self.joint_constraint
        return (given,) if isinstance(given, str) else given or ()

    @model_validator(mode="after")
    def _is_usable(self) -> Energy:
        for key, quantity in self.quantities():
            if quantity.known and quantity.is_point and quantity.grade in INTERVAL_ONLY:
                raise ValueError(
                    f"{key} is a single value of grade {quantity.grade}, "
                    "expected an interval with low, mid and high, low below high"
                )
            if key.startswith("synop") and quantity.known and self.count_convention is None:
                raise ValueError(f"{key} needs count_convention, 'taps' or 'nonzero'")
        if self.joint and self.count_convention is None:
            raise ValueError("joint_constraint needs count_convention, 'taps' or 'nonzero'")
        self._check_updates()
        return self

    def _check_updates(self) -> None:
        """Raise ValueError where an update that does nothing costs more than one that does."""
        active = self.quantity("neuron_update_active_pj")
        inactive = self.quantity("neuron_update_inactive_pj")
        if active is None or inactive is None:
            return
        for name, rest, work in zip(
            ("low", "mid", "high"), inactive.bounds, active.bounds, strict=True
        ):
            if rest > work:
                raise ValueError(
                    f"neuron_update_inactive_pj is {rest:g} at its {name}, above "
                    f"neuron_update_active_pj, {work:g}"
                )


class Power(Section):
    """Power that flows whatever the network does.

    static_mw : of one chip, idle. static_scope : rails and blocks that it covers. baseline : state
    in which it was read. host_awake_mw : more, of a board whose processors have run a program.
    host_work_mw : more, while they serve a running network. chip_fraction : share of static_mw
    that one chip of the board takes.
    """

    static_mw: Quantity | None = None
    static_scope: str = ""
    baseline: str = ""
    host_awake_mw: Quantity | None = None
    host_work_mw: Quantity | None = None
    chip_fraction: Quantity | None = None


class BarrierSync(Section):
    """Duration of the barrier for a number of tiles in use."""

    tiles: Whole
    us: Quantity

    @model_validator(mode="after")
    def _is_known(self) -> BarrierSync:
        if not self.us.known:
            raise ValueError("us is unknown, expected a number")
        return self


class StepTiming(Section):
    """Duration of events and steps.

    whole_step_us : a whole step as it was measured, the host and the barrier within it: a step
    takes at least that long. host_us_per_step : time of the host that adds to the cores' own.
    """

    synop_ns: Quantity | None = None
    neuron_update_ns: Quantity | None = None
    spike_out_ns: Quantity | None = None
    axon_in_ns: Quantity | None = None
    axon_out_ns: Quantity | None = None
    hop_horizontal_ns: Quantity | None = None
    hop_vertical_ns: Quantity | None = None
    barrier_sync_us: Quantity | None = None
    barrier_sync_table: tuple[BarrierSync, ...] = ()
    host_us_per_step: Quantity | None = None
    whole_step_us: Quantity | None = None
    clock_hz: Quantity | None = None
    cycles_per_input_synapse_event: Quantity | None = None
    cycles_per_hidden_synapse_event: Quantity | None = None
    cycles_per_output_synapse_event: Quantity | None = None
    cycles_per_input: Quantity | None = None
    cycles_per_hidden_neuron: Quantity | None = None
    cycles_per_output_neuron: Quantity | None = None

    @model_validator(mode="after")
    def _has_one_barrier(self) -> StepTiming:
        seen: set[int] = set()
        for row in self.barrier_sync_table:
            if row.tiles in seen:
                raise ValueError(f"barrier_sync_table has two rows of {row.tiles} tiles")
            seen.add(row.tiles)
        if seen and self.quantity("barrier_sync_us") is not None:
            raise ValueError("barrier_sync_us and barrier_sync_table both give the barrier")
        return self

    def barriers(self) -> Iterator[BarrierSync]:
        """Yield the rows of the table, fewest tiles first."""
        yield from sorted(self.barrier_sync_table, key=lambda row: row.tiles)
