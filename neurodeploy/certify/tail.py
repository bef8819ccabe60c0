"""The read-out as a weighted sum of spikes, so that margins are bounded pair by pair.

The scores are sums over a window of the membrane potential of an `Integrator` that one spiking
population feeds. A spike at step t adds to them ``64 * R[class, neuron] * kappa[t]``, where

    kappa[t] = sum over the columns tau >= t of the window of v[tau - t],
    u[d] = (ku / 4096)^d,  v[d] = sum over i <= d of (kv / 4096)^(d - i) u[i].

Decays truncate toward zero, each by less than 1; those errors, carried through the decays, are the
slack. Nothing may wrap or saturate on the way, see `Tail.safe`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import columns_read
from neurodeploy.bounds.interval import Interval
from neurodeploy.certify.weights import matrix
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, M, wrap
from neurodeploy.neuron import Integrator
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.synapse import Conv2d, Dense

SCALE = 1 << 20
"""Parts of a unit in which contributions are counted where decays make fractions of them."""
EXACT = 2**53
UNIT = 1 << MANTISSA_SHIFT
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tail:
    """Scores of a read-out as ``64 * rows @ k + constant``, with ``k = sum_t weights[t] s[t]``.

    source : index of the population that spikes. rows : int64 ``(classes, neurons)``. weights :
    int64 ``(T,)``, in parts of ``scale``. constant : int64 ``(classes,)``, of bias and initial.
    slack : int64 ``(classes, classes)``, what truncation may change in a difference of two scores.
    drive : int64 ``(outputs, neurons)``, before pooling. room : int64 ``(outputs,)``, the largest
    sum of spikes times |weight|, of one sign, that neither wraps nor saturates a state.
    """

    source: int
    rows: Integers
    weights: Integers
    scale: int
    constant: Integers
    slack: Integers
    drive: Integers
    room: Integers

    def contribution(self, spikes: Interval) -> Interval:
        """Return k of spikes ``(batch, T, *shape)``, as ``(batch, neurons)``."""
        low, high = (np.tensordot(s, self.weights, axes=(1, 0)) for s in (spikes.low, spikes.high))
        return Interval(low.reshape(len(low), -1), high.reshape(len(high), -1))

    def safe(self, most: Integers) -> NDArray[np.bool_]:
        """Whether nothing can wrap or saturate. most : spikes of each neuron, ``(batch, n)``."""
        spikes = most.astype(np.float64)
        signs = (np.maximum(self.drive, 0), np.maximum(-self.drive, 0))
        reach = np.maximum(*(spikes @ part.T.astype(np.float64) for part in signs))
        return np.asarray((reach <= self.room).all(axis=1))

    def margins(self, k: Interval, label: Integers) -> Integers:
        """Return the smallest ``score[label] - score[j]``, int64 ``(batch, classes)``.

        In parts of ``scale``; the entry of the label itself is the largest int64.
        """
        result = np.full((len(label), len(self.rows)), np.iinfo(np.int64).max)
        low, high = k.low.astype(np.float64), k.high.astype(np.float64)
        for y in np.unique(label):
            mine, others = label == y, np.arange(len(self.rows)) != y
            against = UNIT * (self.rows[y] - self.rows)[others]
            worst = low[mine] @ np.maximum(against, 0).T + high[mine] @ np.minimum(against, 0).T
            offset = (self.constant[y] - self.constant - self.slack[y])[others]
            result[np.ix_(mine, others)] = worst.astype(np.int64) + offset
        return result


def tail_of(plan: Plan, steps: int) -> Tail | None:
    """Return the read-out of ``plan`` over ``steps`` columns as a `Tail`, None where it is none."""
    readout = plan.program.readout
    stage = plan.stages[plan.program.index(readout.population)]
    neuron = stage.population.neuron
    if not isinstance(neuron, Integrator) or readout.variable != "v" or not _plain(plan, stage):
        return None
    kept = [DECAY_ONE - np.unique(d) for d in (neuron.current_decay, neuron.voltage_decay)]
    if any(len(k) != 1 or not 0 <= k[0] <= DECAY_ONE for k in kept):
        return None
    ku, kv = (Fraction(int(k[0]), DECAY_ONE) for k in kept)
    drive = sum(matrix(plan, edge) for edge in stage.incoming)
    response = _Response(ku, kv, steps, columns_read(readout, steps))
    return _tail(plan, stage, np.asarray(drive), response)


def _plain(plan: Plan, stage: Stage) -> bool:
    """Whether spikes of one population arrive, in their own step, over sums that cannot wrap."""
    edges = stage.incoming
    if len({edge.source for edge in edges}) != 1 or any(edge.from_input for edge in edges):
        return False
    if not plan.stages[edges[0].source].population.neuron.spikes:
        return False
    return all(_linear(plan, edge) for edge in edges)


def _linear(plan: Plan, edge: Edge) -> bool:
    """Whether the current of ``edge`` is a plain weighted sum of its spikes."""
    synapse, kind = edge.synapse, type(edge.synapse)
    if kind not in (Dense, Conv2d) or edge.port != "a" or edge.latency or synapse.max_delay:
        return False
    weight = np.abs(edge.weight).reshape(len(edge.weight), -1)
    return not edge.shift and int(weight.sum(axis=1).max()) < 1 << (edge.bits - 1)


class _Response:
    """What a unit of current at step t adds to the scores, without truncation, and its error."""

    def __init__(self, ku: Fraction, kv: Fraction, steps: int, window: int) -> None:
        self.ku, self.kv, self.steps, self.window = ku, kv, steps, window
        self.read = range(steps - window, steps)

    def of_current(self, start: int) -> Fraction:
        """Sum of v over the window for a current of 1 at ``start``."""
        return self._sum(Fraction(1), start)

    def of_v(self, start: int) -> Fraction:
        """Sum of v over the window for a 1 that is added to v at ``start``."""
        return self._sum(Fraction(0), start)

    def _sum(self, u: Fraction, start: int) -> Fraction:
        v, total = Fraction(1), Fraction(0)
        for step in range(start, self.steps):
            total += v if step in self.read else 0
            u *= self.ku
            v = v * self.kv + u
        return total

    @property
    def error(self) -> Fraction:
        """Largest truncation of one output's v, summed over the window."""
        rough = Fraction(0), Fraction(1)
        u = v = total = Fraction(0)
        for step in range(self.steps):
            if step:
                u = u * self.ku + (self.ku not in rough)
                v = v * self.kv + (self.kv not in rough) + u
            elif self.kv not in rough:
                v = Fraction(1)  # of the initial v
            total += v if step in self.read else 0
        return total


def _tail(plan: Plan, stage: Stage, drive: Integers, response: _Response) -> Tail | None:
    neuron: Any = stage.population.neuron
    shape, steps = stage.population.shape, response.steps
    bias = np.broadcast_to(wrap(neuron.bias.astype(np.int64), BIAS_BITS), shape).reshape(-1)
    initial = np.broadcast_to(neuron.initial.astype(np.int64), shape).reshape(-1)
    kappa = [response.of_current(t) for t in range(steps)]
    of_bias = sum((response.of_v(t) for t in range(steps)), Fraction(0))
    of_initial = response.of_v(0) * response.kv
    fractions = (*kappa, of_bias, of_initial)
    scale = 1 if all(f.denominator == 1 for f in fractions) else SCALE
    weights = np.array([int(f * scale) for f in kappa], np.int64)
    offsets = [
        UNIT * int(b) * of_bias * scale + int(v) * of_initial * scale
        for b, v in zip(bias, initial, strict=True)
    ]
    pool = plan.program.readout.pool
    rows = drive.reshape(-1, pool, drive.shape[1]).sum(axis=1)
    constant = np.array([int(x // 1) for x in offsets], np.int64).reshape(-1, pool).sum(axis=1)
    slack = 2 * pool * (ceil(response.error * scale) + (scale > 1))
    cut = (scale > 1) * UNIT * steps
    between = np.abs(rows[:, None] - rows[None]).sum(axis=2)
    states = steps if response.ku else 1
    held = steps * UNIT * np.abs(bias) + np.abs(initial)
    room = (M - 1 - held) // (UNIT * states)
    if UNIT * int(between.max()) * int(weights.sum()) >= EXACT:
        return None
    source = stage.incoming[0].source
    return Tail(source, rows, weights, scale, constant, slack + cut * between, drive, room)
