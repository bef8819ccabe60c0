"""Headroom of the 24-bit states: how far u and v stay from 2^23, measured and bounded.

Measured, per population over all samples and steps: the largest |u| and the largest |v| before
the reset, ``v' = tz(v[t-1] * (4096 - voltage_decay)) + u[t] + 64 * bias``. Bounded, for any input
with values between the smallest and the largest one seen (a spike counts 1):

    a   <= a_hi = max over neurons of sum_j max(w_ij * m) over the values m of source j
    a   >= -a_lo, likewise with the minimum
    |u| <= 64 * max(a_hi, a_lo) * n,           n = min(steps, 4096 / current_decay)
    v'  <= (u_hi + 64 * b) * n',               n' = min(steps, 4096 / voltage_decay)
    v'  <= 64 * (threshold + b) + u_hi         where a spike resets v to zero
    v'  >= -(u_lo + 64 * b) * n'

Rounding toward zero only shrinks magnitudes. Headroom in bits is ``log2(2^23 / largest)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.presentation import Presentation
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, M, tz, wrap
from neurodeploy.neuron import CubaLif, HomeostaticLif, Integrator
from neurodeploy.program import Connection, Input, Population, Program
from neurodeploy.sim import compile
from neurodeploy.synapse import Conv2d, Dense
from neurodeploy.trace import LayerTrace

UNIT = 1 << MANTISSA_SHIFT
"""Value in u and v of one unit of current, bias or threshold."""
CONV_LIMIT = 1 << 23
"""A convolution accumulates in 24 bits; sums beyond this wrap, and no bound is given."""


@dataclass(frozen=True)
class Headroom:
    """Headroom of one population of the CUBA family.

    u_largest, v_largest : measured. u_bound, v_bound : for any input of that range, None where no
    bound is known. u_wraps, v_saturations : neuron-steps that overflowed.
    v_before_reset : False where v could be seen after the reset only.
    """

    population: str
    u_largest: int
    v_largest: int
    u_bound: int | None
    v_bound: int | None
    u_wraps: int
    v_saturations: int
    v_before_reset: bool

    @property
    def u_bits(self) -> float:
        """Measured headroom of u in bits, 0 where it wrapped."""
        return 0.0 if self.u_wraps else bits(self.u_largest)

    @property
    def v_bits(self) -> float:
        """Measured headroom of v in bits, 0 where it saturated."""
        return 0.0 if self.v_saturations else bits(self.v_largest)

    @property
    def proven(self) -> bool:
        """Whether no input of this range can overflow u or v."""
        bounds = (self.u_bound, self.v_bound)
        return all(bound is not None and bound < M for bound in bounds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        bounds = {"u_bound_bits": self.u_bound, "v_bound_bits": self.v_bound}
        derived = {k: None if v is None else bits(v) for k, v in bounds.items()}
        return {
            **vars(self),
            "u_bits": self.u_bits,
            "v_bits": self.v_bits,
            **derived,
            "proven": self.proven,
        }


def bits(largest: int) -> float:
    """Return ``log2(2^23 / largest)``, at most 23 (for 0) and negative beyond the limit."""
    return math.log2(M / max(largest, 1))


def headroom(
    program: Program, data: Presentation, *, run: Mapping[str, Any] | None = None
) -> tuple[Headroom, ...]:
    """Measure and bound the headroom of every CUBA population of ``program`` on ``data``.

    run : options of `neurodeploy.compile`, such as timing or engine.
    """
    options = dict(run or {})
    layers = [p for p in program.populations if isinstance(p.neuron, (CubaLif, Integrator))]
    simulator = compile(
        program, **{**options, "record": {population.name: ("u", "v") for population in layers}}
    )
    found = {population.name: _Largest() for population in layers}
    values, steps = Values(0, 0), 0
    for rows in data.chunks(program, variables=4):
        columns = data.columns(rows)
        steps = columns.shape[1]
        values = values.including(columns)
        trace = simulator.run(columns)
        for population in layers:
            own, activity = found[population.name], trace.activity
            own.see(population, trace[population.name], _reconstructs(program, population, options))
            own.u_wraps += int(activity.u_wraps[population.name].sum())
            own.v_saturations += int(activity.v_saturations[population.name].sum())
    bounds = _Bounds(program, values, steps, options)
    return tuple(_headroom(population, found[population.name], bounds) for population in layers)


@dataclass(frozen=True)
class Values:
    """Range of the messages of a source. low <= 0 <= high."""

    low: int
    high: int

    def including(self, array: NDArray[Any]) -> Values:
        """Return the range widened to hold ``array``."""
        if not array.size:
            return self
        return Values(min(self.low, int(array.min())), max(self.high, int(array.max())))


@dataclass
class _Largest:
    u: int = 0
    v: int = 0
    u_wraps: int = 0
    v_saturations: int = 0
    before_reset: bool = False

    def see(self, population: Population, layer: LayerTrace, exact: bool) -> None:
        """Take in the recorded u and v, ``(batch, steps, *shape)``."""
        self.before_reset = exact
        v = before_reset(population, layer.u, layer.v) if exact else layer.v.astype(np.int64)
        self.u = max(self.u, int(np.abs(layer.u.astype(np.int64)).max(initial=0)))
        self.v = max(self.v, int(np.abs(v).max(initial=0)))


def before_reset(population: Population, u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.int64]:
    """Return v before saturation and reset: ``tz(v[t-1] * kv) + u[t] + 64 * bias``.

    v[-1] is ``initial``.
    """
    neuron = population.neuron
    if not isinstance(neuron, (CubaLif, Integrator)):
        raise TypeError(f"population {population.name} is not of the CUBA family")
    keep = DECAY_ONE - neuron.voltage_decay.astype(np.int64)
    bias = UNIT * wrap(neuron.bias.astype(np.int64), BIAS_BITS)
    earlier = np.empty_like(v, dtype=np.int64)
    earlier[:, :1], earlier[:, 1:] = neuron.initial, v[:, :-1]
    return np.asarray(tz(earlier * keep) + u + bias, dtype=np.int64)


def _reconstructs(program: Program, population: Population, options: Mapping[str, Any]) -> bool:
    """Whether v before the reset follows from recorded u and v alone."""
    incoming = [c for c in program.connections if c.target == population.name]
    plain = getattr(population.neuron, "gain", None) is None
    return plain and options.get("reset_interval") is None and all(c.port == "a" for c in incoming)


def _headroom(population: Population, seen: _Largest, bounds: _Bounds) -> Headroom:
    u_bound, v_bound = bounds.states(population)
    return Headroom(
        population=population.name,
        u_largest=seen.u,
        v_largest=seen.v,
        u_bound=u_bound,
        v_bound=v_bound,
        u_wraps=seen.u_wraps,
        v_saturations=seen.v_saturations,
        v_before_reset=seen.before_reset,
    )


@dataclass(frozen=True)
class _Bounds:
    """What limits the states of a program for inputs within ``values``, over ``steps`` columns."""

    program: Program
    values: Values
    steps: int
    options: Mapping[str, Any]

    def states(self, population: Population) -> tuple[int | None, int | None]:
        """Return the bounds of |u| before it would wrap and of |v'|, None where unknown."""
        neuron = population.neuron
        current = self._current(population)
        if current is None or not isinstance(neuron, (CubaLif, Integrator)):
            return None, None
        memory_u, memory_v = self._memory(neuron.current_decay), self._memory(neuron.voltage_decay)
        if memory_u is None or memory_v is None or getattr(neuron, "gain", None) is not None:
            return None, None
        u_high, u_low = (math.ceil(UNIT * a * memory_u) for a in current)
        u_bound = max(u_high, u_low)
        return u_bound, _v_bound(neuron, u_high, u_low, memory_v) if u_bound < M else None

    def _current(self, population: Population) -> tuple[int, int] | None:
        """Return (a_hi, a_lo) with ``-a_lo <= a <= a_hi`` per step, or None where unknown."""
        high = low = 0
        for connection in self.program.connections:
            if connection.target == population.name:
                part = self._part(connection)
                if part is None:
                    return None
                high, low = high + part[0], low + part[1]
        return high, low

    def _part(self, connection: Connection) -> tuple[int, int] | None:
        messages = self._messages(connection)
        if messages is None or connection.port != "a" or self.options.get("weights") == "lava":
            return None
        synapse = connection.synapse
        if not isinstance(synapse, (Dense, Conv2d)):
            return messages.high, -messages.low
        weight = synapse.weight.astype(np.int64).reshape(len(synapse.weight), -1)
        ends = np.stack([weight * messages.low, weight * messages.high])
        high = int(ends.max(axis=0).sum(axis=1).max())
        low = int(-ends.min(axis=0).sum(axis=1).min())
        wraps = isinstance(synapse, Conv2d) and max(high, low) >= CONV_LIMIT
        return None if wraps else (high, low)

    def _messages(self, connection: Connection) -> Values | None:
        """Return the range of the source's messages; those of sigma-delta neurons are unknown."""
        graded = self.program.is_graded(connection.source, self.options.get("input_bits"))
        direct = not isinstance(connection.synapse, (Dense, Conv2d))
        if isinstance(self.program.node(connection.source), Input) and (graded or direct):
            return self.values
        return None if graded else Values(0, 1)

    def _memory(self, decay: NDArray[np.int32]) -> float | None:
        """Return how many full inputs a state can hold: ``min(steps, 4096 / decay)``.

        None for decays outside 0..4096, with which a state can grow.
        """
        smallest, largest = int(decay.min()), int(decay.max())
        if smallest < 0 or largest > DECAY_ONE:
            return None
        steps = float(self.steps)
        return steps if smallest == 0 else min(steps, DECAY_ONE / smallest)


def _v_bound(neuron: CubaLif | Integrator, u_high: int, u_low: int, memory: float) -> int | None:
    """Return the largest |v'|; None where a reset can raise v, by subtracting a negative one."""
    bias = wrap(neuron.bias.astype(np.int64), BIAS_BITS)
    bias_high, bias_low = UNIT * max(int(bias.max()), 0), UNIT * max(-int(bias.min()), 0)
    first_high, first_low = max(int(neuron.initial.max()), 0), max(-int(neuron.initial.min()), 0)
    low = math.ceil((u_low + bias_low) * memory) + first_low
    high = math.ceil((u_high + bias_high) * memory) + first_high
    if isinstance(neuron, CubaLif) and neuron.reset == "zero":
        high = min(high, max(_reached(neuron), first_high) + u_high + bias_high)
    elif isinstance(neuron, CubaLif) and neuron.reset == "subtract" and _falls_below_zero(neuron):
        return None
    return max(high, low)


def _falls_below_zero(neuron: CubaLif) -> bool:
    """Whether the threshold is or can become negative."""
    moved = isinstance(neuron, HomeostaticLif) and neuron.low < 0
    return moved or int(neuron.threshold.min()) < 0


def _reached(neuron: CubaLif) -> int:
    """Return the largest v that does not spike, at least 0; homeostatic thresholds move."""
    threshold = max(UNIT * int(neuron.threshold.max()), 0)
    return max(threshold, neuron.high) if isinstance(neuron, HomeostaticLif) else threshold
