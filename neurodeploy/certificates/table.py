"""The checker's view of a table of segments: are they what the neurons do, and which are reached.

A segment claims one spike train for all currents from its start to the next one's. It is checked at
both ends: in between v cannot leave what the ends give, as long as the spikes so far are the same,
for it grows with the current. That needs decays from 0 to 4096, gains from 0 on and no wrap of u.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.certificates.claims import Claims
from neurodeploy.certificates.intervals import Pair
from neurodeploy.fixedpoint import DECAY_ONE, IntArray
from neurodeploy.neuron import CubaLif
from neurodeploy.program import Population
from neurodeploy.sim.dynamics import fresh_state, update

FAR = 2**40


class Table:
    """Segments by number and neuron. start, end : int64 ``(S, N)``, train : ``(S, T, N)``."""

    def __init__(self, claims: Claims) -> None:
        count, neurons = claims.table_count, len(claims.table_count)
        column = np.repeat(np.arange(neurons), count)
        row = np.arange(len(column)) - np.repeat(np.cumsum(count) - count, count)
        most = int(count.max(initial=1))
        self.start: IntArray = np.full((most, neurons), FAR)
        self.end: IntArray = np.full((most, neurons), -FAR)
        self.train = np.zeros((most, claims.columns, neurons), np.uint8)
        self.start[row, column] = claims.table_start
        self.end[row[1:] - 1, column[1:]] = claims.table_start[1:] - 1
        self.end[count - 1, np.arange(neurons)] = claims.table_end
        self.end[self.start == FAR] = -FAR
        self.train[row, :, column] = claims.table_train
        self._used = self.start < FAR

    def reached(self, values: IntArray, current: Pair) -> Pair:
        """Return the extremes of ``values`` ``(S, N)`` over the segments that ``current`` meets."""
        shape = current[0].shape
        low, high = np.full(shape, FAR), np.full(shape, -FAR)
        for start, end, value in zip(self.start, self.end, values, strict=True):
            meets = (start <= current[1]) & (end >= current[0])
            low = np.where(meets, np.minimum(low, value), low)
            high = np.where(meets, np.maximum(high, value), high)
        return low, high

    def covers(self, current: Pair) -> NDArray[np.bool_]:
        """Whether every current lies within its neuron's segments, ``(batch,)``."""
        inside = (current[0] >= self.start[0]) & (current[1] <= self.end.max(axis=0))
        return np.asarray(inside.all(axis=1))

    def problem(self, population: Population) -> str:
        """Return what is wrong with the table for ``population``, "" for nothing."""
        neuron = population.neuron
        if type(neuron) is not CubaLif or population.size != self.start.shape[1]:
            return "the table of segments does not belong to the first layer"
        decays = np.stack(np.broadcast_arrays(neuron.current_decay, neuron.voltage_decay))
        gains = np.zeros(1) if neuron.gain is None else neuron.gain
        if (decays < 0).any() or (decays > DECAY_ONE).any() or (gains < 0).any():
            return "the first layer has decays or gains for which segments prove nothing"
        if (self.start > self.end)[self._used].any():
            return "the table of segments is not in order"
        steps = self.train.shape[1]
        for ends in (self.start, self.end):
            spikes, wraps = _trains(population, np.where(self._used, ends, 0), steps)
            if wraps:
                return "a current of the table of segments wraps u"
            wrong = (spikes != self.train).any(axis=1) & self._used
            if wrong.any():
                at = int(np.argwhere(wrong)[0][1])
                return f"the table of segments is not what neuron {at} of the first layer does"
        return ""


def _trains(population: Population, current: IntArray, steps: int) -> tuple[NDArray[Any], bool]:
    """Return the spikes of constant currents ``(S, T, N)``, and whether some u wraps."""
    shape: Any = population.shape
    flat = {
        field.name: np.broadcast_to(value, shape).reshape(-1)
        for field in fields(population.neuron)
        if np.ndim(value := getattr(population.neuron, field.name)) and field.name != "gain"
    }
    neuron: Any = replace(population.neuron, **flat)
    gains = [64] if neuron.gain is None else [64, *neuron.gain.tolist()]
    if int(np.abs(current).max()) * max(gains) >= 2**31:
        return np.zeros((len(current), steps, current.shape[1])), True
    state = fresh_state(neuron, len(current), current.shape[1:])
    given = {"a": current, "bias": np.zeros_like(current)}
    spikes = np.stack([update(neuron, state, given, step) for step in range(steps)], axis=1)
    return spikes, bool(state.u_wraps.any())
