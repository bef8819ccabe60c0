"""Rules about synapses: the widths and levels of weights, delays, and messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import weight_bits
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.rules.limits import LimitRule, Use, counted, limit, ranged, stated


def weight_range(profile: ChipProfile) -> tuple[int, int] | None:
    """Return the least and the largest weight that a word holds, None where that is not stated.

    ``-2^b..2^b - 1`` where the sign may belong to the connection, of which mixed signs take half
    the values; of two's complement ``-2^(b-1)..2^(b-1) - 1``, of a sign and a magnitude
    ``-(2^(b-1) - 1)..2^(b-1) - 1``, b = weight_bits.
    """
    bits = stated(profile.precision.weight_bits)
    if bits is None:
        return None
    encoding = profile.precision.choice("weight_encoding")
    if encoding in (None, "loihi"):
        return -(1 << bits), (1 << bits) - 1
    top = (1 << (bits - 1)) - 1
    return -top - (encoding == "twos-complement"), top


@limit("precision.weight_bits")
def weights(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Weights lie in the range of `weight_range` and take no more than weight_bits.

    Zero bits that all weights of a connection share are not counted; mixed signs count the sign,
    so that weights beyond half the range are even there. A word of fixed code has one range alone.
    """
    known, bits = weight_range(profile), stated(profile.precision.weight_bits)
    if known is None or bits is None:
        return
    key, fixed = "precision.weight_bits", profile.precision.choice("weight_encoding")
    for where, field, values in _weights(program):
        use = ranged(where, key, field, values, *known, profile)
        taken = weight_bits(values.astype(np.int64))
        if use.exceeds or fixed not in (None, "loihi"):
            yield use
            continue
        text = (
            f"{field} spans {values.min()} to {values.max()} and takes {taken} bits, "
            f"{profile.name} has {bits}; use even weights where signs are mixed"
        )
        yield counted(where, key, taken, bits, text)


@limit("precision.weight_sign_modes")
def signs(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The signs of a connection are a mode of the chip (``weight_sign_modes``)."""
    known = profile.precision.weight_sign_modes
    for where, field, values in _weights(program) if known else ():
        low, high = int(values.min()), int(values.max())
        mode = "mixed" if low < 0 < high else "inhibitory" if low < 0 else "excitatory"
        text = f"signs of {field} are {mode}, {profile.name} has {', '.join(known)}"
        exceeds = mode not in known and "mixed" not in known
        yield Use(where, "precision.weight_sign_modes", mode, ", ".join(known), exceeds, text)


def _weights(program: Program) -> Iterator[tuple[str, str, NDArray[np.int32]]]:
    """Yield (connection in words, field, weights) of every connection that has any."""
    for connection, name in zip(program.connections, program.connection_names, strict=True):
        for field, values in connection.synapse.having("weight").items():
            yield f"connection {name}", field, values


@limit("precision.weight_levels_per_neuron_max", "precision.weight_levels_per_core_max")
def weight_levels(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Weights have no more values than there are levels, zero not counted.

    Those into one neuron for the levels of a neuron; those into a whole population for the levels
    of a core, on which any of its neurons may come together. More cores help there where each
    neuron alone has few enough.
    """
    each = stated(profile.precision.weight_levels_per_neuron_max)
    core = stated(profile.precision.weight_levels_per_core_max)
    for population in program.populations:
        where = f"population {population.name}"
        if each is not None:
            used = levels_of(program, population.name)
            text = f"weights into a neuron have {used} values, {profile.name} has {each} levels"
            yield counted(where, "precision.weight_levels_per_neuron_max", used, each, text)
        if core is not None:
            used = len(levels_into(program, population.name))
            text = f"weights have {used} values, a core of {profile.name} has {core} levels"
            helps = used > core >= levels_of(program, population.name)
            yield counted(where, "precision.weight_levels_per_core_max", used, core, text, helps)


def levels_into(program: Program, population: str) -> NDArray[np.int32]:
    """Return the values other than 0 of all weights into a population, sorted."""
    parts = [
        np.unique(connection.synapse.rows)
        for connection in program.connections
        if connection.target == population and connection.synapse.rows is not None
    ]
    values = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)
    return np.asarray(values[values != 0])


def levels_of(program: Program, population: str) -> int:
    """Return the most values other than 0 that the weights into one neuron have."""
    size = program.populations[program.index(population)].size
    parts = [
        connection.synapse.rows
        for connection in program.connections
        if connection.target == population and connection.synapse.rows is not None
    ]
    alike = {len(part) for part in parts if part is not None}
    rows = alike.pop() if len(alike) == 1 else size  # kernels have a row for each channel
    most = 0
    for row in range(rows if parts else 0):
        into = [part[row * len(part) // rows] for part in parts if part is not None]
        values = np.concatenate(into)
        most = max(most, len(np.unique(values[values != 0])))
    return most


@limit("precision.delay_max_steps")
def delays(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Delays lie in delay_min_steps..delay_max_steps."""
    high = stated(profile.precision.delay_max_steps)
    low = stated(profile.precision.delay_min_steps) or 0
    for connection, name in zip(program.connections, program.connection_names, strict=True):
        for field, values in connection.synapse.having("delay").items():
            if high is not None and values is not None:
                where, key = f"connection {name}", "precision.delay_max_steps"
                yield ranged(where, key, field, values, low, high, profile)


@limit("precision.spike_payload_bits")
def messages(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Input messages take no more than spike_payload_bits; with none, neurons send events alone."""
    bits = stated(profile.precision.spike_payload_bits)
    if bits is None:
        return
    key = "precision.spike_payload_bits"
    for node in program.inputs:
        text = f"messages have {node.message_bits} bits, {profile.name} sends {bits}"
        yield counted(f"input {node.name}", key, node.message_bits, bits, text)
    for population in program.populations:
        if population.neuron.graded and bits == 0:
            text = f"neurons send values, {profile.name} sends events"
            yield Use(f"population {population.name}", key, "values", "events", True, text)


SYNAPSE_RULES: Mapping[str, LimitRule] = {
    rule.name: rule for rule in (weights, signs, weight_levels, delays, messages)
}
