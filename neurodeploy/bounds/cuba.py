"""Interval steps of the CUBA family: `CubaLif`, `HomeostaticLif` and `Integrator`.

Rules bear the names of `neurodeploy.sim.dynamics`. u and v are monotone in what they are made of,
up to the correction of u by 2^24, which cuts its interval in pieces.

Source: interval arithmetic of the integer rules; the fire test of the moving threshold uses that
``v - vth(v)`` does not fall in v while ``theta <= 2^shift``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.bounds.interval import (
    Flags,
    Interval,
    correct_once,
    either,
    fits,
    interval,
    saturate,
    scale,
    tz,
    wrap,
)
from neurodeploy.bounds.stepped import States, Stepped
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, IntArray, M
from neurodeploy.neuron import CubaLif, Integrator

Currents = Mapping[str, Interval]


def cuba(neuron: CubaLif, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `CubaLif` (and of `HomeostaticLif`, whose threshold moves first)."""
    u, v, wide, overflow = _charge(neuron, states, currents, step)
    threshold = _Threshold(neuron, states, step)
    fires = threshold.fires(v)
    after, escaped = _reset(neuron, v, threshold, fires)
    moved = {"vth": threshold.after(v)} if neuron.moving_threshold else {}
    overflow["v"] = overflow["v"] | escaped
    return Stepped(fires, {"u": u, "v": after, **moved}, wide, overflow)


def integrator(neuron: Integrator, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `Integrator`, which sends nothing."""
    u, v, wide, overflow = _charge(neuron, states, currents, step)
    return Stepped(interval(np.zeros_like(v.low)), {"u": u, "v": v}, wide, overflow)


def keep(decay: IntArray) -> IntArray:
    """Return the factor ``4096 - decay``, int64."""
    return DECAY_ONE - decay.astype(np.int64)


def gain_at(neuron: CubaLif | Integrator, step: int) -> int:
    """Input mantissa of a step: ``gain[step]`` inside the sample, else 64."""
    gain = getattr(neuron, "gain", None)
    if gain is None or not 0 <= step < len(gain):
        return 1 << MANTISSA_SHIFT
    return int(gain[step])


def _charge(
    neuron: CubaLif | Integrator, states: States, currents: Currents, step: int
) -> tuple[Interval, Interval, States, dict[str, Flags]]:
    """Rules R1 to R3: u, v before its reset, both before their limits, and what may leave them."""
    gain = gain_at(neuron, step)
    mantissa = currents["bias"] + neuron.bias.astype(np.int64)
    bias = wrap(mantissa, BIAS_BITS)  # R3
    drive = scale(currents["a"], gain)
    decayed = tz(scale(states["u"], keep(neuron.current_decay)))
    u_wide = decayed + drive
    u = correct_once(wrap(decayed + wrap(drive, 32), 32))  # R1, R2
    v_wide = tz(scale(states["v"], keep(neuron.voltage_decay))) + u + scale(bias, gain)
    v = saturate(wrap(v_wide, 32))  # R3
    overflow = {
        "u": ~(u_wide.within(1 - M, M) & fits(drive, 32)),
        "v": ~v_wide.within(1 - M, M - 1),
        "bias": ~fits(mantissa, BIAS_BITS),
    }
    return u, v, {"u": u_wide, "v": v_wide, "bias": mantissa}, overflow


class _Threshold:
    """The threshold of one step as a function of v: constant, or moved by the error (rule R4a)."""

    def __init__(self, neuron: CubaLif, states: States, step: int) -> None:
        given: Any = neuron  # a record with a moving threshold has theta, signature and its range
        moves = neuron.moving_threshold and 0 <= step < len(given.signature)
        self.moving = given if moves else None
        self.step = step
        fixed = interval(neuron.threshold.astype(np.int64) << MANTISSA_SHIFT)
        self.before = states["vth"] if neuron.moving_threshold else fixed
        self.follows: Flags = np.array(True)
        if self.moving is not None:
            self.follows = np.asarray(self.moving.theta <= (1 << self.moving.shift))

    def at(self, v: IntArray, before: IntArray) -> IntArray:
        """Return ``clamp(vth + ((theta * (v - signature)) >> shift), low, high)``; monotone."""
        if self.moving is None:
            return before
        error = v - self.moving.signature[self.step].astype(np.int64)
        moved = before + ((self.moving.theta.astype(np.int64) * error) >> self.moving.shift)
        return np.asarray(np.clip(moved, self.moving.low, self.moving.high), np.int64)

    def after(self, v: Interval) -> Interval:
        """Return the threshold with which v is compared."""
        return Interval(self.at(v.low, self.before.low), self.at(v.high, self.before.high))

    def facing(self, v: Interval) -> Interval:
        """Return the threshold that the lower end of v meets at most, the upper one at least."""
        met = self.after(v)
        low = np.where(self.follows, self.at(v.high, self.before.low), met.low)
        high = np.where(self.follows, self.at(v.low, self.before.high), met.high)
        return Interval(low, high)

    def fires(self, v: Interval) -> Interval:
        """Rule R4: ``v > vth``, as an interval of 0 and 1."""
        facing = self.facing(v)
        return Interval(
            (v.low > facing.high).astype(np.int64), (v.high > facing.low).astype(np.int64)
        )


def _reset(
    neuron: CubaLif, v: Interval, threshold: _Threshold, fires: Interval
) -> tuple[Interval, Flags]:
    """Rule R5, and where the subtraction of a negative threshold may saturate."""
    may_rest, may_fire = fires.low == 0, fires.high == 1
    if neuron.reset == "none":
        return v, np.zeros_like(may_fire)
    resting = Interval(v.low, np.minimum(v.high, threshold.after(v).high))
    if neuron.reset == "zero":
        fired = interval(np.zeros_like(v.low))
        return either(may_rest, resting, may_fire, fired), np.zeros_like(may_fire)
    facing = threshold.facing(v)
    left = Interval(np.maximum(v.low - facing.high, 1), v.high - facing.low)
    escaped = may_fire & ~left.within(1 - M, M - 1)
    return either(may_rest, resting, may_fire, saturate(left)), escaped
