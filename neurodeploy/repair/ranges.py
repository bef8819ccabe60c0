"""Decays and delays clipped into the ranges of a chip, another reset, a model that stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neurodeploy.errors import ModelError
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.registry import ByType
from neurodeploy.repair.edits import concerned, population_of, renamed, with_neurons
from neurodeploy.repair.record import Draft, Outcome, Repair
from neurodeploy.rules import Violation
from neurodeploy.rules.limits import stated

UNREACHED = (1 << 17) - 1
"""Largest threshold of 17 bits; v saturates 64 units above it."""


def clip_decays(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Clip decays into 0..2^decay_bits, factors of a rotation into both directions of it."""
    draft = Draft(program)
    one = 1 << (stated(profile.precision.decay_bits) or 12)
    for name in concerned(program, found):
        neuron = population_of(program, name).neuron
        low = -one if neuron.family == "resonate-and-fire" else 0
        for field, values in neuron.having("decay").items():
            clipped = np.clip(values, low, one)
            moved = int(np.count_nonzero(clipped != values))
            if moved:
                draft.program = with_neurons(draft.program, {name: {field: clipped}})
                text = f"{field}: {moved} of {np.size(values)} clipped to {low}..{one}"
                draft.changed(f"population {name}", text, exact=False)
    return draft.outcome()


def clip_delays(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Clip delays into the range of the chip; those of fewer steps than the least wait longer."""
    draft = Draft(program)
    low = stated(profile.precision.delay_min_steps) or 0
    high = stated(profile.precision.delay_max_steps)
    places = {f"connection {name}": n for n, name in enumerate(program.connection_names)}
    connections = list(program.connections)
    for violation in found:
        number = places[violation.where]
        delay = np.asarray(connections[number].synapse.having("delay")["delay"])
        clipped = np.clip(delay, low, high)
        connections[number] = renamed(connections[number], delay=clipped)
        moved = int(np.count_nonzero(clipped != delay))
        text = f"{moved} of {delay.size} delays clipped to {low}..{high}"
        draft.changed(violation.where, text, exact=False)
    draft.program = _with(program, connections)
    return draft.outcome()


def _with(program: Program, connections: Sequence[Any]) -> Program:
    from dataclasses import replace

    return replace(program, connections=tuple(connections))


def change_reset(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Give neurons the first reset of the chip that their model has."""
    draft = Draft(program)
    mode = profile.precision.reset_modes[0]
    for name in concerned(program, found):
        before = population_of(program, name).neuron.having("mode")["reset"]
        draft.program = with_neurons(draft.program, {name: {"reset": mode}})
        draft.changed(f"population {name}", f"reset is {mode!r}, was {before!r}", exact=False)
    return draft.outcome()


StandIn = tuple[Neuron, str, bool]
"""A neuron in the place of another, what that means, and whether it answers as the other did."""


def _spiking(neuron: Integrator) -> StandIn:
    lif = CubaLif(
        neuron.current_decay, neuron.voltage_decay, UNREACHED, neuron.bias, initial=neuron.initial
    )
    return lif, f"a CubaLif whose threshold is {UNREACHED}, which only a saturated v passes", True


def _fixed_threshold(neuron: HomeostaticLif) -> StandIn:
    lif = CubaLif(
        neuron.current_decay,
        neuron.voltage_decay,
        neuron.threshold,
        neuron.bias,
        neuron.reset,
        neuron.gain,
        initial=neuron.initial,
    )
    return lif, "a CubaLif, its threshold where it starts", False


STAND_INS: ByType[Callable[[Any], StandIn]] = ByType(
    "stand-in",
    Neuron,
    {Integrator: _spiking, HomeostaticLif: _fixed_threshold},
    "no other model stands in for {name}",
    without=(CubaLif, Delta, SigmaDelta, Sigma, ResonateFire, ResonateFireIz),
)
"""The neuron that stands in for one that a chip does not have."""


def stand_in(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Replace models that the chip does not have by those that it has."""
    from dataclasses import replace

    draft = Draft(program)
    populations = {population.name: population for population in program.populations}
    for name in concerned(program, found):
        where = f"population {name}"
        try:
            neuron, text, exact = STAND_INS.of(populations[name].neuron)(populations[name].neuron)
        except ModelError as error:
            draft.refuse(where, str(error))
            continue
        if type(neuron).__name__ not in profile.precision.neuron_models:
            draft.refuse(where, f"{profile.name} has no {type(neuron).__name__} either")
            continue
        populations[name] = replace(populations[name], neuron=neuron)
        draft.changed(where, f"neurons are {text}", exact=exact)
    draft.program = replace(program, populations=tuple(populations.values()))
    return draft.outcome()


RANGE_REPAIRS = (
    Repair("stand-in", ("models",), "another model with the same steps", stand_in),
    Repair("reset", ("resets",), "the reset that the chip has", change_reset),
    Repair("clip-decays", ("decays",), "decays clipped to the range of the chip", clip_decays),
    Repair("clip-delays", ("delays",), "delays clipped to the range of the chip", clip_delays),
)
