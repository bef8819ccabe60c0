"""How long a step takes on a placed program: the busiest core, then the longest way, then the rest.

    w(c, t) = A_in(c, t) axon_in_ns + S(c, t) synop_ns + N(c) neuron_update_ns
              + P(c, t) spike_out_ns + A_out(c, t) axon_out_ns
    step(t) = max over cores of w(c, t) + horizontal links * hop_horizontal_ns
              + vertical links * hop_vertical_ns                     of the farthest message

The work of one core is sequential, cores run in parallel, and all wait for the slowest one: the
maximum is taken in every step, then summed. Constants are intervals; low goes with low. Barrier and
host are added where the duration of an inference is put together.

Whether a core receives while it updates neurons is not published. The sum above holds where
it does not; where it does, ``w`` is the larger of both parts (``overlapped``), as in SANA-FE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.placement.counts import CoreCounts

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

NEEDED = ("synop_ns", "neuron_update_ns")
RECEIVING = {"axons_in": "axon_in_ns"}
SENDING = {"spikes": "spike_out_ns", "axons_out": "axon_out_ns"}
"""Counts of a core and the key of what each takes."""

Ends = NDArray[np.float64]


@dataclass(frozen=True)
class StepTimes:
    """Nanoseconds of every step, low, mid and high first.

    cores : ``(3, samples, steps)``, the busiest core. network : the same, the farthest message.
    slowest : int64 ``(samples, steps)``, place of the busiest core at mid constants. work : float64
    ``(samples, steps, cores)``, of each core at mid constants.
    """

    cores: Ends
    network: Ends
    slowest: NDArray[np.int64]
    work: Ends


def missing_times(profile: ChipProfile) -> tuple[str, ...]:
    """Return the constants without which a step has no time."""
    return tuple(key for key in NEEDED if profile.timing.quantity(key) is None)


def step_times(
    profile: ChipProfile, counts: CoreCounts, convention: str, overlapped: bool = False
) -> StepTimes | None:
    """Return the time of every step, None where the profile lacks a constant that is needed.

    convention : ``"taps"`` or ``"nonzero"``, which synaptic operations take time. overlapped :
    whether a core receives while it updates.
    """
    if missing_times(profile):
        return None
    shape = (counts.samples, counts.steps)
    busiest, network = np.zeros((3, *shape)), np.zeros((3, *shape))
    work = []
    for end in range(3):
        received = _sum(profile, counts, {f"synops_{convention}": "synop_ns", **RECEIVING}, end)
        sent = _sum(profile, counts, SENDING, end)
        sent += counts.neurons * _constant(profile, "neuron_update_ns", end)
        work.append(np.maximum(received, sent) if overlapped else received + sent)
        busiest[end] = work[end].max(axis=2)
        for axis, key in enumerate(("hop_horizontal_ns", "hop_vertical_ns")):
            network[end] += counts.farthest[:, :, axis] * _constant(profile, key, end)
    return StepTimes(busiest, network, np.argmax(work[1], axis=2), work[1])


def _sum(profile: ChipProfile, counts: CoreCounts, keys: Mapping[str, str], end: int) -> Ends:
    """Return counts times constants, float64 ``(samples, steps, cores)``."""
    total = np.zeros((counts.samples, counts.steps, len(counts.cores)))
    for name, key in keys.items():
        each = _constant(profile, key, end)
        if each:
            total += counts[name] * each
    return total


def _constant(profile: ChipProfile, key: str, end: int) -> float:
    """Return one end of a constant, 0 where it is unknown."""
    quantity = profile.timing.quantity(key)
    return 0.0 if quantity is None else float(quantity.bounds[end])
