"""Closed forms of what u and v can reach: looser than intervals, and easy to check by eye.

a   <= a_hi = max over neurons of sum_j max(w_ij * m) over the values m of source j
a   >= -a_lo, likewise with the minimum
|u| <= 64 * max(a_hi, a_lo) * n,           n = min(steps, 4096 / current_decay)
v'  <= (u_hi + 64 * b) * n',               n' = min(steps, 4096 / voltage_decay)
v'  <= 64 * (threshold + b) + u_hi         where a spike resets v to zero
v'  >= -(u_lo + 64 * b) * n'
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import neurodeploy as nd

Range = tuple[int, int]
CONV_LIMIT = 2**23


def reach(
    program: nd.Program, population: nd.Population, values: Range, steps: int
) -> tuple[int | None, int | None]:
    """Return bounds of |u| and of |v'|, None where this form has none."""
    neuron = population.neuron
    if not isinstance(neuron, (nd.CubaLif, nd.Integrator)):
        return None, None
    current = _current(program, population, values)
    memories = [_memory(d, steps) for d in (neuron.current_decay, neuron.voltage_decay)]
    if current is None or None in memories or getattr(neuron, "gain", None) is not None:
        return None, None
    high, low = (math.ceil(64 * a * memories[0]) for a in current)
    u_bound = max(high, low)
    return u_bound, _v(neuron, high, low, memories[1]) if u_bound < 2**23 else None


def _current(program: nd.Program, population: nd.Population, values: Range) -> Range | None:
    high = low = 0
    for connection in program.connections:
        if connection.target != population.name:
            continue
        messages = _messages(program, connection, values)
        if messages is None or connection.port != "a":
            return None
        synapse = connection.synapse
        if isinstance(synapse, nd.Direct):
            part = messages[1], -messages[0]
        else:
            weight = synapse.weight.astype(np.int64).reshape(len(synapse.weight), -1)
            ends = np.stack([weight * messages[0], weight * messages[1]])
            part = (
                int(ends.max(axis=0).sum(axis=1).max()),
                int(-ends.min(axis=0).sum(axis=1).min()),
            )
        if isinstance(synapse, nd.Conv2d) and max(part) >= CONV_LIMIT:
            return None
        high, low = high + part[0], low + part[1]
    return high, low


def _messages(program: nd.Program, connection: nd.Connection, values: Range) -> Range | None:
    graded = program.is_graded(connection.source)
    direct = isinstance(connection.synapse, nd.Direct)
    if isinstance(program.node(connection.source), nd.Input) and (graded or direct):
        return values
    return None if graded else (0, 1)


def _memory(decay: Any, steps: int) -> float | None:
    smallest, largest = int(decay.min()), int(decay.max())
    if smallest < 0 or largest > 4096:
        return None
    return float(steps) if smallest == 0 else min(float(steps), 4096 / smallest)


def _v(neuron: Any, u_high: int, u_low: int, memory: float) -> int | None:
    bias = neuron.bias.astype(np.int16).astype(np.int64)
    bias_high, bias_low = 64 * max(int(bias.max()), 0), 64 * max(-int(bias.min()), 0)
    first_high, first_low = max(int(neuron.initial.max()), 0), max(-int(neuron.initial.min()), 0)
    low = math.ceil((u_low + bias_low) * memory) + first_low
    high = math.ceil((u_high + bias_high) * memory) + first_high
    moving = isinstance(neuron, nd.HomeostaticLif)
    if isinstance(neuron, nd.Integrator):
        return max(high, low)
    if neuron.reset == "zero":
        top = max(64 * int(neuron.threshold.max()), neuron.high if moving else 0)
        high = min(high, max(top, first_high) + u_high + bias_high)
    lowest = min(int(neuron.threshold.min()), neuron.low if moving else 0)
    if neuron.reset == "subtract" and lowest < 0:
        return None
    return max(high, low)
