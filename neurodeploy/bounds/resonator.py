"""Interval steps of `ResonateFire` and `ResonateFireIz`.

A rotation turns a box of (re, im) into one up to sqrt(2) times wider, in every step. The length of
the state is kept beside the box, since a rotation does not change it:

    length' <= |(cos, sin)| / 4096 * length + |(in_re, in_im)| + 2 * sqrt(2)

(four roundings toward zero, each off by less than 1); re and im lie within both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.bounds.interval import Interval, either, fits, interval, saturate, scale, tz, wrap
from neurodeploy.bounds.stepped import States, Stepped
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, IntArray, M
from neurodeploy.neuron import ResonateFire

Currents = Mapping[str, Interval]
ROUNDING = 3
"""More than the four roundings of a step add to the length, 2 * sqrt(2)."""
SLACK = 1 + 2.0**-40
"""More than float64 loses in a square root and three products."""


def resonate(neuron: ResonateFire, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `ResonateFire`: spikes when the phase crosses zero, no reset."""
    re, im, length, wide = _rotate(neuron, states, currents)
    threshold = threshold_of(neuron)
    before = states["im"]
    surely = (re.low >= threshold) & (im.low >= 0) & (before.high < 0)
    maybe = (re.high >= threshold) & (im.high >= 0) & (before.low < 0)
    sent = Interval(surely.astype(np.int64), maybe.astype(np.int64))  # F3
    return _stepped(sent, {"re": re, "im": im, "length": length}, wide, currents)


def resonate_iz(neuron: ResonateFire, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `ResonateFireIz`: a spike sets re = 0 and im just below the threshold."""
    re, im, length, wide = _rotate(neuron, states, currents)
    threshold = threshold_of(neuron)
    may_rest, may_fire = im.low < threshold, im.high >= threshold
    sent = Interval((~may_rest).astype(np.int64), may_fire.astype(np.int64))  # F3
    nothing, below = np.zeros_like(re.low), np.broadcast_to(threshold - 1, im.low.shape)
    resting = Interval(im.low, np.minimum(im.high, threshold - 1))
    after = {
        "re": either(may_rest, re, may_fire, interval(nothing)),  # F4
        "im": either(may_rest, resting, may_fire, interval(below)),
        "length": either(
            may_rest, length, may_fire, Interval(nothing, np.abs(below).astype(np.int64))
        ),
    }
    return _stepped(sent, after, wide, currents)


def threshold_of(neuron: ResonateFire) -> IntArray:
    """Return the threshold in units of the state."""
    return np.asarray(neuron.threshold, np.int64) << MANTISSA_SHIFT


def length_of(re: Interval, im: Interval) -> IntArray:
    """Return the length of the longest (re, im) of a box, rounded up."""
    return _up(np.hypot(re.magnitude.astype(np.float64), im.magnitude.astype(np.float64)))


def _up(value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> IntArray:
    raised: IntArray = np.ceil(value * SLACK).astype(np.int64)
    return raised


def _rotate(
    neuron: ResonateFire, states: States, currents: Currents
) -> tuple[Interval, Interval, Interval, dict[str, Interval]]:
    """Rules F1 and F2: the box that the rotation and the length allow, before any reset."""
    sin, cos = neuron.coefficients()
    re, im = states["re"], states["im"]
    in_re, in_im = (wrap(currents[port] << MANTISSA_SHIFT, 32) for port in ("re", "im"))
    earlier = length_of(re, im)
    if "length" in states:
        earlier = np.minimum(earlier, states["length"].high)
    shrink = np.hypot(sin.astype(np.float64), cos.astype(np.float64)) / DECAY_ONE
    limit = _up(shrink * earlier) + length_of(in_re, in_im) + ROUNDING
    re_wide = _inside(tz(scale(re, cos)) - tz(scale(im, sin)) + in_re, limit)  # F1
    im_wide = _inside(tz(scale(re, sin)) + tz(scale(im, cos)) + in_im, limit)
    new_re, new_im = saturate(re_wide), saturate(im_wide)  # F2
    length = Interval(np.zeros_like(limit), np.minimum(limit, length_of(new_re, new_im)))
    return new_re, new_im, length, {"re": re_wide, "im": im_wide}


def _inside(value: Interval, limit: IntArray) -> Interval:
    return Interval(np.maximum(value.low, -limit), np.minimum(value.high, limit))


def _stepped(sent: Interval, states: States, wide: States, currents: Currents) -> Stepped:
    overflow = {
        name: ~(wide[name].within(1 - M, M - 1) & fits(currents[name] << MANTISSA_SHIFT, 32))
        for name in ("re", "im")
    }
    return Stepped(sent, states, wide, overflow)
