"""Which neuron updates have work to do: a state, or what arrives, is other than 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe, Runner
from neurodeploy.answers.runner import Samples
from neurodeploy.program import Population, Program

Flags = NDArray[np.bool_]
NO_STATE = ("s", "vth")
"""Recorded names that do not tell whether a neuron rests: messages, and a threshold."""


def active_updates(
    program: Program, samples: Samples, recipe: Recipe
) -> Mapping[str, NDArray[np.int64]]:
    """Return the active updates of each population, int64 ``(samples,)``, of a run by ``recipe``.

    The update of neuron i in step t is active where ``x[t - 1, i] != 0`` or ``x[t, i] != 0`` for a
    state x, or where it sends a message in step t. From rest, a current arrives where u[t] is not
    0, and a bias where v[t] is not 0 or a spike cleared it, so that nothing that arrives is missed
    but currents that cancel exactly.

    The run is made again to see its states; engines that record none of them raise OptionError.
    """
    states = {
        p.name: tuple(x for x in p.neuron.variables if x not in NO_STATE)
        for p in program.populations
    }
    record = {name: ("s", *names) for name, names in states.items()}
    runner = Runner(program, recipe, record=record)
    before = {p.name: _at_rest(p) for p in program.populations}
    counts: dict[str, list[NDArray[np.int64]]] = {p.name: [] for p in program.populations}
    for piece in runner.run(samples):
        for population in program.populations:
            name = population.name
            arrays = piece.arrays[name]
            shape = (*arrays["s"].shape[:2], population.size)
            active = np.logical_or.reduce([arrays[x] != 0 for x in states[name]]).reshape(shape)
            earlier = _earlier(active, before[name], recipe.streamed)
            sent = (arrays["s"] != 0).reshape(shape)
            counts[name].append(np.count_nonzero(active | earlier | sent, axis=(1, 2)))
            if recipe.streamed:
                before[name] = active[-1, -1]
    return {name: np.concatenate(parts).astype(np.int64) for name, parts in counts.items()}


def _at_rest(population: Population) -> Flags:
    """Return which neurons hold something before the first step, ``(neurons,)``."""
    initial = population.neuron.having("initial").get("initial", 0)
    held = np.broadcast_to(np.asarray(initial) != 0, population.shape)
    return held.reshape(-1).copy()


def _earlier(active: Flags, rest: Flags, streamed: bool) -> Flags:
    """Return ``active`` ``(samples, T, neurons)`` one step earlier; ``rest`` before the first."""
    if streamed:
        flat = active.reshape(-1, active.shape[2])
        shifted: Flags = np.concatenate([rest[None], flat[:-1]])
        return shifted.reshape(active.shape)
    first = np.broadcast_to(rest, (len(active), 1, len(rest)))
    return np.asarray(np.concatenate([first, active[:, :-1]], axis=1), np.bool_)
