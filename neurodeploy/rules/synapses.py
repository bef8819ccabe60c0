"""Rules about synapses: the widths of weights and messages, delays, and fan-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from neurodeploy.conditioning import weight_bits
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.rules.limits import Rule, Violation, outside, stated


def weights(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Weights lie in -2^b..2^b - 1, b = weight_bits, and take no more than b bits.

    Zero bits that all weights of a connection share are not counted; mixed signs count the sign,
    so that weights beyond half the range are even there.
    """
    bits = stated(profile.precision.weight_bits)
    if bits is None:
        return
    for connection, name in zip(program.connections, program.connection_names, strict=True):
        for field, values in connection.synapse.having("weight").items():
            where = f"connection {name}"
            found = list(
                outside("weights", where, field, values, -(1 << bits), (1 << bits) - 1, profile)
            )
            yield from found
            taken = weight_bits(values.astype(np.int64))
            if not found and taken > bits:
                text = (
                    f"{field} spans {values.min()} to {values.max()} and takes {taken} bits, "
                    f"{profile.name} has {bits}; use even weights where signs are mixed"
                )
                yield Violation("weights", where, taken, bits, False, text)


def delays(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Delays lie in delay_min_steps..delay_max_steps."""
    high = stated(profile.precision.delay_max_steps)
    low = stated(profile.precision.delay_min_steps) or 0
    for connection, name in zip(program.connections, program.connection_names, strict=True):
        for field, values in connection.synapse.having("delay").items():
            if high is not None and values is not None:
                yield from outside(
                    "delays", f"connection {name}", field, values, low, high, profile
                )


def messages(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Input messages take no more than spike_payload_bits."""
    bits = stated(profile.precision.spike_payload_bits)
    for node in program.inputs:
        if bits is not None and node.message_bits > bits:
            text = f"messages have {node.message_bits} bits, {profile.name} sends {bits}"
            yield Violation("messages", f"input {node.name}", node.message_bits, bits, False, text)


def fan_in(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """A neuron listens to at most fan_in_per_neuron_max sources, and its core to all of them.

    The core's limit is in_axons_per_core_max: a neuron is on one core, so that more cores do not
    help.
    """
    limits = profile.limits
    known = [stated(limits.fan_in_per_neuron_max), stated(limits.in_axons_per_core_max)]
    stated_limits = [limit for limit in known if limit is not None]
    if not stated_limits:
        return
    limit = min(stated_limits)
    for population in program.populations:
        sources = _fan_in(program, population)
        if sources > limit:
            text = f"a neuron listens to {sources} sources, {profile.name} takes {limit}"
            where = f"population {population.name}"
            yield Violation("fan_in", where, sources, limit, False, text)


def _fan_in(program: Program, population: Population) -> int:
    """Largest number of weights other than zero into one neuron; borders are not credited."""
    total = np.zeros(1, np.int64)
    for connection in program.connections:
        if connection.target == population.name:
            rows = connection.synapse.rows
            counts = np.ones(1, np.int64) if rows is None else np.count_nonzero(rows, axis=1)
            kernel = connection.synapse.layout == "kernel"
            total = total + (counts.max(keepdims=True) if kernel else counts)
    return int(total.max())


SYNAPSE_RULES: Mapping[str, Rule] = {
    "weights": weights,
    "delays": delays,
    "messages": messages,
    "fan_in": fan_in,
}
