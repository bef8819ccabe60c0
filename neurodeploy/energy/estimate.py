"""Energy per inference of a Program on a chip, from exact counts and the chip's profile.

Source: the sum is written out in `price`; the traps that each warning guards against are known
from published measurements (Blouw et al., arXiv:1812.01739; lava-dl PilotNet benchmarks).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neurodeploy.energy.caveats import caveats
from neurodeploy.energy.counts import Counts, counted, most_possible
from neurodeploy.energy.duration import chips_min, duration
from neurodeploy.energy.price import Priced, price
from neurodeploy.energy.report import (
    EnergyReport,
    Interval,
    Spread,
    Term,
    ValidationCase,
    WorstCase,
)
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.program import Program
from neurodeploy.trace import Activity, Trace

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile


def estimate_energy(
    program: Program,
    activity: Activity,
    profile: ChipProfile,
    *,
    step_us: float | None = None,
) -> EnergyReport:
    """Return what one inference of ``program`` costs on the chip of ``profile``.

    activity : exact counts of a run of this program, one entry per sample (one inference each).
    step_us : duration of one step, if you know it; otherwise the profile's timing is used, and
        without one the static part is left out.

    Every constant is an interval; lows are added with lows and highs with highs, except that
    fitted constants which share one measured total are bounded together. Worst-case figures
    (every neuron fires in every step) are kept apart.

    Raises ProfileError where the profile has no usable constant for a synaptic operation,
    InputError for the activity of another program, OptionError for a bad step time and for what is
    no profile or no activity.
    """
    _check_kinds(activity, profile)
    if profile.identity.status == "limits":
        raise ProfileError(
            f"profile {profile.name}: energy is refused, its status is limits: it serves "
            "mapping only"
        )
    convention = profile.energy.count_convention or "taps"
    counts = counted(program, activity, convention)
    chips = chips_min(profile, program)
    time = duration(profile, program, counts, step_us)
    priced = price(profile, counts, time, chips)
    sums = _Sums.of(priced)
    return EnergyReport(
        profile=profile.name,
        profile_version=profile.identity.profile_version,
        status=profile.identity.status,
        digest=program.digest,
        samples=counts.samples,
        steps=counts.steps,
        quantity=sums.quantity,
        headline_pj=sums.headline_pj,
        dynamic_pj=sums.dynamic_pj,
        static_pj=sums.static_pj,
        total_pj=sums.total_pj,
        terms=_terms(priced),
        excluded=priced.excluded,
        count_convention=convention,
        includes=profile.energy.includes,
        joint_constraint=profile.energy.joint_constraint,
        static_scope=profile.power.static_scope,
        baseline=profile.power.baseline,
        duration=time.summary(counts.steps),
        time_reason=time.reason,
        worst_case=_worst_case(profile, program, counts, step_us),
        warnings=caveats(profile, counts, priced, time, chips),
        validation=_validation(profile),
        citations=_cited(profile, priced),
    )


def _check_kinds(activity: object, profile: object) -> None:
    """Raise OptionError, with the way out, for what is easily given instead."""
    from neurodeploy.profile import ChipProfile

    if not isinstance(activity, Activity):
        hint = "; give trace.activity" if isinstance(activity, Trace) else ""
        raise OptionError(f"activity is a {type(activity).__name__}, expected an Activity{hint}")
    if isinstance(profile, (str, Path)):
        raise OptionError(
            f"profile is {str(profile)!r}, expected a ChipProfile; give "
            f"load_profile({str(profile)!r})"
        )
    if not isinstance(profile, ChipProfile):
        raise OptionError(f"profile is a {type(profile).__name__}, expected a ChipProfile")


@dataclass(frozen=True)
class _Sums:
    """The sums that may be printed, and what the headline may be called."""

    quantity: str
    headline_pj: Spread
    dynamic_pj: Spread | None
    static_pj: Spread | None
    total_pj: Spread | None

    @classmethod
    def of(cls, priced: Priced) -> _Sums:
        static = None if priced.static is None else priced.static.energy_pj
        static_spread = None if static is None else Spread.of(static)
        if priced.is_synaptic_only:
            synaptic = Spread.of(priced.synaptic().dynamic_pj())
            return cls("synaptic energy per inference", synaptic, None, static_spread, None)
        dynamic = Spread.of(priced.dynamic_pj())
        if static is None:
            return cls("dynamic energy per inference", dynamic, dynamic, None, None)
        total = Spread.of(priced.dynamic_pj() + static)
        return cls("energy per inference", total, dynamic, static_spread, total)


def _terms(priced: Priced) -> tuple[Term, ...]:
    charges = priced.charges if priced.static is None else (*priced.charges, priced.static)
    return tuple(charge.term() for charge in charges)


def _worst_case(
    profile: ChipProfile, program: Program, counts: Counts, step_us: float | None
) -> WorstCase:
    """Price the most that the program can do in as many steps."""
    most = most_possible(program, counts.steps, profile.energy.count_convention or "taps")
    priced = price(profile, most, duration(profile, program, most, step_us))
    priced = priced.synaptic() if priced.is_synaptic_only else priced
    return WorstCase(
        spikes=int(most.spikes[0]),
        synops=int(most.synops[0]),
        dynamic_pj=Spread.of(priced.dynamic_pj()).maximum,
    )


def _validation(profile: ChipProfile) -> tuple[ValidationCase, ...]:
    return tuple(
        ValidationCase(
            case=entry.case,
            quantity=entry.quantity,
            predicted=Interval(entry.predicted_low, entry.predicted_mid, entry.predicted_high),
            measured=entry.measured,
            role=entry.role,
            error=entry.error,
            contained=entry.contains,
        )
        for entry in profile.validation
    )


def _cited(profile: ChipProfile, priced: Priced) -> dict[str, str]:
    keys = {key for term in _terms(priced) for key in term.sources}
    return {key: text for key, text in profile.citations.items() if key in keys}
