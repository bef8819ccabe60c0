"""Energy per inference of a Program on a chip, from exact counts and the chip's profile.

Source: the sum is written out in `price`; the traps that each warning guards against are known
from published measurements (Blouw et al., arXiv:1812.01739; lava-dl PilotNet benchmarks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.energy.cases import validate
from neurodeploy.energy.caveats import caveats
from neurodeploy.energy.ceilings import Ceiling
from neurodeploy.energy.charges import Priced
from neurodeploy.energy.counts import Counts, PerSample, counted, most_possible
from neurodeploy.energy.duration import Timed, duration
from neurodeploy.energy.explain import dominant, inference, narrowing
from neurodeploy.energy.placed import Placed, check_load, placed_cost
from neurodeploy.energy.placement import Bounds, chips_min
from neurodeploy.energy.price import price
from neurodeploy.energy.report import (
    EnergyReport,
    Interval,
    LayerEnergy,
    Parts,
    Spread,
    Term,
    WorstCase,
)
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.placement import Load
from neurodeploy.program import Program
from neurodeploy.trace import Activity, Trace

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

TRIVIAL = "trivial: every input and every neuron sends in every step"


def estimate_energy(
    program: Program,
    activity: Activity,
    profile: ChipProfile,
    *,
    step_us: float | None = None,
    steps: int | None = None,
    active: Mapping[str, PerSample] | None = None,
    ceilings: Sequence[Ceiling] = (),
    load: Load | None = None,
) -> EnergyReport:
    """Return what one inference of ``program`` costs on the chip of ``profile``.

    activity : exact counts of a run of this program, one entry per sample.
    step_us : duration of one step, if you know it; otherwise the profile's timing is used, and
        without one the static part is left out.
    steps : columns of one inference, None where each entry of the activity is one. An entry that
        is a stream of several inferences is shared out evenly among them.
    active : active updates of each population (`neurodeploy.energy.active`), so that each update
        is charged at its own constant where the profile has two.
    ceilings : bounds of the events of one inference, such as certificates give; each is priced at
        the highest constants, beside the trivial worst case.
    load : what the cores did in the same run, see `neurodeploy.placement.core_load`; messages,
        links and the busiest core of every step are then exact, and otherwise bounds that hold for
        any placement.

    Every constant is an interval; lows are added with lows and highs with highs. Constants of
    which only measured totals are known are bounded together, by every corner of the set that
    agrees with these totals. Worst-case figures (every neuron fires in every step) are kept apart.

    Raises ProfileError where the profile has no usable constant for a synaptic operation,
    InputError for the activity or load of another program or run, OptionError for a bad step time,
    for steps that do not divide the run, and for what is no profile or no activity.
    """
    _check_kinds(activity, profile)
    if profile.identity.status == "limits":
        raise ProfileError(
            f"profile {profile.name}: energy is refused, its status is limits: it serves "
            "mapping only"
        )
    convention = profile.energy.count_convention or "taps"
    counts = counted(program, activity, convention, active)
    counts, streamed = _per_inference(counts, steps)
    if load is not None:
        check_load(load, program, activity, profile.name)
        counts = replace(counts, placed=Placed.of(load, streamed))
    return _report(profile, program, counts, streamed, step_us, tuple(ceilings))


def _report(
    profile: ChipProfile,
    program: Program,
    counts: Counts,
    streamed: int,
    step_us: float | None,
    ceilings: tuple[Ceiling, ...],
) -> EnergyReport:
    """Return the estimate of one inference with these counts."""
    convention = profile.energy.count_convention or "taps"
    steps = int(counts.steps)
    most = most_possible(program, steps, convention)
    chips = chips_min(profile, counts)
    time = duration(profile, counts, step_us)
    priced = price(profile, counts, time, chips)
    sums = _Sums.of(priced)
    return EnergyReport(
        profile=profile.name,
        profile_version=profile.identity.profile_version,
        status=profile.identity.status,
        digest=program.digest,
        samples=counts.samples,
        steps=int(counts.steps),
        quantity=sums.quantity,
        headline_pj=sums.headline_pj,
        dynamic_pj=sums.dynamic_pj,
        static_pj=sums.static_pj,
        total_pj=sums.total_pj,
        terms=_terms(priced),
        excluded=priced.excluded,
        count_convention=convention,
        includes=profile.energy.includes,
        joint_constraint=", ".join(profile.energy.joint) or None,
        static_scope=profile.power.static_scope,
        baseline=profile.power.baseline,
        duration=time.summary(counts.steps),
        time_reason=time.reason,
        worst_case=_at_most(profile, most, step_us, chips, TRIVIAL),
        ceilings=tuple(
            _at_most(profile, one.counts(program, steps, convention), step_us, chips, one.basis)
            for one in ceilings
        ),
        warnings=caveats(profile, program, counts, priced, time, chips),
        validation=validate(profile),
        citations=_cited(profile, priced),
        parts=_parts(priced),
        layers=_layers(profile, counts, time),
        dominant=dominant(priced),
        narrowing=narrowing(profile, priced, time),
        inference=inference(counts, streamed),
        bounds_only=priced.constants is not None,
        placed=placed_cost(counts, time.inference_us, *_standing(priced)),
    )


def _standing(priced: Priced) -> tuple[Bounds | None, Bounds | None]:
    """Return static and host energy, ``(3, samples)`` each; None where they are not priced."""
    static = None if priced.static is None else priced.static.energy_pj
    host = priced.of_part("host")
    return static, host.dynamic_pj() if host.charges else None


def _per_inference(counts: Counts, steps: int | None) -> tuple[Counts, int]:
    """Return the counts of one inference, and how many of them each sample held."""
    if steps is None or steps == counts.steps:
        return counts, 1
    if steps < 1 or counts.steps % steps:
        raise OptionError(
            f"steps is {steps}, the run has {counts.steps:g}; expected a whole number of "
            "inferences in it"
        )
    held = int(counts.steps) // steps
    return counts.shared(held), held


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
            synaptic = _spread(priced.synaptic())
            return cls("synaptic energy per inference", synaptic, None, static_spread, None)
        dynamic = _spread(priced)
        if static is None:
            return cls("dynamic energy per inference", dynamic, dynamic, None, None)
        total = _spread(priced, static)
        return cls("energy per inference", total, dynamic, static_spread, total)


def _spread(priced: Priced, static: Bounds | None = None) -> Spread:
    """Return the dynamic sum over the samples, with the static part if it is given."""
    extra = np.zeros((3, 1)) if static is None else static
    mean = priced.mean_dynamic_pj() + extra.mean(axis=1, keepdims=True)
    return Spread.of(priced.dynamic_pj() + extra, mean)


def _parts(priced: Priced) -> Parts:
    """Return network, host and static energy of the mean inference, each on its own."""
    found: dict[str, Interval | None] = {"network": None, "host": None}
    for part in ("network", "host"):
        chosen = priced.of_part(part)
        if chosen.charges:
            found[part] = Interval.of(chosen.mean_dynamic_pj()[:, 0])
    static = priced.static
    resting = None if static is None else Interval.of(static.energy_pj.mean(axis=1))
    return Parts(found["network"], found["host"], resting)


def _layers(profile: ChipProfile, counts: Counts, time: Timed) -> tuple[LayerEnergy, ...]:
    """Return the network's part, population by population, at the constants of the whole."""
    result = []
    for layer in counts.layers:
        alone = price(profile, counts.of(layer), time).of_part("network")
        result.append(
            LayerEnergy(
                name=layer.name,
                neurons=layer.neurons,
                updates=float(layer.updates.mean()),
                spikes=float(layer.spikes.mean()),
                synops=float(layer.synops.mean()),
                energy_pj=Interval.of(alone.mean_dynamic_pj()[:, 0]),
            )
        )
    return tuple(result)


def _terms(priced: Priced) -> tuple[Term, ...]:
    charges = priced.charges if priced.static is None else (*priced.charges, priced.static)
    return tuple(charge.term() for charge in charges)


def _at_most(
    profile: ChipProfile, most: Counts, step_us: float | None, chips: int, basis: str
) -> WorstCase:
    """Price the most events that one inference can have. basis : why no more are possible."""
    time = duration(profile, most, step_us)
    priced = price(profile, most, time, chips)
    priced = priced.synaptic() if priced.is_synaptic_only else priced
    network = priced.of_part("network")
    dynamic = priced.dynamic_pj()
    static = None if priced.static is None else priced.static.energy_pj
    return WorstCase(
        spikes=int(most.total("spikes")[0]),
        synops=int(most.total("synops")[0]),
        dynamic_pj=Interval.of(dynamic[:, 0]),
        inference_us=None if time.inference_us is None else Interval.of(time.inference_us[:, 0]),
        static_pj=None if static is None else Interval.of(static[:, 0]),
        total_pj=None if static is None else Interval.of((dynamic + static)[:, 0]),
        basis=basis,
        network_pj=Interval.of(network.dynamic_pj()[:, 0]) if network.charges else None,
    )


def _cited(profile: ChipProfile, priced: Priced) -> dict[str, str]:
    keys = {key for term in _terms(priced) for key in term.sources}
    return {key: text for key, text in profile.citations.items() if key in keys}
