"""The checker's own interval arithmetic: a pair (low, high) of int64 arrays for every value.

Aligned time, from rest, of programs that `neurodeploy.certificates.claims.known` knows. Feedback
arrives a step later. Sums that may wrap prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, IntArray, M, saturate, tz, wrap
from neurodeploy.neuron import Integrator
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.sim.reference import convolve, multiply
from neurodeploy.synapse import Conv2d

Pair = tuple[IntArray, IntArray]
Flags = NDArray[np.bool_]


class Run:
    """Intervals of all states, step by step. fails : ``(batch,)``, where nothing is proved."""

    def __init__(self, plan: Plan, batch: int) -> None:
        self.plan, self.step = plan, 0
        self.fails = np.zeros(batch, np.bool_)
        self._states = [self._rest(stage, batch) for stage in plan.stages]
        self._sent: list[Pair | None] = [None] * len(plan.stages)

    @staticmethod
    def _rest(stage: Stage, batch: int) -> tuple[Pair, Pair]:
        neuron: Any = stage.population.neuron
        u = np.zeros((batch, *stage.population.shape), np.int64)
        v = u + neuron.initial
        return (u, u), (v, v)

    def advance(self, inputs: Pair | None, given: dict[int, Pair]) -> list[tuple[Pair, Pair, Pair]]:
        """Run one step; return s, u and v of every population.

        inputs : ``(batch, size)``. given : spikes of populations that are known otherwise.
        """
        before, found = list(self._sent), []
        for stage in self.plan.stages:
            if stage.index in given:
                s = given[stage.index]
                u, v = self._states[stage.index]
            else:
                s, u, v = self._update(stage, inputs, before)
            self._states[stage.index] = u, v
            self._sent[stage.index] = s[0].reshape(len(s[0]), -1), s[1].reshape(len(s[1]), -1)
            found.append((s, u, v))
        self.step += 1
        return found

    def _update(
        self, stage: Stage, inputs: Pair | None, before: Sequence[Pair | None]
    ) -> tuple[Pair, Pair, Pair]:
        neuron: Any = stage.population.neuron
        shape = (len(self.fails), *stage.population.shape)
        nothing = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        ports = dict.fromkeys(neuron.ports, nothing)
        for edge in stage.incoming:
            others = before if edge.latency else self._sent
            sent = inputs if edge.from_input else others[edge.source]
            if sent is not None:
                low, high = ports[edge.port]
                least, most = (part.reshape(shape) for part in self.current(edge, sent))
                ports[edge.port] = low + least, high + most
        for low, high in ports.values():
            self._demand((low >= -(2**31)) & (high < 2**31))
        driven = any(edge.port == "bias" for edge in stage.incoming)
        u, v = self._charge(neuron, self._states[stage.index], ports, driven)
        if isinstance(neuron, Integrator):
            return nothing, u, v
        threshold = np.broadcast_to(neuron.threshold.astype(np.int64) << 6, shape)
        s = (v[0] > threshold).astype(np.int64), (v[1] > threshold).astype(np.int64)
        return s, u, _after(neuron.reset, v, threshold)

    def current(self, edge: Edge, sent: Pair) -> Pair:
        """Return what arrives over one edge, flat; sums that may wrap fail."""
        low, high = sent
        if edge.binary:
            surely, maybe = (low > 0) | (high < 0), (low != 0) | (high != 0)
            low, high = surely.astype(np.int64), maybe.astype(np.int64)
        if not edge.synapse.has_weight:
            return low, high
        up, down = np.maximum(edge.weight, 0), np.minimum(edge.weight, 0)
        least = self._sum(edge, low, up) + self._sum(edge, high, down)
        most = self._sum(edge, high, up) + self._sum(edge, low, down)
        self._demand((least >= -(1 << (edge.bits - 1))) & (most < 1 << (edge.bits - 1)))
        return least >> edge.shift, most >> edge.shift

    def _sum(self, edge: Edge, messages: IntArray, weight: IntArray) -> IntArray:
        if edge.synapse.layout != "kernel":
            return multiply(messages, weight)
        shape = self.plan.program.node(self.plan.program.connections[edge.index].source).shape
        return convolve(messages.reshape(-1, *shape), cast(Conv2d, edge.synapse), weight)

    def _charge(
        self, neuron: Any, state: tuple[Pair, Pair], ports: dict[str, Pair], driven: bool
    ) -> tuple[Pair, Pair]:
        """u = fold(tz(u ku) + g a), v = clip(tz(v kv) + u + g bias), end by end."""
        gain = 64
        if getattr(neuron, "gain", None) is not None and self.step < len(neuron.gain):
            gain = int(neuron.gain[self.step])
        ku, kv = (
            DECAY_ONE - d.astype(np.int64) for d in (neuron.current_decay, neuron.voltage_decay)
        )
        drive, bias = _scaled(ports["a"], gain), neuron.bias.astype(np.int64)
        mantissa = tuple(bias + part for part in ports["bias"])
        if driven:
            fits = [m == wrap(m, BIAS_BITS) for m in mantissa]
            self._demand(fits[0] & fits[1])
        offset = _scaled(tuple(wrap(m, BIAS_BITS) for m in mantissa), gain)
        low, high = (tz(end * ku) + part for end, part in zip(state[0], drive, strict=True))
        self._demand((low > -(2**31) + 2 * M) & (high < 2**31 - 2 * M))
        u = _folded(low, high)
        v = [saturate(tz(x * kv) + y + z) for x, y, z in zip(state[1], u, offset, strict=True)]
        return u, (v[0], v[1])

    def _demand(self, holds: Flags) -> None:
        self.fails |= ~holds.reshape(len(holds), -1).all(axis=1)


def _scaled(value: Any, factor: int) -> Pair:
    ends = value[0] * factor, value[1] * factor
    return (ends[1], ends[0]) if factor < 0 else ends


def _folded(low: IntArray, high: IntArray) -> Pair:
    """One correction by 2^24, over the pieces that -2^23 and 2^23 cut."""
    least, most = np.full_like(low, 2**62), np.full_like(low, -(2**62))
    for first, last, shift in ((-(2**40), -M, 2 * M), (1 - M, M, 0), (M + 1, 2**40, -2 * M)):
        start, end = np.maximum(low, first), np.minimum(high, last)
        there = start <= end
        least = np.where(there, np.minimum(least, start + shift), least)
        most = np.where(there, np.maximum(most, end + shift), most)
    return least, most


def _after(reset: str, v: Pair, threshold: IntArray) -> Pair:
    """v after the spike test: what stays at most at the threshold, and what becomes of the rest."""
    low, high = v
    if reset == "none":
        return v
    rests, fires = low <= threshold, high > threshold
    stay = low, np.minimum(high, threshold)
    fired: Pair = (np.zeros_like(low), np.zeros_like(low))
    if reset == "subtract":
        fired = saturate(np.maximum(low - threshold, 1)), saturate(high - threshold)
    least = np.where(fires, np.where(rests, np.minimum(stay[0], fired[0]), fired[0]), stay[0])
    most = np.where(fires, np.where(rests, np.maximum(stay[1], fired[1]), fired[1]), stay[1])
    return least, most
