"""Numbers of a profile that no term uses: named, with the reason, never passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurodeploy.energy.report import Excluded

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

ANN = "a price of dense arithmetic, not of this chip's events"
PLACED = "counted on placed networks only"
CLOCKED = "a model of clocked single-core chips, which is not built"
UNPRICED: dict[str, dict[str, str]] = {
    "energy": {
        "synop_sparse_pj": "the layout of a row is chosen when the network is placed",
        "spike_local_pj": PLACED,
        "mac_pj": ANN,
        "ac_pj": ANN,
        "memory_access_pj_per_byte": "memory accesses are not counted",
    },
    "timing": {
        "axon_in_ns": PLACED,
        "axon_out_ns": PLACED,
        "hop_horizontal_ns": PLACED,
        "hop_vertical_ns": PLACED,
        "clock_hz": CLOCKED,
        "cycles_per_input_synapse_event": CLOCKED,
        "cycles_per_hidden_synapse_event": CLOCKED,
        "cycles_per_output_synapse_event": CLOCKED,
        "cycles_per_input": CLOCKED,
        "cycles_per_hidden_neuron": CLOCKED,
        "cycles_per_output_neuron": CLOCKED,
    },
}
"""Keys that are not priced, and why."""
BOUNDED = "the joint constraint bounds it with the others"
SHADOWED = "host work is charged as power (host_work_mw)"
JOINT_ONLY = (
    "synop_dense_pj",
    "synop_conv_pj",
    "neuron_update_inactive_pj",
    "axon_in_pj",
    "axon_out_pj",
    "spike_local_pj",
    "hop_horizontal_pj",
    "hop_vertical_pj",
    "barrier_sync_nj_per_step",
)
"""Keys that are priced unless a joint constraint bounds everything."""


def unpriced(profile: ChipProfile, joint: bool, placed: bool = False) -> Iterator[Excluded]:
    """Yield the known numbers that no term uses; ``placed`` : whether the network is on cores."""
    for table, keys in UNPRICED.items():
        for key, reason in keys.items():
            if placed and reason == PLACED:
                continue
            if profile.section(table).quantity(key) is not None:
                yield Excluded(key, reason)
    energy, power = profile.energy, profile.power
    if joint:
        for key in JOINT_ONLY:
            if energy.quantity(key) is not None:
                yield Excluded(key, BOUNDED)
        if power.quantity("host_work_mw") is not None:
            yield Excluded("host_work_mw", BOUNDED)
    elif power.quantity("host_work_mw") and energy.quantity("host_nj_per_step"):
        yield Excluded("host_nj_per_step", SHADOWED)
