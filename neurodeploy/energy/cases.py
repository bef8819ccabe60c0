"""Measured cases run through a profile, by the very code that prices a user's network.

Beside each prediction stands what two models without any knowledge of the chip would say: the mean
of the calibration rows, and a line through them over the neuron updates of an inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.charges import Priced
from neurodeploy.energy.counts import Counts, LayerCounts
from neurodeploy.energy.duration import Timed, duration
from neurodeploy.energy.placement import chips_min
from neurodeploy.energy.price import price
from neurodeploy.energy.report import Interval, ValidationCase
from neurodeploy.errors import ProfileError

if TYPE_CHECKING:
    from neurodeploy.profile import Case, ChipProfile, Convention

MEASURED: dict[str, tuple[str, float]] = {
    "dynamic_mj": ("dynamic uJ per inference", 1e3),
    "static_mj": ("static uJ per inference", 1e3),
    "running_mw": ("running mW", 1.0),
}
"""Name of each quantity that a case may hold, and the factor to its printed unit."""
LEAST = 1e-12
PJ_PER_MW_US = 1e3


@dataclass(frozen=True)
class _Row:
    """One quantity of one case: what was measured, and what is predicted of it, printed units."""

    name: str
    case: Case
    key: str
    measured: float
    predicted: Interval
    untimed: Interval | None
    idle: float | None

    @property
    def updates(self) -> float | None:
        """Neuron updates of an inference."""
        return self.case.level("taps", 1)["updates"]


def validate(profile: ChipProfile) -> tuple[ValidationCase, ...]:
    """Return every measured quantity of every case, predicted by this profile's constants."""
    rows = [row for name, case in profile.cases.items() for row in _rows(profile, name, case)]
    return tuple(_judged(row, [r for r in rows if r.key == row.key]) for row in rows)


def case_counts(case: Case, convention: Convention, end: int) -> Counts:
    """Return the counts of a case at its least, middle or most activity (end 0, 1, 2)."""
    level = case.level(convention, end)
    steps = level["steps"] or 0.0
    if not case.layers or case.activity is None:
        return Counts(steps, (_single(level),), np.zeros(1))
    share = case.activity.bounds[end] * steps
    layers = []
    for number, layer in enumerate(case.layers):
        neurons = float(layer.copies * layer.neurons)
        layers.append(
            LayerCounts(
                name=f"layer{number}",
                neurons=layer.neurons,
                fan_in=layer.fan_in,
                targets=tuple((size, size) for size in layer.targets),
                copies=layer.copies,
                updates=np.array([neurons * steps]),
                spikes=np.array([neurons * share]),
                synops_dense=np.array([neurons * layer.fan_in * share]),
                synops_conv=np.zeros(1),
            )
        )
    return Counts(steps, tuple(layers), np.zeros(1))


def _single(level: dict[str, float | None]) -> LayerCounts:
    """Return a network of which only totals are known, as one layer."""
    updates, spikes, synops = (
        np.array([level[name] or 0.0]) for name in ("updates", "spikes", "synops")
    )
    neurons = round(float(updates[0]) / max(level["steps"] or 1.0, 1.0))
    return LayerCounts("all", max(neurons, 1), 0, (), 1, updates, spikes, synops, np.zeros(1))


def _rows(profile: ChipProfile, name: str, case: Case) -> list[_Row]:
    rows = []
    given = None if case.step_us is None else case.step_us.bounds[1]
    timed = _predictions(profile, case, given)
    untimed = {} if given is None else _predictions(profile, case, None)
    for key, (_, factor) in MEASURED.items():
        quantity = case.quantity(key)
        if quantity is not None and key in timed:
            free = untimed.get(key)
            idle = _idle(profile, case, key)
            rows.append(
                _Row(
                    name,
                    case,
                    key,
                    quantity.bounds[1] * factor,
                    timed[key].scaled(factor),
                    None if free is None else free.scaled(factor),
                    None if idle is None else idle * factor,
                )
            )
    return rows


def _predictions(profile: ChipProfile, case: Case, step_us: float | None) -> dict[str, Interval]:
    """Return what the profile says of a case: low at its least counts, high at its most."""
    try:
        found = [_at(profile, case, step_us, end) for end in range(3)]
    except ProfileError:
        return {}
    result = {}
    for key in MEASURED:
        values = [entry[key] for entry in found if key in entry]
        if len(values) == 3:
            ends = np.array([values[end][end] for end in range(3)])
            result[key] = Interval.of(ends)
    if not case.counted:
        return {key: result[key] for key in ("static_mj",) if key in result}
    return result


def _at(
    profile: ChipProfile, case: Case, step_us: float | None, end: int
) -> dict[str, NDArray[np.float64]]:
    """Return ``(3,)`` of each quantity at one end of the counts, in the units of the case."""
    counts = case_counts(case, profile.energy.count_convention or "taps", end)
    time = duration(profile, counts, step_us)
    priced = price(profile, counts, time, chips_min(profile, counts))
    dynamic = priced.dynamic_pj()[:, 0] / 1e9
    found = {"dynamic_mj": dynamic}
    if priced.static is not None:
        found["static_mj"] = priced.static.energy_pj[:, 0] / 1e9
        running = _power(priced, time)
        if running is not None:
            found["running_mw"] = running + priced.static.constant[:, 0]
    return found


def _power(priced: Priced, time: Timed) -> NDArray[np.float64] | None:
    """Return dynamic power in mW ``(3,)``: powers, and the other terms over the time.

    What costs per event takes least power over the longest time, most over the shortest.
    """
    if time.inference_us is None or priced.constants is not None:
        return None
    powers = [charge for charge in priced.charges if charge.unit == "mW"]
    events = [charge for charge in priced.charges if charge.unit != "mW"]
    flowing = np.sum([charge.constant[:, 0] for charge in powers], axis=0)
    energy_pj = np.sum([charge.energy_pj[:, 0] for charge in events], axis=0)
    return np.asarray(flowing + energy_pj / time.inference_us[::-1, 0] / PJ_PER_MW_US)


def _idle(profile: ChipProfile, case: Case, key: str) -> float | None:
    """Return what an idle chip with an awake host would have read, in the unit of the case."""
    awake = profile.power.quantity("host_awake_mw")
    static = profile.power.quantity("static_mw")
    if awake is None or profile.energy.joint or key == "static_mj":
        return None
    if key == "running_mw":
        return awake.bounds[1] + (0.0 if static is None else static.bounds[1])
    time = case.level("taps", 1)["time_us"]
    return None if time is None else awake.bounds[1] * time / 1e6


def _judged(row: _Row, alike: list[_Row]) -> ValidationCase:
    mid, measured = row.predicted.mid, row.measured
    miss = None if mid is None else mid - measured
    free = row.untimed
    constant, line = _nulls(row, alike)
    return ValidationCase(
        case=row.name,
        quantity=MEASURED[row.key][0],
        predicted=row.predicted,
        measured=measured,
        role=row.case.role,
        error=None if miss is None else miss / measured,
        contained=row.predicted.contains(measured),
        title=row.case.title,
        activity=row.case.activity_source,
        error_above_idle=_share(miss, row),
        untimed=free,
        error_untimed=None if free is None or free.mid is None else free.mid / measured - 1,
        constant=constant,
        line=line,
        skill_constant=_skill(row, miss, constant),
        skill_line=_skill(row, miss, line),
    )


def _share(miss: float | None, row: _Row) -> float | None:
    """Return the miss as a share of what was measured above idle."""
    if miss is None or row.idle is None or row.measured - row.idle <= LEAST:
        return None
    return miss / (row.measured - row.idle)


def _nulls(row: _Row, alike: list[_Row]) -> tuple[float | None, float | None]:
    """Return the mean of the calibration rows, and their line over updates at this case."""
    known = [r for r in alike if r.case.role == "calibration"]
    if not known or row.predicted.mid is None:
        return None, None
    values = np.array([r.measured for r in known])
    constant = float(values.mean())
    sizes = [r.updates for r in known]
    if row.updates is None or None in sizes or len(set(sizes)) < 2:
        return constant, None
    slope, start = np.polyfit(np.array(sizes, np.float64), values, 1)
    return constant, float(start + slope * row.updates)


def _skill(row: _Row, miss: float | None, null: float | None) -> float | None:
    """Return ``1 - |miss| / |miss of the null model|`` of a held-out row."""
    if row.case.role == "calibration" or miss is None or null is None:
        return None
    other = abs(null - row.measured)
    return None if other <= LEAST else 1 - abs(miss) / other
