"""Rules about what is joined to what and how much there is: fan-in, fan-out, pins, places.

What depends on which neurons share a core is a matter of placement; these rules hold for every
placement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.rules.limits import LimitRule, Use, counted, limit, stated
from neurodeploy.sim.fanout import fan_out


@limit("limits.fan_in_per_neuron_max", "limits.in_axons_per_core_max")
def fan_in(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A neuron listens to at most fan_in_per_neuron_max sources, and its core to all of them.

    The core's limit is in_axons_per_core_max: a neuron is on one core, so that more cores do not
    help. Where one axon stands for a whole population, a kernel takes none for each source.
    """
    limits = profile.limits
    shared = limits.choice("convolution_axons") == "population"
    told: dict[str, int] = {}
    for key in ("fan_in_per_neuron_max", "in_axons_per_core_max"):
        allowed = stated(limits.quantity(key))
        for population in program.populations if allowed is not None else ():
            by_axon = key == "in_axons_per_core_max" and shared
            used = fan_in_of(program, population, kernels_count=not by_axon)
            text = f"a neuron listens to {used} sources, {profile.name} takes {allowed}"
            where = f"population {population.name}"
            use = counted(where, f"limits.{key}", used, allowed or 0, text)
            if use.exceeds and told.get(where, used) <= (allowed or 0):
                use = replace(use, exceeds=False)  # the tighter limit has said so
            elif use.exceeds:
                told[where] = allowed or 0
            yield use


def fan_in_of(program: Program, population: Population, *, kernels_count: bool = True) -> int:
    """Return the most sources of one neuron: a source whose weights are all 0 is none.

    Borders of a kernel are not credited. kernels_count : whether a kernel's sources count one by
    one, or the whole of them as one.
    """
    matrices: dict[str, NDArray[np.bool_]] = {}
    total = np.zeros(1, np.int64)
    for connection in program.connections:
        rows = connection.synapse.rows
        if connection.target != population.name:
            continue
        if connection.synapse.layout == "matrix" and rows is not None:
            known = matrices.get(connection.source)
            matrices[connection.source] = (rows != 0) if known is None else known | (rows != 0)
        elif connection.synapse.layout == "kernel" and rows is not None:
            most = np.count_nonzero(rows, axis=1).max() if kernels_count else 1
            total = total + int(most)
        else:
            total = total + 1
    for used in matrices.values():
        total = total + np.count_nonzero(used, axis=1)
    return int(total.max())


@limit("limits.fan_out_per_neuron_max")
def fan_out_neurons(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A neuron reaches at most fan_out_per_neuron_max others."""
    allowed = stated(profile.limits.fan_out_per_neuron_max)
    if allowed is None:
        return
    for population in program.populations:
        used = fan_out_of(program, population.name)
        text = f"a neuron reaches {used} others, {profile.name} takes {allowed}"
        where = f"population {population.name}"
        yield counted(where, "limits.fan_out_per_neuron_max", used, allowed, text)


def fan_out_of(program: Program, source: str) -> int:
    """Return the most synapses with a weight other than 0 that one neuron drives."""
    parts = [
        fan_out(program, number).nonzero
        for number, connection in enumerate(program.connections)
        if connection.source == source
    ]
    return int(np.sum(parts, axis=0).max()) if parts else 0


@limit("limits.inputs_max")
def inputs(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The program has at most inputs_max input channels."""
    allowed = stated(profile.limits.inputs_max)
    if allowed is not None:
        used = sum(node.size for node in program.inputs)
        text = f"has {used} input channels, {profile.name} takes {allowed}"
        yield counted("inputs", "limits.inputs_max", used, allowed, text)


@limit("limits.outputs_max")
def outputs(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The population that is read has at most outputs_max neurons."""
    allowed = stated(profile.limits.outputs_max)
    if allowed is not None:
        used = read_population(program).size
        text = f"{used} neurons are read, {profile.name} has {allowed} outputs"
        where = f"population {program.readout.population}"
        yield counted(where, "limits.outputs_max", used, allowed, text)


@limit("limits.hidden_neurons_max")
def hidden(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The neurons that are not read are at most hidden_neurons_max on each chip."""
    allowed = stated(profile.limits.hidden_neurons_max)
    if allowed is not None:
        used = program.neurons - read_population(program).size
        text = f"has {used} neurons that are not read, {profile.name} holds {allowed}"
        yield counted("program", "limits.hidden_neurons_max", used, allowed, text)


def read_population(program: Program) -> Population:
    """Return the population that is classified with."""
    return program.populations[program.index(program.readout.population)]


@limit("limits.neurons_per_chip_max", "limits.neurons_per_core_max")
def neurons(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The neurons fit the chips that there are: ``chips_max`` times what a chip holds."""
    chip = neurons_per_chip(profile)
    if chip is not None:
        yield _chips("neurons", program.neurons, *chip, profile)


def neurons_per_chip(profile: ChipProfile) -> tuple[int, str] | None:
    """Return how many neurons a chip holds and which limit says so, None where none does."""
    limits = profile.limits
    cores, most = usable_cores(profile), stated(limits.neurons_per_core_max)
    known = {
        "limits.neurons_per_chip_max": stated(limits.neurons_per_chip_max),
        "limits.neurons_per_core_max": None if cores is None or most is None else cores * most,
    }
    found = [(value, key) for key, value in known.items() if value is not None]
    return min(found) if found else None


def usable_cores(profile: ChipProfile) -> int | None:
    """Return the cores of a chip less those that are reserved, None where that is not stated."""
    cores = stated(profile.limits.cores_per_chip)
    return None if cores is None else cores - (stated(profile.limits.cores_reserved) or 0)


@limit("limits.synapses_per_chip_max")
def synapses(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The synapses fit the chips that there are; a kernel that positions share counts once."""
    each = stated(profile.limits.synapses_per_chip_max)
    if each is not None:
        shared = profile.limits.choice("kernel_sharing") == "per-core"
        used = sum(
            synapses_of(program, number, shared) for number in range(len(program.connections))
        )
        yield _chips("synapses", used, each, "limits.synapses_per_chip_max", profile)


def synapses_of(program: Program, number: int, shared: bool) -> int:
    """Return the weights other than 0 of a connection; of a kernel once, or at every position."""
    synapse = program.connections[number].synapse
    if synapse.rows is None:
        return 0
    if synapse.layout == "kernel" and not shared:
        return int(fan_out(program, number).nonzero.sum())
    return int(np.count_nonzero(synapse.rows))


def _chips(what: str, used: int, each: int, key: str, profile: ChipProfile) -> Use:
    """Return the use of a chip; more than one is too much where the profile says how many."""
    most = stated(profile.limits.chips_max)
    allowed = each * (most or 1)
    exceeds = most is not None and used > allowed
    text = f"has {used:,} {what}, {profile.name} holds {allowed:,}"
    if used > allowed and most is None:
        text += f" on a chip and takes {math.ceil(used / each):,}"
    return Use("program", key, used, allowed, exceeds, text, more_cores_help=True)


CONFIGS: Mapping[str, tuple[str, ...]] = {
    "threshold_configs_per_core_max": ("threshold",),
    "compartment_configs_per_core_max": ("decay",),
}
"""Kinds of the fields whose distinct values a core has only so many places for."""


@limit("limits.synapse_formats_per_core_max", *(f"limits.{key}" for key in CONFIGS))
def configurations(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Distinct thresholds, decays and synapse formats of a population have places on its cores.

    A core holds at least one neuron, and a program has the cores of the chips that there are: more
    values than all of them together have places are too many.
    """
    cores = usable_cores(profile)
    chips = stated(profile.limits.chips_max)
    for key, kinds in CONFIGS.items():
        each = stated(profile.limits.quantity(key))
        for population in program.populations if each is not None else ():
            used = _distinct(population, kinds)
            needed = -(-used // (each or 1))
            exceeds = cores is not None and chips is not None and needed > cores * chips
            text = (
                f"has {used} different {' '.join(kinds)}s, {profile.name} has {each} places on "
                f"a core, so that it takes {needed} cores or more"
            )
            where = f"population {population.name}"
            yield Use(where, f"limits.{key}", used, each or 0, exceeds, text, True)
    yield from _formats(program, profile)


def _formats(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Every connection into a population has a format of its own, on each of its cores."""
    allowed = stated(profile.limits.synapse_formats_per_core_max)
    for population in program.populations if allowed is not None else ():
        used = sum(connection.target == population.name for connection in program.connections)
        text = f"{used} connections end there, {profile.name} has {allowed} formats on a core"
        where = f"population {population.name}"
        yield counted(where, "limits.synapse_formats_per_core_max", used, allowed or 0, text)


def _distinct(population: Population, kinds: tuple[str, ...]) -> int:
    """Return how many different tuples of those fields the neurons have."""
    fields = [
        np.broadcast_to(np.asarray(values), population.shape).reshape(-1)
        for name, values in population.neuron.having(*kinds).items()  # type: ignore[arg-type]
        if population.neuron.roles[name].per == "neuron"
    ]
    return len(np.unique(np.stack(fields), axis=1).T) if fields else 0


STRUCTURE_RULES: Mapping[str, LimitRule] = {
    rule.name: rule
    for rule in (
        fan_in,
        fan_out_neurons,
        inputs,
        outputs,
        hidden,
        neurons,
        synapses,
        configurations,
    )
}
