"""The network in floats with one kind of number rounded as in the Program, the rest as it was.

Comparing its spikes with those of the source says what each rounding alone changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatDense,
    FloatNetwork,
    FloatPopulation,
    Floats,
)
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.program import Program

ROUNDINGS = ("weights", "decays", "thresholds", "biases")
STATE_UNIT = 64


def known_scales(network: FloatNetwork, program: Program) -> dict[str, float] | None:
    """Return the weight scale of every population, None where the Program does not say all."""
    found = {p.name: program.metadata.get(f"scale.{p.name}") for p in network.populations}
    scales = {name: float(s) for name, s in found.items() if isinstance(s, float) and s > 0}
    return scales if len(scales) == len(found) else None


def rounded(
    network: FloatNetwork, program: Program, scales: dict[str, float], *kinds: str
) -> FloatNetwork:
    """Return ``network`` with these ``kinds`` of numbers as ``program`` has them."""
    populations = tuple(_population(p, program, scales[p.name], kinds) for p in network.populations)
    by_name = {p.name: p for p in network.populations}
    connections = network.connections
    if "weights" in kinds:
        connections = tuple(
            _connection(c, held.synapse, by_name[c.target], scales[c.target])
            for c, held in zip(network.connections, program.connections, strict=True)
        )
    return replace(network, populations=populations, connections=connections)


def _gain(population: FloatPopulation) -> Floats:
    return np.asarray(population.current_gain * population.voltage_gain)


def _population(
    population: FloatPopulation, program: Program, scale: float, kinds: tuple[str, ...]
) -> FloatPopulation:
    neuron: Any = program.populations[program.index(population.name)].neuron
    gain = _gain(population)
    reads = population.threshold is None and gain.ndim > 0
    unit = np.asarray(scale) if reads else scale / np.abs(gain)
    result = population
    if "decays" in kinds:
        result = replace(
            result,
            current_decay=np.asarray(neuron.current_decay) / DECAY_ONE,
            voltage_decay=np.asarray(neuron.voltage_decay) / DECAY_ONE,
        )
    if "thresholds" in kinds and population.threshold is not None:
        result = replace(result, threshold=population.origin + neuron.threshold / unit)
    if "biases" in kinds:
        result = replace(
            result,
            drive=np.asarray(0.0),
            leak=np.asarray(neuron.bias / unit + result.voltage_decay * population.origin),
            start=population.origin + neuron.initial / (STATE_UNIT * unit),
        )
    return result


def _connection(
    connection: FloatConnection, held: Any, target: FloatPopulation, scale: float
) -> FloatConnection:
    gain = _gain(target)
    rows = scale * (gain if target.threshold is None and gain.ndim else np.sign(gain))
    if rows.ndim:
        dense = isinstance(connection.synapse, FloatDense)
        rows = rows.reshape(-1, 1) if dense else rows[:, :1, :1, None]
    return replace(connection, synapse=replace(connection.synapse, weight=held.weight / rows))
