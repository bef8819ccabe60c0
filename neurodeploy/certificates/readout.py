"""The checker's margins: how far the label's score stays above every other."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import columns_read, windowed
from neurodeploy.certificates.intervals import Pair
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, IntArray, M, wrap
from neurodeploy.neuron import Integrator
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.sim.reference import convolve
from neurodeploy.synapse import Conv2d, Dense

SCALE = 2**20


def plain(program: Any, low: NDArray[Any], high: NDArray[Any], label: IntArray) -> IntArray:
    """Return ``low[label] - largest other high`` of read-out variables ``(batch, T, *shape)``."""
    own = windowed(program, low)[np.arange(len(label)), label]
    others = windowed(program, high)
    others[np.arange(len(label)), label] = -(2**62)
    return np.asarray(own - others.max(axis=1))


class Linear:
    """A read-out whose scores are ``64 * rows @ sum_t weights[t] spikes[t]`` and a constant.

    It holds for an `Integrator` whose v is read and that one spiking population feeds, with one
    keep factor ku for all u and kv for all v. A spike adds to the sum over the window what a unit
    of current adds there, in parts of 1 / scale, rounded down: 1 where no fraction comes up, else
    2^20. Truncation takes less than 1 from a u or v a step, carried on like the state itself.
    """

    def __init__(self, plan: Plan, steps: int) -> None:
        readout = plan.program.readout
        stage = plan.stages[plan.program.index(readout.population)]
        neuron: Any = stage.population.neuron
        sources = {edge.source for edge in stage.incoming}
        self.source = -1
        if type(neuron) is not Integrator or readout.variable != "v" or len(sources) != 1:
            return
        keeps = [np.unique(d) for d in (neuron.current_decay, neuron.voltage_decay)]
        if not all(self._linear(plan, edge) for edge in stage.incoming) or any(
            len(k) != 1 for k in keeps
        ):
            return
        matrices = [_matrix(plan, edge) for edge in stage.incoming]
        self.drive = np.sum(matrices, axis=0)
        ku, kv = (1 - Fraction(int(k[0]), DECAY_ONE) for k in keeps)
        if not (0 <= ku <= 1 and 0 <= kv <= 1):
            return
        flat = [
            np.broadcast_to(x, stage.population.shape).reshape(-1).tolist()
            for x in (wrap(neuron.bias.astype(np.int64), BIAS_BITS), neuron.initial)
        ]
        self._derive(ku, kv, steps, columns_read(readout, steps), flat, readout.pool)
        if 64 * int(self._between.max()) * int(self.weights.sum()) < 2**53:
            self.source = sources.pop()

    @staticmethod
    def _linear(plan: Plan, edge: Edge) -> bool:
        if edge.from_input or edge.latency or edge.shift or edge.port != "a":
            return False
        if type(edge.synapse) not in (Dense, Conv2d) or edge.synapse.max_delay:
            return False
        reach = np.abs(edge.weight).reshape(len(edge.weight), -1).sum(axis=1).max()
        spikes = plan.stages[edge.source].population.neuron.spikes
        return bool(spikes and reach < 1 << (edge.bits - 1))

    def _derive(
        self, ku: Fraction, kv: Fraction, steps: int, window: int, flat: list[Any], pool: int
    ) -> None:
        def heard(start: int, current: int) -> Fraction:
            u, v, total = Fraction(current), Fraction(1), Fraction(0)
            for t in range(start, steps):
                total += v if t >= steps - window else 0
                u, v = u * ku, v * kv + u * ku
            return total

        of_spike = [heard(t, 1) for t in range(steps)]
        of_bias, of_initial = sum(heard(t, 0) for t in range(steps)), kv * heard(0, 0)
        whole = all(f.denominator == 1 for f in (*of_spike, Fraction(of_bias), of_initial))
        self.scale = 1 if whole else SCALE
        self.weights = np.array([int(f * self.scale) for f in of_spike])
        added = [
            int((64 * b * of_bias + v * of_initial) * self.scale // 1)
            for b, v in zip(*flat, strict=True)
        ]
        self.rows = self.drive.reshape(-1, pool, self.drive.shape[1]).sum(axis=1)
        self.constant = np.array(added).reshape(-1, pool).sum(axis=1)
        lost = ceil(self._lost(ku, kv, steps, window) * self.scale) + (self.scale > 1)
        self._between = np.abs(self.rows[:, None] - self.rows[None]).sum(axis=2)
        self.slack = 2 * pool * lost + (self.scale > 1) * 64 * steps * self._between
        held = steps * 64 * np.abs(np.array(flat[0])) + np.abs(np.array(flat[1]))
        self.room = (M - 1 - held) // (64 * (steps if ku else 1))

    @staticmethod
    def _lost(ku: Fraction, kv: Fraction, steps: int, window: int) -> Fraction:
        cuts_u, cuts_v = ku not in (0, 1), kv not in (0, 1)
        u, v, total = Fraction(0), Fraction(0), Fraction(0)
        for t in range(steps):
            u = u * ku + (cuts_u if t else 0)
            v = v * kv + u + cuts_v
            total += v if t >= steps - window else 0
        return total

    def margins(self, low: IntArray, high: IntArray, label: IntArray) -> IntArray:
        """Return the smallest margins for weighted spikes ``(batch, neurons)`` of an interval."""
        found = np.full(len(label), 2**62)
        for y in np.unique(label):
            at, others = label == y, [j for j in range(len(self.rows)) if j != y]
            less = 64 * (self.rows[y] - self.rows[others]).astype(np.float64)
            sums = low[at].astype(np.float64) @ np.maximum(less, 0).T
            sums += high[at].astype(np.float64) @ np.minimum(less, 0).T
            offset = self.constant[y] - self.constant[others] - self.slack[y][others]
            found[at] = (sums.astype(np.int64) + offset).min(axis=1, initial=2**62)
        return found

    def safe(self, most: IntArray) -> NDArray[np.bool_]:
        """Whether no u wraps and no v saturates. most : spikes per neuron, ``(batch, neurons)``."""
        up, down = np.maximum(self.drive, 0), np.maximum(-self.drive, 0)
        spikes = most.astype(np.float64)
        reach = np.maximum(spikes @ up.T.astype(np.float64), spikes @ down.T.astype(np.float64))
        return np.asarray((reach <= self.room).all(axis=1))


def weighted(spikes: list[Pair], weights: IntArray) -> Pair:
    """Return ``sum_t weights[t] * spikes[t]``, ``(batch, neurons)``, for both ends."""
    ends = []
    for end in (0, 1):
        total = sum(
            w * s[end].reshape(len(s[end]), -1) for w, s in zip(weights, spikes, strict=True)
        )
        ends.append(np.asarray(total, np.int64))
    return ends[0], ends[1]


def _matrix(plan: Plan, edge: Edge) -> IntArray:
    if edge.synapse.layout != "kernel":
        return edge.weight
    source = plan.stages[edge.source].population
    return convolve(
        np.eye(source.size, dtype=np.int64).reshape(-1, *source.shape),
        cast(Conv2d, edge.synapse),
        edge.weight,
    ).T
