"""Intervals of states that one step does not leave, for currents that may take any value in theirs.

They are proposals: `neurodeploy.bounds.forever` lets the interval step of the model decide whether
they hold, and gives up on those that do not.

A state ``x <- tz(x * k) + a`` with ``0 <= k < 4096`` and ``a <= A``, ``A > 0``, that starts at or
below 0, never exceeds the smallest x with ``floor(x * k / 4096) + A <= x``:

    x = floor((A - 1) * 4096 / (4096 - k)) + 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurodeploy.bounds.cuba import gain_at, keep
from neurodeploy.bounds.interval import Interval, interval, scale, wrap
from neurodeploy.bounds.resonator import ROUNDING, SLACK, length_of
from neurodeploy.bounds.resonator import threshold_of as resonator_threshold
from neurodeploy.bounds.sigma_delta import threshold_of as message_threshold
from neurodeploy.bounds.stepped import States
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, IntArray, M
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.record import INT32_MAX, INT32_MIN
from neurodeploy.registry import ByType
from neurodeploy.sim.dynamics import STATE_EXP

Invariant = Callable[[Any, States, Mapping[str, Interval]], dict[str, Interval]]
"""``invariant(neuron, rest, currents)``: rest are the states before the first step."""
FAR = 2**40
"""Beyond every state: what grows without limit is limited by its width."""


def settled(drive: Interval, factor: IntArray) -> Interval:
    """Return where ``x <- tz(x * factor) + drive`` stays when it starts at 0.

    A negative factor turns the sign in every step, so that both sides count on both.
    """
    loss = DECAY_ONE - np.abs(factor)
    up, down = np.maximum(drive.high, 0), np.maximum(-drive.low, 0)
    either = np.maximum(up, down)
    up, down = (np.where(factor < 0, either, side) for side in (up, down))

    def reached(side: IntArray) -> IntArray:
        limit = np.where(loss > 0, (side - 1) * DECAY_ONE // np.maximum(loss, 1) + 1, FAR)
        limit = np.where((loss == 0) & (factor > 0) & (side == 0), 0, limit)
        return np.where((side == 0) & (loss > 0), 0, np.minimum(limit, FAR))

    return Interval(-reached(down), reached(up))


def cuba(
    neuron: CubaLif | Integrator, rest: States, currents: Mapping[str, Interval]
) -> dict[str, Interval]:
    """Geometric bounds of u and v; a reset to zero keeps v at or below the threshold."""
    gains = {gain_at(neuron, step) for step in (-1, *steps_apart(neuron))}
    bias = wrap(currents["bias"] + neuron.bias.astype(np.int64), BIAS_BITS)
    drive = _hull([scale(currents["a"], gain) for gain in gains])
    charge = _hull([scale(bias, gain) for gain in gains])
    u = settled(drive, keep(neuron.current_decay))
    fits = u.within(1 - M, M)
    u = Interval(np.where(fits, u.low, 1 - M), np.where(fits, u.high, M))
    found = {"u": u, **_threshold(neuron)}
    v = settled(u + charge + _lift(neuron), keep(neuron.voltage_decay))
    v = Interval(np.maximum(v.low, 1 - M), np.minimum(v.high, M - 1))
    if getattr(neuron, "reset", None) == "zero":
        top = found["vth"].high if "vth" in found else _mantissa(neuron)
        v = Interval(v.low, np.minimum(v.high, np.maximum(top, 0)))
    found["v"] = v.hull(rest["v"])
    return found


def steps_apart(neuron: Neuron) -> range:
    """Return the steps of a sample in which parameters may differ from those outside, step -1."""
    given = (getattr(neuron, name) for name in neuron.per_step)
    return range(max((len(value) for value in given if value is not None), default=0))


def _mantissa(neuron: CubaLif | Integrator) -> IntArray:
    threshold = getattr(neuron, "threshold", np.int32(0))
    return np.asarray(threshold, np.int64) << MANTISSA_SHIFT


def _threshold(neuron: Any) -> dict[str, Interval]:
    if not neuron.moving_threshold:
        return {}
    base = _mantissa(neuron)
    return {"vth": Interval(np.minimum(base, neuron.low), np.maximum(base, neuron.high))}


def _lift(neuron: CubaLif | Integrator) -> Interval:
    """Return what a reset by subtraction adds to v where the threshold is negative."""
    if getattr(neuron, "reset", None) != "subtract":
        return interval(0)
    lowest = _threshold(neuron)["vth"].low if "vth" in neuron.states else _mantissa(neuron)
    return Interval(np.zeros_like(lowest), np.maximum(-lowest, 0))


def _hull(values: list[Interval]) -> Interval:
    found = values[0]
    for value in values[1:]:
        found = found.hull(value)
    return found


def sigma_delta(neuron: Any, rest: States, currents: Mapping[str, Interval]) -> dict[str, Interval]:
    """A sum of messages grows without limit; what is kept back stays below the threshold."""
    a, found = currents["a"], dict[str, Interval]()
    if "sigma" in neuron.states:
        silent = (a.low == 0) & (a.high == 0)
        low, high = np.where(silent, 0, INT32_MIN), np.where(silent, 0, INT32_MAX)
        found["sigma"] = Interval(low, high)
    if "residue" in neuron.states:
        left = np.maximum(message_threshold(neuron) - 1, 0)
        found["residue"] = Interval(-left, left)
        driven = wrap(a << (neuron.spike_exp + STATE_EXP), 32)
        whole = Interval(np.zeros_like(a.low), np.full_like(a.high, INT32_MAX))
        found["act"] = (whole if "sigma" in neuron.states else driven).hull(rest["act"])
    return found


def resonator(
    neuron: ResonateFire, rest: States, currents: Mapping[str, Interval]
) -> dict[str, Interval]:
    """The length that a damped rotation reaches: ``(input + rounding) / (1 - damping)``."""
    sin, cos = neuron.coefficients()
    shrink = np.hypot(sin.astype(np.float64), cos.astype(np.float64)) / DECAY_ONE
    driven = length_of(*(wrap(currents[p] << MANTISSA_SHIFT, 32) for p in ("re", "im")))
    room = np.maximum(1 - shrink * SLACK, 2.0**-30)
    return _within(np.ceil((driven + ROUNDING + 2) / room * SLACK).astype(np.int64))


def resonator_iz(
    neuron: ResonateFireIz, rest: States, currents: Mapping[str, Interval]
) -> dict[str, Interval]:
    """As `resonator`; a spike puts im one below the threshold."""
    after_spike = resonator_threshold(neuron) - 1
    length = resonator(neuron, rest, currents)["length"].high
    found = _within(np.maximum(length, np.abs(after_spike)))
    return {**found, "im": found["im"].hull(after_spike)}


def _within(length: IntArray) -> dict[str, Interval]:
    side = np.minimum(length, M - 1)
    box = Interval(-side, side)
    return {"re": box, "im": box, "length": Interval(np.zeros_like(length), length)}


INVARIANTS: ByType[Invariant] = ByType(
    "invariant",
    Neuron,
    {
        CubaLif: cuba,
        HomeostaticLif: cuba,
        Integrator: cuba,
        Delta: sigma_delta,
        SigmaDelta: sigma_delta,
        Sigma: sigma_delta,
        ResonateFire: resonator,
        ResonateFireIz: resonator_iz,
    },
)
