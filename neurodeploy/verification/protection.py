"""Protection against faults, as changes of a Program: triplicated neurons, weights that fill words.

Others are settings: `neurodeploy.sim.faults.Encoding` for sign-magnitude words and saturating
reads, ``[perturbation] kind = "bit-flips"`` and ``[[hook]] kind = "clip"`` for training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions
from neurodeploy.answers import Recipe
from neurodeploy.answers.faulty import scored
from neurodeploy.errors import OptionError
from neurodeploy.program import Connection, Population, Program
from neurodeploy.sim.faults import LOIHI, NeuronFault

COPIES = 3
WEIGHT_LIMIT = 254
"""Largest weight of a matrix of mixed sign."""


@dataclass(frozen=True)
class Criticality:
    """What one neuron is worth. lost : answers lost when it is dead or stuck on, both together."""

    neuron: int
    lost: int


def critical_neurons(
    program: Program,
    recipe: Recipe,
    columns: NDArray[Any],
    labels: NDArray[Any],
    population: str,
) -> tuple[Criticality, ...]:
    """Return the neurons of a population, those whose faults lose most answers first."""
    size = program.node(population).size
    kinds = ("dead", "stuck-on")
    faults = [(NeuronFault(population, n, kind),) for n in range(size) for kind in kinds]
    answers = np.concatenate(
        [predictions(scores) for _, scores in scored(program, recipe, columns, faults)]
    ).reshape(size, len(kinds) * len(labels))
    wrong = (answers != np.tile(labels, len(kinds))).sum(axis=1)
    order = sorted(range(size), key=lambda n: (-int(wrong[n]), n))
    return tuple(Criticality(n, int(wrong[n])) for n in order)


def triplicated(program: Program, population: str, neurons: Sequence[int]) -> Program:
    """Return ``program`` with three of each of those neurons, which share their outgoing weights.

    Each copy has the incoming weights and parameters of the neuron; its outgoing weight w becomes
    even parts of w / 3, whose sum is w: without faults every answer is as before, and what happens
    to one copy counts a third.

    Raises OptionError for a population that is no flat one between matrices without delays, and
    for odd weights on the way out.
    """
    place = _flat(program, population)
    size = place.size
    chosen = sorted(set(neurons))
    if not chosen or chosen[0] < 0 or chosen[-1] >= size:
        raise OptionError(f"triplication: neurons of {population} are 0 to {size - 1}")
    order = np.concatenate([np.arange(size), *[chosen] * (COPIES - 1)]).astype(np.intp)
    connections = []
    for connection in program.connections:
        synapse: Any = connection.synapse
        if connection.target == population:
            synapse = replace(synapse, weight=synapse.weight[order])
        if connection.source == population:
            synapse = replace(synapse, weight=_shared(synapse.weight, chosen, connection))
        connections.append(replace(connection, synapse=synapse))
    neuron: Any = place.neuron
    own = {
        name: getattr(neuron, name)[order]
        for name in neuron.roles
        if np.shape(getattr(neuron, name)) == (size,)
    }
    wider = Population(population, (len(order),), replace(neuron, **own))
    populations = [wider if p.name == population else p for p in program.populations]
    return replace(program, populations=tuple(populations), connections=tuple(connections))


def _flat(program: Program, population: str) -> Population:
    """Return a population that can grow. Raises OptionError for another."""
    if population not in program.names:
        raise OptionError(f"no population {population!r}, there are {', '.join(program.names)}")
    place = program.populations[program.index(population)]
    around = [c for c in program.connections if population in (c.source, c.target)]
    simple = all(
        c.synapse.layout == "matrix" and c.synapse.max_delay == 0 and not c.feedback for c in around
    )
    if len(place.shape) != 1 or not simple or population == program.readout.population:
        raise OptionError(
            f"triplication: {population} is no flat hidden population between matrices without "
            "delays and feedback"
        )
    return place


def _shared(
    weight: NDArray[np.int32], chosen: Sequence[int], connection: Connection
) -> NDArray[np.int32]:
    """Return ``(out, in)`` with the columns of the chosen neurons in three even parts."""
    columns = weight[:, chosen]
    if np.any(columns % 2):
        raise OptionError(
            f"triplication: weights of {connection.source}->{connection.target} are odd, even ones "
            "can be shared"
        )
    third = 2 * np.rint(columns / (2 * COPIES)).astype(np.int32)
    result = weight.copy()
    result[:, chosen] = columns - (COPIES - 1) * third
    return np.concatenate([result, *[third] * (COPIES - 1)], axis=1)


def rescaled(program: Program) -> Program:
    """Return ``program`` with the weights into each spiking population filling their word.

    Weights, thresholds and biases of a population are multiplied by the largest factor that keeps
    the weights within the word that they have, ``(2^(bits - 1) - 1) / max |w / 2|``, then rounded,
    weights to even ones: the highest bit is then worth no more than the largest weight.

    Raises OptionError for a population that has more than matrices to add up.
    """
    populations, connections = list(program.populations), list(program.connections)
    for k, population in enumerate(program.populations):
        neuron: Any = population.neuron
        incoming = [i for i, c in enumerate(program.connections) if c.target == population.name]
        if not neuron.spikes or "threshold" not in neuron.roles:
            continue
        if any(not program.connections[i].synapse.has_weight for i in incoming):
            raise OptionError(f"rescaling: {population.name} is driven past its weights")
        weights = [np.asarray(program.connections[i].synapse.rows) for i in incoming]
        factor = _factor(max(int(np.abs(w).max()) for w in weights))
        for i, _ in zip(incoming, weights, strict=True):
            synapse: Any = connections[i].synapse
            scaled = 2 * np.rint(synapse.weight * (factor / 2)).astype(np.int32)
            connections[i] = replace(connections[i], synapse=replace(synapse, weight=scaled))
        own = {
            "threshold": _rounded(neuron.threshold, factor, 2**LOIHI.threshold_bits - 1),
            "bias": _rounded(neuron.bias, factor, 2 ** (LOIHI.bias_bits - 1) - 1),
        }
        populations[k] = replace(population, neuron=replace(neuron, **own))
    return replace(program, populations=tuple(populations), connections=tuple(connections))


def _factor(largest: int) -> float:
    """Return how much weights may grow before they need another bit."""
    half = max(largest // 2, 1)
    return min(float(2 ** half.bit_length() - 1) / half, WEIGHT_LIMIT / max(largest, 1))


def _rounded(value: NDArray[np.int32], factor: float, limit: int) -> NDArray[np.int32]:
    return np.asarray(np.clip(np.rint(value * factor), -limit, limit), np.int32)
