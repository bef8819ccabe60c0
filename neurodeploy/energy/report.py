"""The records of an energy estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_MEASURED = "No hardware was measured for this report."


@dataclass(frozen=True)
class Interval:
    """A range, with a centre where there is one: bounds alone have no mid. low <= mid <= high."""

    low: float
    mid: float | None
    high: float

    @classmethod
    def of(cls, ends: NDArray[np.float64]) -> Interval:
        """Return (low, mid, high); NaN in the middle is no centre."""
        low, mid, high = (float(x) for x in ends)
        return cls(low, None if np.isnan(mid) else mid, high)

    def scaled(self, factor: float) -> Interval:
        """Return the interval times a factor that is not negative."""
        mid = None if self.mid is None else self.mid * factor
        return Interval(self.low * factor, mid, self.high * factor)

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies within the interval, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Spread:
    """An interval-valued quantity over the samples: its mean, and the least and largest sample."""

    mean: Interval
    minimum: Interval
    maximum: Interval

    @classmethod
    def of(cls, array: NDArray[np.float64], mean: NDArray[np.float64] | None = None) -> Spread:
        """Summarise ``(3, samples)``, rows low, mid, high; mean : ``(3, 1)`` if it is known."""
        middle = array.mean(axis=1) if mean is None else mean[:, 0]
        ends = (array.min(axis=1), array.max(axis=1))
        return cls(Interval.of(middle), *(Interval.of(end) for end in ends))


@dataclass(frozen=True)
class Term:
    """One line of the sum: count x constant.

    count_mean, count_min, count_max : events per inference (or steps, or microseconds, see unit).
    constant : the interval charged per event. unit : of the constant, such as ``"pJ"`` or
    ``"mW"``. energy_pj : of the mean inference, this term on its own. part : who spends it,
    ``"network"``, ``"host"`` or ``"static"``.
    """

    name: str
    key: str
    count_mean: float
    count_min: float
    count_max: float
    count_unit: str
    constant: Interval
    unit: str
    grade: str
    sources: tuple[str, ...]
    energy_pj: Interval
    part: str = ""


@dataclass(frozen=True)
class Parts:
    """Who spends the energy of the mean inference, each on its own, before any sum."""

    network: Interval | None
    host: Interval | None
    static: Interval | None


@dataclass(frozen=True)
class LayerEnergy:
    """Network energy of one population: its updates, its spikes, and what arrives at it.

    updates, spikes, synops : means per inference. energy_pj : of the mean inference.
    """

    name: str
    neurons: int
    updates: float
    spikes: float
    synops: float
    energy_pj: Interval


@dataclass(frozen=True)
class Excluded:
    """A term that was left out of the sum, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Duration:
    """Time of one inference. bounded_by : the largest part of a step, or who gave the time."""

    inference_us: Interval
    step_us: Interval
    bounded_by: str


@dataclass(frozen=True)
class WorstCase:
    """The most that one inference can cost. basis : why no more is possible.

    inference_us, static_pj, total_pj : None without time or power, and in older files, which do not
    tell the network's part of dynamic_pj either.
    """

    spikes: int
    synops: int
    dynamic_pj: Interval
    inference_us: Interval | None = None
    static_pj: Interval | None = None
    total_pj: Interval | None = None
    basis: str = ""
    network_pj: Interval | None = None


@dataclass(frozen=True)
class ValidationCase:
    """A measured case that was run through the same profile and the same code.

    error : of the mid value, None where there are bounds only. error_above_idle : the same as a
    share of what was measured above idle chip and awake host. untimed, error_untimed : predicted
    without being given the measured step time. constant, line : what the mean of the calibration
    rows, and a line through them over neuron updates, would have said. skill_* : ``1 - |error| /
    |error of that|``. activity : how the events of the case are known.
    """

    case: str
    quantity: str
    predicted: Interval
    measured: float
    role: str
    error: float | None
    contained: bool
    title: str = ""
    activity: str = ""
    error_above_idle: float | None = None
    untimed: Interval | None = None
    error_untimed: float | None = None
    constant: float | None = None
    line: float | None = None
    skill_constant: float | None = None
    skill_line: float | None = None


@dataclass(frozen=True)
class PlacedCost:
    """What the placement says, of the mean inference.

    cores, tiles, chips : in use. fill_steps : steps before the first answer comes out. cores_us,
    network_us : the busiest core and the farthest message, each summed over the steps. first_us :
    until the first answer. static_*, host_* : even shares of every chip, and of every core in use.
    """

    cores: int
    tiles: int
    chips: int
    fill_steps: int
    cores_us: Interval | None = None
    network_us: Interval | None = None
    first_us: Interval | None = None
    static_chip_pj: Interval | None = None
    host_chip_pj: Interval | None = None
    static_core_pj: Interval | None = None
    host_core_pj: Interval | None = None


@dataclass(frozen=True)
class EnergyReport:
    """Energy per inference on one chip, with everything needed to judge it.

    quantity : what the headline may be called: ``"energy per inference"`` (static part included),
        ``"dynamic energy per inference"``, or ``"synaptic energy per inference"`` where the cost
        of neuron updates is unknown.
    headline_pj : over the samples, the quantity of that name.
    dynamic_pj : everything but static power (published dynamic figures hold the host, too); None
        where only synapses can be priced. static_pj, total_pj : None without time or power.
    duration : None where the profile has no usable timing, `time_reason` says why.
    parts : network, host and static apart. layers : the network's part by population.
    dominant : which term is largest. narrowing : what would make the interval narrower.
    inference : what one inference is. bounds_only : the ends are known, the middle is not.
    placed : what the placement on cores says, None for a network that was not placed.
    """

    profile: str
    profile_version: str
    status: str
    digest: str
    samples: int
    steps: int
    quantity: str
    headline_pj: Spread
    dynamic_pj: Spread | None
    static_pj: Spread | None
    total_pj: Spread | None
    terms: tuple[Term, ...]
    excluded: tuple[Excluded, ...]
    count_convention: str
    includes: tuple[str, ...]
    joint_constraint: str | None
    static_scope: str
    baseline: str
    duration: Duration | None
    time_reason: str
    worst_case: WorstCase
    warnings: tuple[str, ...]
    validation: tuple[ValidationCase, ...]
    citations: Mapping[str, str]
    statement: str = NOT_MEASURED
    parts: Parts | None = None
    layers: tuple[LayerEnergy, ...] = ()
    dominant: str = ""
    narrowing: tuple[str, ...] = ()
    inference: str = ""
    bounds_only: bool = False
    ceilings: tuple[WorstCase, ...] = ()
    placed: PlacedCost | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, text and numbers, ready for JSON."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def table(self, width: int = 80) -> str:
        """Return the report as text of at most ``width`` columns; prints well as it is."""
        from neurodeploy.energy.table import text

        return text(self, width)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
