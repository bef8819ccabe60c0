"""What a reader must know before believing an estimate: one sentence for each trap that applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurodeploy.energy.counts import Counts
from neurodeploy.energy.duration import Timed
from neurodeploy.energy.price import Priced
from neurodeploy.energy.units import energy

if TYPE_CHECKING:
    from neurodeploy.profile import Case, ChipProfile

EXTRAPOLATION_FACTOR = 3.0
"""A synop : update ratio further than this from the case's own is an extrapolation."""
PER_STEP = ("barrier_sync", "host")
"""Sub-costs that grow with time rather than with events."""


def caveats(
    profile: ChipProfile, counts: Counts, priced: Priced, time: Timed, chips: int
) -> tuple[str, ...]:
    """Return the sentences that apply, the most important first."""
    return tuple(
        [
            *_synaptic_only(priced),
            *_extrapolation(profile, counts),
            *_per_step(profile, counts),
            *_one_update_constant(profile, priced),
            *_static_missing(priced, time),
            *_not_observable(priced),
            *_chips(profile, chips),
        ]
    )


def _synaptic_only(priced: Priced) -> Iterator[str]:
    if priced.is_synaptic_only:
        yield (
            "only synaptic operations can be priced, so this is synaptic energy and not energy "
            "per inference: on a keyword spotter measured on Loihi 1 such a sum is 53x too low"
        )


def _extrapolation(profile: ChipProfile, counts: Counts) -> Iterator[str]:
    case = _case(profile)
    if case is None or not profile.energy.count_convention:
        return
    known = case.synops(profile.energy.count_convention) / case.updates.bounds[1]
    ratio = float(counts.synops.sum() / counts.updates.sum())
    if not known / EXTRAPOLATION_FACTOR <= ratio <= known * EXTRAPOLATION_FACTOR:
        yield (
            f"extrapolation: {ratio:.3g} synaptic operations per update here, {known:.0f} in the "
            f"one case behind the constants ({case.title}); such a fit says nothing certain "
            "about networks of another kind"
        )


def _per_step(profile: ChipProfile, counts: Counts) -> Iterator[str]:
    case = _case(profile)
    held = [name for name in PER_STEP if name in profile.energy.includes]
    if case is None or not held:
        return
    dynamic_pj = case.dynamic_mj.bounds[1] * 1e9
    per_step = dynamic_pj / case.steps.bounds[1] * counts.steps
    yield (
        f"the constants hold {' and '.join(held)}, which grow with time and not with events: if "
        f"all of the case's energy were per step, an inference of {counts.steps} steps would "
        f"take {energy(per_step)}"
    )


def _one_update_constant(profile: ChipProfile, priced: Priced) -> Iterator[str]:
    constants = profile.energy
    active = constants.quantity("neuron_update_active_pj")
    inactive = constants.quantity("neuron_update_inactive_pj")
    if priced.is_synaptic_only or "neuron_update" in constants.includes:
        return
    if active is None or inactive is None:
        yield "one constant serves active and inactive updates alike"
    else:
        yield (
            "active and inactive updates are not told apart: low charges all as inactive, mid "
            "and high all as active"
        )


def _static_missing(priced: Priced, time: Timed) -> Iterator[str]:
    if priced.static is None and time.inference_us is None:
        yield f"static energy is not included, the time of an inference is unknown: {time.reason}"


def _not_observable(priced: Priced) -> Iterator[str]:
    """Warn when the uncertainty of static energy alone hides the dynamic part."""
    if priced.static is None or priced.is_synaptic_only:
        return
    low, _, high = priced.static.energy_pj.mean(axis=1)
    if priced.dynamic_pj()[1].mean() < high - low:
        yield (
            "I/O-bound: dynamic energy not observable, it is smaller than the uncertainty of the "
            f"static energy over the same time ({energy(high - low)})"
        )


def _chips(profile: ChipProfile, chips: int) -> Iterator[str]:
    if chips > 1:
        yield (
            f"the neurons need at least {chips} chips, static power is charged for all of them; "
            "links between chips are not modelled"
        )


def _case(profile: ChipProfile) -> Case | None:
    name = profile.energy.joint_constraint
    return None if name is None else profile.cases[name]
