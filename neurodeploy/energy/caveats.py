"""What a reader must know before believing an estimate: one sentence for each trap that applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurodeploy.energy.charges import Priced
from neurodeploy.energy.counts import Counts, PerSample, sent_inputs
from neurodeploy.energy.duration import Timed
from neurodeploy.energy.units import energy
from neurodeploy.program import Program

if TYPE_CHECKING:
    from neurodeploy.profile import Case, ChipProfile

EXTRAPOLATION_FACTOR = 3.0
"""A synop : update ratio further than this from the case's own is an extrapolation."""


def caveats(
    profile: ChipProfile,
    program: Program,
    counts: Counts,
    priced: Priced,
    time: Timed,
    chips: int,
) -> tuple[str, ...]:
    """Return the sentences that apply, the most important first."""
    return tuple(
        [
            *_not_of_this_chip(profile, program),
            *_synaptic_only(priced),
            *_extrapolation(profile, counts),
            *_one_update_constant(profile, priced, counts.active),
            *_static_missing(priced, time),
            *_not_observable(priced),
            *_chips(chips, counts),
        ]
    )


def _not_of_this_chip(profile: ChipProfile, program: Program) -> Iterator[str]:
    """Warn of neurons and messages that the chip does not have."""
    known = profile.precision.neuron_models
    silent = {"Integrator"} if "CubaLif" in known else set()  # a CubaLif that never fires
    models = {type(population.neuron).__name__ for population in program.populations}
    lacking = sorted(models - {*known} - silent)
    if known and lacking:
        yield (
            f"the chip has no {', '.join(lacking)} neurons, it has {', '.join(known)}: what is "
            "priced here cannot run on it"
        )
    graded = [node.name for node in sent_inputs(program) if node.message_bits]
    bits = profile.precision.quantity("spike_payload_bits")
    if graded and bits is None:
        yield (
            f"input {graded[0]} sends values, and the profile does not say that the chip can send "
            "any (spike_payload_bits): they are priced as binary events"
        )


def _synaptic_only(priced: Priced) -> Iterator[str]:
    if priced.is_synaptic_only:
        yield (
            "only synaptic operations can be priced, so this is synaptic energy and not energy "
            "per inference: on a keyword spotter measured on Loihi 1 such a sum is 53x too low"
        )


def _extrapolation(profile: ChipProfile, counts: Counts) -> Iterator[str]:
    ratio = float(counts.total("synops").sum() / counts.total("updates").sum())
    for case in _cases(profile):
        level = case.level(profile.energy.count_convention or "taps", 1)
        synops, updates = level["synops"], level["updates"]
        if not synops or not updates:
            continue
        known = synops / updates
        if not known / EXTRAPOLATION_FACTOR <= ratio <= known * EXTRAPOLATION_FACTOR:
            yield (
                f"extrapolation: {ratio:.3g} synaptic operations per update here, {known:.0f} in "
                f"the measured case ({case.title}); the bounds hold only if an operation costs "
                "the same in networks of another kind"
            )


def _one_update_constant(
    profile: ChipProfile, priced: Priced, told: PerSample | None
) -> Iterator[str]:
    constants = profile.energy
    active = constants.quantity("neuron_update_active_pj")
    inactive = constants.quantity("neuron_update_inactive_pj")
    if priced.is_synaptic_only or "neuron_update" in constants.includes:
        return
    if priced.constants is not None:
        yield "one constant serves active and inactive updates alike, one all kinds of synapse"
        return
    if active is None or inactive is None:
        yield "one constant serves active and inactive updates alike"
    elif told is None:
        yield (
            "active and inactive updates are not told apart: low charges only neurons that fire "
            "as active, mid and high all of them"
        )


def _static_missing(priced: Priced, time: Timed) -> Iterator[str]:
    if priced.static is None and time.inference_us is None:
        yield f"static energy is not included, the time of an inference is unknown: {time.reason}"


def _not_observable(priced: Priced) -> Iterator[str]:
    """Warn when the uncertainty of static energy alone hides the dynamic part."""
    if priced.static is None or priced.is_synaptic_only:
        return
    low, _, high = priced.static.energy_pj.mean(axis=1)
    end = 1 if priced.constants is None else 2
    if priced.mean_dynamic_pj()[end, 0] < high - low:
        yield (
            "I/O-bound: dynamic energy not observable, it is smaller than the uncertainty of the "
            f"static energy over the same time ({energy(high - low)})"
        )


def _chips(chips: int, counts: Counts) -> Iterator[str]:
    if chips > 1:
        need = "the neurons need at least" if counts.placed is None else "the network is placed on"
        yield (
            f"{need} {chips} chips: static power and awake hosts are charged "
            "for all of them; links between chips are not modelled"
        )


def _cases(profile: ChipProfile) -> Iterator[Case]:
    return (profile.cases[name] for name in profile.energy.joint)
