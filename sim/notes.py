"""Which arithmetic a plan asks of the native engine, in words: for the log at debug level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import CubaLif, Integrator
from neurodeploy.sim.plan import Edge, Plan, Stage

INT16_MAX = 2**15 - 1
LARGEST_CURRENT = 2**18
"""Bound of a current that the 32-bit updates take for granted; beyond it they look first."""


def notes(plan: Plan) -> Iterator[str]:
    """Yield one line per connection and population, in the order in which they run."""
    for stage in plan.stages:
        yield from (_sums(edge) for edge in stage.incoming)
        yield _update(stage)


def _sums(edge: Edge) -> str:
    """Narrow sums need ``sum |w| <= 2^15 - 1`` over the inputs of every neuron."""
    if edge.given is None:
        return f"connection {edge.name}: no weights"
    rows = edge.given.reshape(len(edge.given), -1).astype(np.int64)
    largest, bound = int(np.abs(rows).max()), int(np.abs(rows).sum(axis=1).max())
    if not edge.binary:
        return f"connection {edge.name}: 32-bit sums, messages count by value"
    if largest > INT16_MAX:
        return f"connection {edge.name}: 32-bit weights, the largest is {largest} > {INT16_MAX}"
    if bound > INT16_MAX:
        return f"connection {edge.name}: 16-bit weights, 32-bit sums of up to {bound}"
    return f"connection {edge.name}: 16-bit weights, 16-bit sums of up to {bound}"


def _update(stage: Stage) -> str:
    neuron, where = stage.population.neuron, f"population {stage.population.name}"
    if neuron.graded:
        return f"{where}: 32-bit update modulo 2^32, as the model is"
    if isinstance(neuron, (CubaLif, Integrator)):
        for name in ("current_decay", "voltage_decay"):
            values = getattr(neuron, name)
            low, high = int(values.min()), int(values.max())
            if low < 0 or high > DECAY_ONE:
                return f"{where}: 64-bit update, {name} is {low} to {high}, beyond 0 to {DECAY_ONE}"
    bounds = [_bound(edge) for edge in stage.incoming]
    if None in bounds or sum(b for b in bounds if b) > LARGEST_CURRENT:
        return f"{where}: 32-bit update, 64-bit in columns with currents beyond {LARGEST_CURRENT}"
    return f"{where}: 32-bit update"


def _bound(edge: Edge) -> int | None:
    """Return the largest magnitude of a current, None where messages count by value."""
    if edge.given is None or not edge.binary:
        return None
    rows = edge.given.reshape(len(edge.given), -1).astype(np.int64)
    return int(np.abs(rows).sum(axis=1).max())
