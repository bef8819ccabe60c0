"""How long an inference takes: as placed, or bounds that hold for any placement on cores.

Placed, the cores take what the busiest one takes in each step, summed over the steps, and messages
the time of the farthest one (`neurodeploy.placement.steptime`). Not placed:

    work  = synop_ns * S + neuron_update_ns * U + spike_out_ns * P          ns, of one layer
    cores : low   all work shared by all cores of the chips
            mid   the busiest of the fewest cores that hold the layers, each layer shared evenly
            high  the most that the neurons of one full core can do
    t_inf = max(steps * whole step, cores + steps * (barrier + host))

The work of one core is sequential and cores run in parallel. One neuron takes at most its fan-in of
synaptic operations per step, and a core holds only so many neurons: that bounds the busiest core
however the network is cut. Messages and hops need a placement and are left out then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.energy.counts import Counts, LayerCounts
from neurodeploy.energy.placement import (
    Bounds,
    chips_min,
    cores_min,
    cores_of,
    neurons_per_core,
    tiles_min,
)
from neurodeploy.energy.report import Duration, Spread
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile, Quantity

NEEDED = ("synop_ns", "neuron_update_ns")


@dataclass(frozen=True)
class Timed:
    """Duration of each inference in microseconds, ``(3, samples)``, and what bounds it.

    inference_us is None where the profile lacks a constant; ``reason`` names it.
    """

    inference_us: Bounds | None
    bounded_by: str = ""
    reason: str = ""

    def summary(self, steps: float) -> Duration | None:
        """Return the mean over the samples, or None."""
        if self.inference_us is None:
            return None
        mean = Spread.of(self.inference_us).mean
        return Duration(mean, mean.scaled(1 / steps), self.bounded_by)


def bounds(quantity: Quantity | None) -> Bounds:
    """Return a constant as ``(3, 1)``; an unknown one is 0 here, its caller has said so."""
    values = quantity.bounds if quantity is not None else (0.0, 0.0, 0.0)
    return np.array(values, np.float64)[:, None]


def duration(profile: ChipProfile, counts: Counts, step_us: float | None) -> Timed:
    """Return the time of each inference; ``step_us`` overrides the profile's constants.

    Raises OptionError for a step time that is not positive and finite.
    """
    if step_us is not None:
        if not 0 < step_us < float("inf"):
            raise OptionError(f"step_us is {step_us}, expected a positive number of microseconds")
        time = np.full((3, counts.samples), step_us * counts.steps)
        return Timed(time, f"the step time that was given, {step_us:g} us")
    timing = profile.timing
    missing = [key for key in NEEDED if timing.quantity(key) is None]
    if missing:
        return Timed(None, reason=f"profile has no timing.{missing[0]}")
    parts = {
        **_work_of_cores(profile, counts),
        "the barrier": np.tile(barrier_us(profile, counts), counts.samples) * counts.steps,
        "the host": np.tile(bounds(timing.quantity("host_us_per_step")), counts.samples)
        * counts.steps,
    }
    worked: Bounds = np.sum(list(parts.values()), axis=0)
    whole = np.tile(bounds(timing.quantity("whole_step_us")), counts.samples) * counts.steps
    total = np.maximum(worked, whole)
    if whole[1].mean() >= worked[1].mean() > 0:
        share = parts["the cores"][1].mean() / total[1].mean()
        return Timed(
            total,
            f"whole steps as measured, in which host or barrier wait; the cores need {share:.0%}",
        )
    largest = max(parts, key=lambda name: float(parts[name][1].mean()))
    share = parts[largest][1].mean() / max(total[1].mean(), 1e-300)
    return Timed(total, f"{largest}, {share:.0%} of the step time")


def _work_of_cores(profile: ChipProfile, counts: Counts) -> dict[str, Bounds]:
    """Return the time of the cores, and of messages where the network is placed."""
    placed = counts.placed
    if placed is None or placed.cores_us is None or placed.network_us is None:
        return {"the cores": cores_us(profile, counts)}
    return {"the cores": placed.cores_us, "the farthest messages": placed.network_us}


def cores_us(profile: ChipProfile, counts: Counts) -> Bounds:
    """Return the time of the busiest core in us, summed over the steps, for any placement."""
    works = {layer.name: _work(profile, layer) for layer in counts.layers}
    whole = np.sum(list(works.values()), axis=0)
    cores = profile.limits.quantity("cores_per_chip")
    fewest = cores_min(profile, counts)
    most = fewest if cores is None else chips_min(profile, counts) * int(cores.bounds[1])
    shares = [
        works[layer.name][1] / (layer.copies * cores_of(profile, layer.neurons))
        for layer in counts.layers
    ]
    high = _fullest_core(profile, counts, works)
    ends = np.stack([whole[0] / max(most, fewest), np.max(shares, axis=0), high])
    return np.asarray(ends / 1000)


def _work(profile: ChipProfile, layer: LayerCounts) -> Bounds:
    """Return the work of a layer in ns."""
    timing = profile.timing
    return np.asarray(
        bounds(timing.quantity("synop_ns")) * layer.synops
        + bounds(timing.quantity("neuron_update_ns")) * layer.updates
        + bounds(timing.quantity("spike_out_ns")) * layer.spikes
    )


def _fullest_core(profile: ChipProfile, counts: Counts, works: dict[str, Bounds]) -> Bounds:
    """Return the most work of one core in ns, ``(samples,)``: its places go to who works most.

    A neuron works at most ``steps * (fan_in * synop + update + spike)``, a layer at most what it
    does; the places of one core are given away in the order of the first.
    """
    room = neurons_per_core(profile)
    total = np.zeros(counts.samples)
    if room is None:
        return np.asarray(np.sum([work[2] for work in works.values()], axis=0))
    timing = profile.timing
    synop, update, spike = (
        float(bounds(timing.quantity(key))[2, 0])
        for key in ("synop_ns", "neuron_update_ns", "spike_out_ns")
    )
    left = np.full(counts.samples, float(room))

    def most(layer: LayerCounts) -> float:
        return counts.steps * (layer.fan_in * synop + update + spike)

    for layer in sorted(counts.layers, key=most, reverse=True):
        each = most(layer)
        if each <= 0:
            continue
        work = works[layer.name][2]
        size = float(layer.neurons * layer.copies)
        places = np.minimum(np.minimum(work / each, size), left)
        total += places * each
        left -= places
    return total


def barrier_us(profile: ChipProfile, counts: Counts) -> Bounds:
    """Return the barrier per step, ``(3, 1)``: low and mid for the fewest tiles, high for all.

    All three are for the tiles in use where the network is placed.
    """
    scalar = profile.timing.quantity("barrier_sync_us")
    rows = list(profile.timing.barriers())
    if scalar is not None or not rows:
        return bounds(scalar)
    tiles = tiles_min(profile, counts)
    row = next((row for row in rows if row.tiles >= tiles), rows[-1])
    if counts.placed is not None:
        return bounds(row.us)
    low, mid, _ = row.us.bounds
    return np.array([low, mid, max(row.us.bounds[2] for row in rows)])[:, None]
