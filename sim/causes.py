"""What may lie behind a divergence: signs that can be read from the traces and the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import NothingToCondition, changes
from neurodeploy.program import Population
from neurodeploy.record import told_fields
from neurodeploy.sim.plan import Plan, Stage, dense_groups, group_weights
from neurodeploy.sim.step_rules import RESET_RULE, current_rule

Arrays = Sequence[NDArray[Any]]
"""One variable in each engine, ``(samples, steps, cells)``."""


def parameters(population: Population, index: tuple[int, ...]) -> Mapping[str, int | str]:
    """Return the parameters of one neuron: numbers and names, time-dependent arrays left out."""
    neuron = population.neuron
    result: dict[str, int | str] = {}
    for name, value in told_fields(neuron):
        if value is None or name in neuron.per_step:
            continue
        if isinstance(value, np.ndarray):
            value = int(np.broadcast_to(value, population.shape)[index])
        result[name] = value
    return result


def plausible(
    plan: Plan, stage: Stage, column: int, arrays: Arrays, engines: Sequence[str]
) -> tuple[str, ...]:
    """Return the causes that fit, most telling first; each one line."""
    found = [
        *_shifted(column, arrays, engines),
        *_reset(plan, stage, column),
        *_start(stage, column),
        *_conditioning(plan, stage),
        *_arriving(stage),
    ]
    return tuple(found)


def _shifted(column: int, arrays: Arrays, engines: Sequence[str]) -> list[str]:
    """An engine that holds the same values one column earlier or later."""
    found = []
    for engine, other in zip(engines[1:], arrays[1:], strict=True):
        for one, two, word in ((arrays[0], other, "later"), (other, arrays[0], "earlier")):
            ahead, behind = one[:, column:-1], two[:, column + 1 :]
            if ahead.size and np.ptp(ahead) and np.array_equal(ahead, behind):
                found.append(
                    f"timing: {engine} has the values of {engines[0]} one column {word}, "
                    "from this column to the end"
                )
    return found


def _reset(plan: Plan, stage: Stage, column: int) -> list[str]:
    interval = plan.options.reset_interval
    resets = stage.population.neuron.resets
    if interval is None or stage.reset_column is None or not resets:
        return []
    late = (column - stage.reset_column) % interval
    if late == 0:
        return [f"reset: {stage.population.name} is cleared in this very column ({RESET_RULE})"]
    if late in (1, interval - 1):
        near = "one column after" if late == 1 else "one column before"
        return [f"reset: this is {near} a reset column of {stage.population.name}"]
    return []


def _start(stage: Stage, column: int) -> list[str]:
    if column == 0:
        return ["start: the first column of all, only initial state, biases and resets act here"]
    if column == stage.lead:
        return [f"start: the first column in which data reach {stage.population.name}"]
    return []


def _conditioning(plan: Plan, stage: Stage) -> list[str]:
    """Incoming dense weights that Lava's conditioning changes."""
    incoming = {edge.index for edge in stage.incoming}
    found = []
    for members in dense_groups(plan.program):
        if not incoming.intersection(members):
            continue
        try:
            compared = changes(group_weights(plan.program, members))
        except NothingToCondition:
            continue
        for k, change in zip(members, compared, strict=True):
            if change is not None and k in incoming:
                found.append(
                    f"weights: Lava's conditioning changes {change.entries} of {change.total} "
                    f"weights of "
                    f"{plan.program.connection_names[k]}, this run uses weights "
                    f"{plan.options.weights!r}"
                )
    return found


def _arriving(stage: Stage) -> list[str]:
    """How the current comes about, for each way in that differs from the others."""
    rules = {current_rule(edge.synapse): edge.name for edge in reversed(stage.incoming)}
    return [f"current of {name}: {text}" for text, name in reversed(rules.items())]
