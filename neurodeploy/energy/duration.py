"""How long an inference takes: bounds that hold for any placement of the network on cores.

    work    = synop_ns * S + neuron_update_ns * U + spike_out_ns * P       ns, all cores together
    compute : low work / all cores, mid work / fewest cores that hold the neurons, high work
    t_inf   = compute + steps * (barrier + host)

The work of one core is sequential and cores run in parallel, so that the busiest core takes at
least its fair share and at most all of the work. Messages and hops need a placement and are left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.counts import Counts
from neurodeploy.energy.report import Duration, Spread
from neurodeploy.errors import OptionError
from neurodeploy.program import Program

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile, Quantity

Bounds = NDArray[np.float64]
"""float64 ``(3, samples)``: rows low, mid, high."""


@dataclass(frozen=True)
class Timed:
    """Duration of each inference in microseconds, ``(3, samples)``, and what bounds it.

    inference_us is None where the profile lacks a constant; ``reason`` names it.
    """

    inference_us: Bounds | None
    bounded_by: str = ""
    reason: str = ""

    def summary(self, steps: int) -> Duration | None:
        """Return the mean over the samples, or None."""
        if self.inference_us is None:
            return None
        mean = Spread.of(self.inference_us).mean
        return Duration(mean, mean.scaled(1 / steps), self.bounded_by)


def bounds(quantity: Quantity | None) -> Bounds:
    """Return a constant as ``(3, 1)``; an unknown one is 0 here, its caller has said so."""
    values = quantity.bounds if quantity is not None else (0.0, 0.0, 0.0)
    return np.array(values, np.float64)[:, None]


def duration(
    profile: ChipProfile, program: Program, counts: Counts, step_us: float | None
) -> Timed:
    """Return the time of each inference; ``step_us`` overrides the profile's constants.

    Raises OptionError for a step time that is not positive and finite.
    """
    if step_us is not None:
        if not 0 < step_us < float("inf"):
            raise OptionError(f"step_us is {step_us}, expected a positive number of microseconds")
        time = np.full((3, counts.samples), step_us * counts.steps)
        return Timed(time, f"the step time that was given, {step_us:g} us")
    timing = profile.timing
    missing = [k for k in ("synop_ns", "neuron_update_ns") if timing.quantity(k) is None]
    if missing:
        return Timed(None, reason=f"profile has no timing.{missing[0]}")
    parts = {
        "the cores": _compute(profile, program, counts) / 1000,
        "the barrier": np.tile(barrier_us(profile, program), counts.samples) * counts.steps,
        "the host": np.tile(bounds(timing.host_us_per_step), counts.samples) * counts.steps,
    }
    total: Bounds = np.sum(list(parts.values()), axis=0)
    largest = max(parts, key=lambda name: float(parts[name][1].mean()))
    share = parts[largest][1].mean() / total[1].mean()
    return Timed(total, f"{largest}, {share:.0%} of the step time")


def cores_min(profile: ChipProfile, program: Program) -> int:
    """Return the fewest cores that hold the neurons: ``sum ceil(size / neurons per core)``."""
    limits = profile.limits
    per_core = limits.quantity("neurons_per_core_effective_max") or limits.quantity(
        "neurons_per_core_max"
    )
    if per_core is None:
        return len(program.populations)
    size = int(per_core.bounds[1])
    return sum(-(-population.size // size) for population in program.populations)


def chips_min(profile: ChipProfile, program: Program) -> int:
    """Return the fewest chips that hold the neurons, 1 where the profile does not say."""
    cores = profile.limits.quantity("cores_per_chip")
    return 1 if cores is None else -(-cores_min(profile, program) // int(cores.bounds[1]))


def _compute(profile: ChipProfile, program: Program, counts: Counts) -> Bounds:
    """Return the time of the busiest core in ns, summed over the steps, for any placement."""
    timing = profile.timing
    work = (
        bounds(timing.quantity("synop_ns")) * counts.synops
        + bounds(timing.quantity("neuron_update_ns")) * counts.updates
        + bounds(timing.quantity("spike_out_ns")) * counts.spikes
    )
    fewest = cores_min(profile, program)
    cores = profile.limits.quantity("cores_per_chip")
    most = max(fewest, chips_min(profile, program) * int(cores.bounds[1])) if cores else fewest
    return np.asarray(work / np.array([most, fewest, 1.0])[:, None])


def barrier_us(profile: ChipProfile, program: Program) -> Bounds:
    """Return the barrier per step, ``(3, 1)``: low and mid for the fewest tiles, high for all."""
    scalar = profile.timing.quantity("barrier_sync_us")
    rows = sorted(profile.timing.barrier_sync_table, key=lambda row: row.tiles)
    if scalar is not None or not rows:
        return bounds(scalar)
    per_tile = profile.limits.quantity("cores_per_tile")
    cores = cores_min(profile, program)
    tiles = -(-cores // int(per_tile.bounds[1])) if per_tile else cores
    row = next((row for row in rows if row.tiles >= tiles), rows[-1])
    low, mid, _ = row.us.bounds
    return np.array([low, mid, rows[-1].us.bounds[2]])[:, None]
