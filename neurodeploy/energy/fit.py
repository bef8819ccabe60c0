"""A profile refined by a power log of the user's own: the case is kept, what it bounds is fitted.

    dynamic energy = (mean power - static power) * steps * step time

Where the profile rests on measured totals the case joins them, and the set of constants that agree
with all shrinks. Otherwise the power of the host at work becomes what the log leaves for it:
``mean power - static - awake host - network / time``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.energy.consistent import consistent_set
from neurodeploy.energy.counts import Counts, counted
from neurodeploy.energy.duration import duration
from neurodeploy.energy.log import PowerLog
from neurodeploy.energy.placement import chips_min
from neurodeploy.energy.price import price
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.program import Program
from neurodeploy.trace import Activity

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

PJ_PER_MW_US = 1e3


def fitted(
    profile: ChipProfile,
    program: Program,
    activity: Activity,
    log: PowerLog,
    *,
    step_us: float,
    name: str,
    steps: int | None = None,
) -> ChipProfile:
    """Return ``profile`` with the case ``name`` that ``log`` measured while ``program`` ran.

    activity : counts of the program on the data that ran. step_us : measured duration of a step.
    steps : columns of one inference, None for a whole entry of the activity.

    Raises ProfileError where the profile has no static power, the log reads less than idle chip
    and awake host (a wrong unit?), or no constants agree with the log and the cases before it;
    OptionError for a bad step time and the name of a case that is there.
    """
    from neurodeploy.profile import ChipProfile

    if not 0 < step_us < float("inf"):
        raise OptionError(f"step_us is {step_us}, expected a positive number of microseconds")
    if name in profile.cases:
        raise OptionError(f"profile {profile.name}: has a case {name!r} already; rename the log")
    content = profile.model_dump(exclude_none=True)
    case = _case(profile, program, activity, log, step_us, name, steps)
    content["cases"] = {**content.get("cases", {}), name: case}
    content["citations"][name] = f"power log {name}, {log.rows} readings over {log.seconds:g} s"
    content["identity"]["name"] = f"{profile.name}-{name}"
    if profile.energy.joint:
        content["energy"]["joint_constraint"] = [*profile.energy.joint, name]
    else:
        content["power"]["host_work_mw"] = _host_work(
            profile, counted(program, activity, _convention(profile)), log, step_us, name
        )
    found = ChipProfile.model_validate(content)
    if found.energy.joint:
        consistent_set(found)
    return found


def _convention(profile: ChipProfile) -> str:
    return profile.energy.count_convention or "taps"


def _case(
    profile: ChipProfile,
    program: Program,
    activity: Activity,
    log: PowerLog,
    step_us: float,
    name: str,
    steps: int | None,
) -> dict[str, Any]:
    """Return the case as a table of the profile."""
    static = profile.power.quantity("static_mw")
    if static is None:
        raise ProfileError(f"profile {profile.name}: static_mw is unknown, a log has no idle level")
    if log.mean_mw <= static.bounds[0]:
        raise ProfileError(
            f"{name}: reads {log.mean_mw:.4g} mW, below the idle chip of profile {profile.name}, "
            f"{static.bounds[0]:.4g} mW; check its unit"
        )
    each = steps or activity.steps
    share = each / activity.steps
    means = {
        convention: float(counted(program, activity, convention).total("synops").mean()) * share
        for convention in ("taps", "nonzero")
    }
    counts = counted(program, activity, "taps")
    time_us = each * step_us
    dynamic = [(log.mean_mw - idle) * time_us / 1e6 for idle in reversed(static.bounds)]

    def known(value: float, grade: str = "derived") -> dict[str, Any]:
        return {"value": value, "grade": grade, "source": name}

    return {
        "title": f"{name}, measured by the user",
        "role": "calibration",
        "activity_source": "counted",
        "steps": known(each),
        "step_us": known(step_us, "measured"),
        "updates": known(float(counts.total("updates").mean()) * share),
        "spikes": known(float(counts.total("spikes").mean()) * share),
        "synops_taps": known(means["taps"]),
        "synops_nonzero": known(means["nonzero"]),
        "running_mw": known(log.mean_mw, "measured"),
        "dynamic_mj": {
            **dict(zip(("low", "mid", "high"), dynamic, strict=True)),
            "grade": "derived",
            "source": name,
        },
    }


def _host_work(
    profile: ChipProfile, counts: Counts, log: PowerLog, step_us: float, name: str
) -> dict[str, Any]:
    """Return what the log leaves for the host at work, an interval of grade fitted."""
    time = duration(profile, counts, step_us)
    priced = price(profile, counts, time, chips_min(profile, counts))
    kept = [charge for charge in priced.charges if charge.key != "host_work_mw"]
    explained = np.sum([charge.energy_pj.mean(axis=1) for charge in kept], axis=0)
    explained = explained / (counts.steps * step_us * PJ_PER_MW_US)
    if priced.static is not None:
        explained = explained + priced.static.constant[:, 0]
    left = log.mean_mw - explained[::-1]
    if left[2] <= 0:
        raise ProfileError(
            f"{name}: reads {log.mean_mw:.4g} mW, below idle chip, awake host and network in "
            f"profile {profile.name}, {explained[0]:.4g} mW; check its unit"
        )
    low, mid, high = (float(x) for x in np.maximum(left, 0.0))
    return {
        "low": low,
        "mid": mid,
        "high": high,
        "grade": "fitted",
        "cases": 1,
        "source": name,
        "note": "what the log leaves for the host beside the network at its counted activity",
    }
