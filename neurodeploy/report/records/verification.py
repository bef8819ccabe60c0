"""``verify.json``: what a network did on data, under noise, and how near overflow was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers import Recipe
from neurodeploy.report.records.tested import Tested
from neurodeploy.report.records.training import Versions
from neurodeploy.verification.activity import Undecided


@dataclass(frozen=True)
class RanAs:
    """How the samples were run. Older files tell engine, timing and weights only.

    answers_differing : samples that aligned time answers otherwise, None where not counted.
    """

    engine: str = "native"
    timing: str = "aligned"
    weights: str = "exact"
    steps: int = 0
    reset_interval: int | None = None
    reset_offset: int = 0
    input_bits: int | None = None
    decided: bool = False
    holds: bool = False
    reason: str = ""
    answers_differing: int | None = None

    def sentence(self) -> str:
        """Return how samples were run and why, "" where the file does not say."""
        if not self.reason:
            return ""
        recipe = Recipe(
            engine=self.engine,
            timing=self.timing,
            weights=self.weights,
            steps=self.steps,
            reset_interval=self.reset_interval,
            reset_offset=self.reset_offset,
            input_bits=self.input_bits,
            threads=None,
            decided=self.decided,
            holds=self.holds,
            reason=self.reason,
        )
        return recipe.sentence()


@dataclass(frozen=True)
class LayerActivity:
    """Events of an input or population, mean per sample.

    u_wraps, v_saturations : sums over all samples; None where they were not counted (inputs,
    engines that cannot see them, older files).
    """

    name: str
    input: bool
    neurons: int
    events: float
    events_min: int
    events_max: int
    rate: float
    updates: int
    u_wraps: int | None = None
    v_saturations: int | None = None


@dataclass(frozen=True)
class ConnectionActivity:
    """Synaptic operations of a connection, mean per sample, in both conventions."""

    name: str
    source: str
    target: str
    taps: float
    nonzero: float


@dataclass(frozen=True)
class ActivityCounts:
    """Counts of a clean run."""

    steps: int
    samples: int
    layers: tuple[LayerActivity, ...]
    connections: tuple[ConnectionActivity, ...] = ()


@dataclass(frozen=True)
class NoiseRow:
    """Accuracy at one level. sigma : share of the largest value. sigma_units : in its units."""

    sigma: float
    sigma_units: float
    correct: int
    ties: int
    samples: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class NoiseRows:
    """Accuracy under noise. rule : how it was made. low, high : range of a noisy value."""

    clean: Accuracy
    levels: tuple[NoiseRow, ...]
    seed: int
    rule: str
    place: str = ""
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class LayerPerturbation:
    """MPPD of a layer. by_step : mean of Y^2 in each step. unit : of Y, a threshold or 64."""

    population: str
    squared: float
    by_step: tuple[float, ...]
    absolute: float | None = None
    unit: str = "threshold"


@dataclass(frozen=True)
class Perturbation:
    """MPPD at one level of noise."""

    sigma: float
    seed: int
    samples: int
    layers: tuple[LayerPerturbation, ...]


@dataclass(frozen=True)
class LayerHeadroom:
    """Headroom of one population, see `neurodeploy.verification.headroom`.

    proven : no input of this range overflows within the steps of one sample, from rest.
    """

    population: str
    u_largest: int
    v_largest: int
    u_bits: float
    v_bits: float
    u_wraps: int
    v_saturations: int
    proven: bool
    u_bound: int | None = None
    v_bound: int | None = None
    u_bound_bits: float | None = None
    v_bound_bits: float | None = None
    v_before_reset: bool = False


@dataclass(frozen=True)
class Measurements:
    """``verify.json``; None for suites that were not run, and for what older files lack."""

    data: Tested
    accuracy: Accuracy
    activity: ActivityCounts
    run: RanAs = field(default_factory=RanAs)
    undecided: Undecided | None = None
    noise: NoiseRows | None = None
    mppd: Perturbation | None = None
    headroom: tuple[LayerHeadroom, ...] | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Versions = field(default_factory=dict)
