"""Interval steps of the sigma-delta family: `Delta`, `SigmaDelta` and `Sigma`.

Rules bear the names of `neurodeploy.sim.dynamics`; all sums wrap to int32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.bounds.interval import Flags, Interval, either, fits, interval, wrap
from neurodeploy.bounds.stepped import States, Stepped
from neurodeploy.fixedpoint import IntArray
from neurodeploy.fixedpoint import wrap as wrapped
from neurodeploy.neuron import Delta, Sigma, SigmaDelta
from neurodeploy.sim.dynamics import STATE_EXP

Currents = Mapping[str, Interval]
LOWEST = -(2**31)


def delta(neuron: Delta, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `Delta`."""
    return _send(neuron, states, currents["a"] << _exponent(neuron), {}, {})


def sigma_delta(neuron: SigmaDelta, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `SigmaDelta`."""
    total = states["sigma"] + currents["a"]
    sigma = wrap(total, 32)  # D0
    bias = wrapped(neuron.bias.astype(np.int64) << _exponent(neuron), 32)
    shifted = wrap(sigma + bias, 32)
    new = Interval(np.maximum(shifted.low, 0), np.maximum(shifted.high, 0))  # D1: ReLU
    early = ~fits(sigma + bias, 32)
    found = _send(neuron, states, new, {"sigma": total}, {"sigma": ~fits(total, 32)})
    return Stepped(
        found.sent,
        {"sigma": sigma, **found.states},
        found.wide,
        {**found.overflow, "act": found.overflow["act"] | early},
    )


def sigma(neuron: Sigma, states: States, currents: Currents, step: int) -> Stepped:
    """Step of `Sigma`."""
    total = states["sigma"] + currents["a"]
    held = wrap(total, 32)  # D0
    return Stepped(held, {"sigma": held}, {"sigma": total}, {"sigma": ~fits(total, 32)})


def _exponent(neuron: Delta | SigmaDelta) -> int:
    return neuron.spike_exp + STATE_EXP


def threshold_of(neuron: Delta | SigmaDelta) -> IntArray:
    """Return the threshold in units of act, wrapped to int32."""
    return wrapped(neuron.threshold.astype(np.int64) << _exponent(neuron), 32)


def _send(
    neuron: Delta | SigmaDelta,
    states: States,
    new_wide: Interval,
    wide: States,
    overflow: Mapping[str, Flags],
) -> Stepped:
    """Rules D2 to D4: send the change where it reaches the threshold, else keep it."""
    new = wrap(new_wide, 32)
    change = new - states["act"] + states["residue"]
    d = wrap(change, 32)  # D2
    threshold = threshold_of(neuron)
    may_rest, resting, may_send, sending = _split(d, threshold)
    nothing = interval(np.zeros_like(d.low))
    out = either(may_rest, nothing, may_send, sending)  # D3
    residue = either(may_rest, resting, may_send, nothing)
    return Stepped(
        out >> STATE_EXP,  # D4
        {"act": new, "residue": residue},
        {**wide, "act": new_wide.hull(change)},
        {**overflow, "act": ~(fits(new_wide, 32) & fits(change, 32))},
    )


def _split(d: Interval, threshold: IntArray) -> tuple[Flags, Interval, Flags, Interval]:
    """Part d into what is kept and what is sent: may it happen, and with which values.

    Sent is ``|d| >= threshold``; |-2^31| is -2^31, which only a threshold of -2^31 lets pass.
    """
    positive = threshold > 0
    lowest = (d.low == LOWEST) & (threshold != LOWEST)
    inner = Interval(np.maximum(d.low, 1 - threshold), np.minimum(d.high, threshold - 1))
    small = positive & (inner.low <= inner.high)
    resting = either(small, inner, lowest, interval(np.full_like(d.low, LOWEST)))
    down = Interval(d.low, np.where(positive, np.minimum(d.high, -threshold), d.high))
    up = Interval(np.where(positive, np.maximum(d.low, threshold), d.low), d.high)
    sends_down, sends_up = down.low <= down.high, up.low <= up.high
    return small | lowest, resting, sends_down | sends_up, either(sends_down, down, sends_up, up)
