"""``verify.json``: what a network did on data, under noise, and how near overflow was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodeploy.answers import Recipe
from neurodeploy.fixedpoint import M
from neurodeploy.results.attack import Attacked
from neurodeploy.results.certified import CertifiedRow, CertifiedWorst
from neurodeploy.results.corruption import Corrupted
from neurodeploy.results.cost import Costly
from neurodeploy.results.counted import Counted
from neurodeploy.results.faults import FaultRows
from neurodeploy.results.outcome import Versions
from neurodeploy.results.tested import Tested
from neurodeploy.verification.activity import Undecided
from neurodeploy.verification.counts import ActivityCounts


@dataclass(frozen=True)
class RanAs:
    """How the samples were run. Older files tell engine, timing and weights only.

    begins_from_rest : whether every sample did, None in files that do not tell. answers_differing :
    samples that aligned time answers otherwise, None where not counted.
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
    begins_from_rest: bool | None = None
    reason: str = ""
    answers_differing: int | None = None

    @property
    def from_rest(self) -> bool:
        """Whether every sample began from rest; in older files as far as they tell."""
        if self.begins_from_rest is None:
            return self.timing == "aligned" or self.holds
        return self.begins_from_rest

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
            begins_from_rest=self.from_rest,
            reason=self.reason,
        )
        return recipe.sentence()


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
    interval: str = "95 % Wilson score interval"
    ties_count_as: str = "wrong"


@dataclass(frozen=True)
class NoiseRows:
    """Accuracy under noise. rule : how it was made. low, high : range of a noisy value."""

    clean: Counted
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
class StateRow:
    """Overflow of one state of one population, see `neurodeploy.verification.headroom`.

    observed, bound, limit : magnitudes; None where not recorded or not known. overflows :
    neuron-steps, None where they are not counted. verdict : ``"seen"``, ``"possible"``,
    ``"impossible"`` under what ``assumes`` says, or ``"never"``, in any number of steps.
    """

    population: str
    state: str
    bound: int | None
    observed: int | None
    limit: int
    overflows: int | None
    verdict: str
    assumes: str = ""

    def bits(self, value: int) -> float:
        """Return ``log2((limit + 1) / value)``: negative beyond the limit."""
        return math.log2((self.limit + 1) / max(value, 1))

    @property
    def bits_left(self) -> float | None:
        """Headroom on the data, 0 where the state overflowed; None where it was not seen."""
        if self.overflows:
            return 0.0
        return None if self.observed is None else max(0.0, self.bits(self.observed))

    @property
    def bound_bits(self) -> float | None:
        """Headroom for any input, None where no bound is known."""
        return None if self.bound is None else self.bits(self.bound)


@dataclass(frozen=True)
class LayerHeadroom:
    """Headroom of one population of the CUBA family; files without `StateRow` have nothing else.

    proven : no input of this range overflows within the steps of one sample, from rest.
    proven_for_ever : nor in any number of steps.
    """

    population: str
    u_largest: int | None
    v_largest: int | None
    u_wraps: int | None
    v_saturations: int | None
    proven: bool
    u_bound: int | None = None
    v_bound: int | None = None
    u_bits: float | None = None
    v_bits: float | None = None
    u_bound_bits: float | None = None
    v_bound_bits: float | None = None
    v_before_reset: bool | None = False
    proven_for_ever: bool | None = None

    def rows(self, steps: int) -> tuple[StateRow, ...]:
        """Return u and v in the form of newer files."""
        found = (
            ("u", self.u_bound, self.u_largest, self.u_wraps, M),
            ("v", self.v_bound, self.v_largest, self.v_saturations, M - 1),
        )
        rest = "impossible" if self.proven else "possible"
        return tuple(
            StateRow(
                population=self.population,
                state=state,
                bound=bound,
                observed=observed,
                limit=limit,
                overflows=overflows,
                verdict="seen" if overflows else rest,
                assumes=f"from rest, {steps} steps, inputs in the same range",
            )
            for state, bound, observed, overflows, limit in found
        )


@dataclass(frozen=True)
class Suites:
    """Suites that stand in ``verify.json`` under ``suites`` alone; None where not run."""

    attack: Attacked | None = None
    corruption: Corrupted | None = None
    cost: Costly | None = None


@dataclass(frozen=True)
class Measurements:
    """``verify.json``; None for suites that were not run, and for what older files lack."""

    data: Tested
    accuracy: Counted
    activity: ActivityCounts
    run: RanAs = field(default_factory=RanAs)
    undecided: Undecided | None = None
    noise: NoiseRows | None = None
    mppd: Perturbation | None = None
    faults: FaultRows | None = None
    headroom: tuple[LayerHeadroom, ...] | None = None
    overflow: tuple[StateRow, ...] | None = None
    certify: tuple[CertifiedRow, ...] | None = None
    worst_case: CertifiedWorst | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    suites: Suites = field(default_factory=Suites)
    versions: Versions = field(default_factory=dict)

    @property
    def states(self) -> tuple[StateRow, ...] | None:
        """Overflow of every state; older files tell u and v of the CUBA family only."""
        if self.overflow is not None or self.headroom is None:
            return self.overflow
        steps = self.activity.steps
        return tuple(row for layer in self.headroom for row in layer.rows(steps))
