"""Terms of a chip of which only measured totals are known: bounded together, never a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.energy.charges import HELD, Charge, Part
from neurodeploy.energy.consistent import ConstantSet, consistent_set
from neurodeploy.energy.counts import Counts, PerSample
from neurodeploy.energy.duration import Timed
from neurodeploy.energy.placement import Bounds
from neurodeploy.energy.report import Excluded

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

TERMS: dict[str, tuple[str, Part, str, str]] = {
    "synop_pj": ("synaptic operations", "network", "pJ", "synops"),
    "neuron_update_active_pj": ("neuron updates", "network", "pJ", "updates"),
    "spike_pj": ("spikes and their messages", "network", "pJ", "spikes"),
    "host_nj_per_step": ("barrier and host, per step", "host", "nJ", "steps"),
    "host_awake_mw": ("host awake", "host", "mW", "us"),
}
"""Name, part, unit and unit of the count of each constant of a joint constraint."""
INSIDE = ("axon messages", "hops", "barrier", "host work")
"""What the measured totals hold within those terms."""


def joint_charges(
    profile: ChipProfile, counts: Counts, time: Timed, chips: int
) -> tuple[ConstantSet, list[Charge], list[Excluded]]:
    """Return the set of constants, the terms that share it, and what is held within them.

    Raises ProfileError where no constants agree with all cases.
    """
    constants = consistent_set(profile)
    events: dict[str, PerSample | Bounds] = {
        "synop_pj": counts.total("synops"),
        "neuron_update_active_pj": counts.total("updates"),
        "spike_pj": counts.total("spikes"),
        "host_nj_per_step": np.full(counts.samples, counts.steps),
        "host_awake_mw": _time(profile, counts, time) * chips,
    }
    charges = [
        _charge(profile, constants, place, key, events[key])
        for place, key in enumerate(constants.keys)
    ]
    return constants, charges, list(_excluded(constants))


def step_of_cases(profile: ChipProfile) -> float:
    """Return the step time in us of the first case with counts, 0 where none says."""
    for name in profile.energy.joint:
        case = profile.cases[name]
        if case.counted and case.step_us is not None:
            return case.step_us.bounds[1]
    return 0.0


def _time(profile: ChipProfile, counts: Counts, time: Timed) -> Bounds:
    """Return the time of an inference; where it is unknown, that of the case for as many steps."""
    if time.inference_us is not None:
        return time.inference_us
    return np.full((3, counts.samples), step_of_cases(profile) * counts.steps)


def _charge(
    profile: ChipProfile,
    constants: ConstantSet,
    place: int,
    key: str,
    count: PerSample | Bounds,
) -> Charge:
    name, part, unit, count_unit = TERMS[key]
    one = np.zeros((len(constants.keys), 1))
    one[place] = 1.0 / constants.units[place]
    low, high = constants.extremes(one)
    constant = np.array([low[0], np.nan, high[0]])[:, None]
    energy = constant * count * constants.units[place]
    names = profile.energy.joint
    cited = [profile.cases[name].dynamic_mj for name in names]
    sources = tuple(dict.fromkeys(s for quantity in cited if quantity for s in quantity.sources))
    grade = f"fitted ({len(names)} case{'s' if len(names) > 1 else ''})"
    return Charge(
        name, key, part, grade, sources, constant, unit, count, count_unit, energy, joint=place
    )


def _excluded(constants: ConstantSet) -> Iterator[Excluded]:
    for name in INSIDE:
        yield Excluded(name, HELD)
    for key, (name, *_) in TERMS.items():
        if key not in constants.keys:
            yield Excluded(name, f"no measured case bounds {key}")
