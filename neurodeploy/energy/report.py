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
    """A range with a centre. low <= mid <= high."""

    low: float
    mid: float
    high: float

    def scaled(self, factor: float) -> Interval:
        """Return the interval times a factor that is not negative."""
        return Interval(self.low * factor, self.mid * factor, self.high * factor)

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
    def of(cls, array: NDArray[np.float64]) -> Spread:
        """Summarise ``(3, samples)``, rows low, mid, high."""
        return cls(
            Interval(*array.mean(axis=1).tolist()),
            Interval(*array.min(axis=1).tolist()),
            Interval(*array.max(axis=1).tolist()),
        )


@dataclass(frozen=True)
class Term:
    """One line of the sum: count x constant.

    count_mean, count_min, count_max : events per inference (or steps, or microseconds, see unit).
    constant : the interval charged per event. unit : of the constant, such as ``"pJ"`` or
    ``"mW"``. energy_pj : of the mean inference, this term on its own.
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
    """The most that this program can cost: every input and neuron sends in every step."""

    spikes: int
    synops: int
    dynamic_pj: Interval


@dataclass(frozen=True)
class ValidationCase:
    """A measured case that was run through the same profile."""

    case: str
    quantity: str
    predicted: Interval
    measured: float
    role: str
    error: float
    contained: bool


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
