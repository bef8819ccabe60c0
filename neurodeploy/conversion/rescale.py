"""Rescaling: the same network on smaller numbers, so that no input can make a state overflow.

A population whose weights, thresholds, biases and start are all multiplied by f has u and v
multiplied by f, up to rounding, and fires alike. Layer by layer the largest f is taken for which
the bounds of `neurodeploy.bounds` stay within 24 bits; what rounding to the coarser grid changes is
for `compared` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy, predictions
from neurodeploy.answers import Runner, settle
from neurodeploy.bounds import PopulationBounds, bound
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import PREFIX, encoder_from_metadata
from neurodeploy.errors import ModelError, ProgramError
from neurodeploy.fixedpoint import M
from neurodeploy.neuron import CubaLif, Integrator
from neurodeploy.program import Connection, Population, Program

ROOM = 0.98
"""Share of the width that is aimed at: rounding may add a little."""
TRIES = 60


@dataclass(frozen=True)
class Rescaling:
    """What became of one population. factor : of its numbers. levels : weights take, both signs."""

    population: str
    factor: float
    levels: int


@dataclass(frozen=True)
class Rescaled:
    """The new program, and what was rescaled; nothing where no state could overflow."""

    program: Program
    changes: tuple[Rescaling, ...]


@dataclass(frozen=True)
class Comparison:
    """Both programs on the same samples. differing : samples with another answer."""

    before: Accuracy
    after: Accuracy
    differing: int


def rescaled(program: Program, steps: int | None = None) -> Rescaled:
    """Return ``program`` with every population scaled down until no input makes it overflow.

    Inputs are what the program's encoder can give, else all values of the message width. steps : of
    a sample from rest; None for the encoder's columns, and for any number of them without one.

    Raises ModelError for a population whose numbers cannot be scaled together, ProgramError where
    scaling does not help.
    """
    low, high, columns = _inputs(program)
    factors: dict[str, float] = {}
    current = program
    for _ in range(TRIES):
        found = bound(current, low, high, steps=steps or columns, extrema=True)
        name = next((p.name for p in current.populations if found[p.name].may_overflow), None)
        if name is None:
            return Rescaled(current, tuple(_change(current, n, f) for n, f in factors.items()))
        _check(program, name)
        factors[name] = factors.get(name, 1.0) * _factor(found[name])
        current = _scaled(program, factors)
        if _vanished(current, name):
            break
    raise ProgramError(
        f"population {name}: may overflow until its weights are too small for the grid; run fewer "
        "steps, or let its states decay"
    )


def _vanished(program: Program, name: str) -> bool:
    """Whether all weights into a population are 0."""
    weights: list[Any] = [c.synapse for c in program.connections if c.target == name]
    return not any(synapse.weight.any() for synapse in weights)


def compared(before: Program, after: Program, data: Presentation) -> Comparison:
    """Run both on ``data``, each as it needs, and compare accuracy and answers."""
    answers = []
    for program in (before, after):
        runner = Runner(program, settle(program, data.steps))
        answers.append(np.concatenate([predictions(p.scores) for p in runner.run(data)]))
    first, second = (Accuracy.of(found, data.y) for found in answers)
    return Comparison(first, second, int((answers[0] != answers[1]).sum()))


def _inputs(program: Program) -> tuple[Any, Any, int | None]:
    """Return the ends of every input, and the columns of a sample where they are known."""
    low, high, columns = {}, {}, None
    encoder = encoder_from_metadata(program.metadata) if PREFIX in program.metadata else None
    for node in program.inputs:
        most = 2**node.message_bits - 1 if node.message_bits else 1
        least = -most if node.message_bits else 0
        if encoder is not None:
            most, columns = encoder.high, encoder.columns
            least = 0
        low[node.name] = np.full((1, 1, *node.shape), least)
        high[node.name] = np.full((1, 1, *node.shape), most)
    return low, high, columns


def _check(program: Program, name: str) -> None:
    """Raise ModelError unless all numbers of the population can be scaled."""
    neuron = program.populations[program.index(name)].neuron
    if type(neuron) not in (CubaLif, Integrator):
        raise ModelError(
            f"population {name}: may overflow, and is a {type(neuron).__name__}, which is not "
            "rescaled; train it on smaller weights"
        )
    for connection in program.connections:
        if connection.target == name and not connection.synapse.has_weight:
            raise ModelError(
                f"population {name}: may overflow, and is driven without weights by "
                f"{connection.source}; scale its input"
            )


def _factor(found: PopulationBounds) -> float:
    """Return what the bounds of a population must shrink by to fit."""
    over = [found.largest(state) / (M - 1) for state in ("u", "v") if state in found.wide]
    return min(ROOM / max([*over, ROOM]), ROOM)


def _scaled(program: Program, factors: Mapping[str, float]) -> Program:
    populations = tuple(
        _population(p, factors[p.name]) if p.name in factors else p for p in program.populations
    )
    connections = tuple(
        _connection(c, factors[c.target]) if c.target in factors else c for c in program.connections
    )
    return replace(program, populations=populations, connections=connections)


def _population(population: Population, factor: float) -> Population:
    neuron: Any = population.neuron
    scaled = {
        "bias": _rounded(neuron.bias, factor),
        "initial": _rounded(neuron.initial, factor),
    }
    if isinstance(neuron, CubaLif):
        scaled["threshold"] = np.maximum(_rounded(neuron.threshold, factor), 1)
    return replace(population, neuron=replace(neuron, **scaled))


def _connection(connection: Connection, factor: float) -> Connection:
    synapse: Any = connection.synapse
    weight = synapse.weight
    step = 2 if (weight % 2 == 0).all() else 1
    scaled = (step * np.rint(weight * (factor / step))).astype(np.int32)
    return replace(connection, synapse=replace(synapse, weight=scaled))


def _rounded(value: NDArray[Any], factor: float) -> NDArray[np.int32]:
    return np.asarray(np.rint(value * factor), np.int32)


def _change(program: Program, name: str, factor: float) -> Rescaling:
    weights: list[Any] = [c.synapse for c in program.connections if c.target == name]
    most = max(len(np.unique(synapse.weight)) for synapse in weights)
    return Rescaling(name, factor, most)
