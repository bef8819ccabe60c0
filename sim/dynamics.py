"""What each neuron model computes in one step: the definition, one rule per line.

States and currents are int64 arrays ``(batch, *shape)``; parameters broadcast against them. Rule
names (R0..) are those that a comparison quotes when engines differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import (
    BIAS_BITS,
    MANTISSA_SHIFT,
    IntArray,
    M,
    correct_once,
    saturate,
    tz,
    wrap,
)
from neurodeploy.fixedpoint import DECAY_ONE as ONE
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

STATE_EXP = 6
"""Fraction bits that sigma-delta states keep below a message."""


@dataclass
class State:
    """State of one population: variables by name (those recorded, ``s`` aside) and counters.

    variables : int64 ``(batch, *shape)``. u_wraps, v_saturations : int64 ``(batch,)``.
    """

    variables: dict[str, IntArray]
    u_wraps: IntArray
    v_saturations: IntArray

    def count(self, counter: IntArray, mask: NDArray[np.bool_]) -> None:
        """Add the number of set cells of each sample to ``counter``."""
        counter += mask.reshape(mask.shape[0], -1).sum(axis=1)


def fresh_state(neuron: Neuron, batch: int, shape: tuple[int, ...]) -> State:
    """Return the state before the first step: zero, v at ``initial``, vth at its base."""
    names = [*neuron.variables[1:], *(("residue",) if "act" in neuron.variables else ())]
    variables = {name: np.zeros((batch, *shape), np.int64) for name in names}
    state = State(variables, np.zeros(batch, np.int64), np.zeros(batch, np.int64))
    clear(neuron, state)
    return state


def clear(neuron: Neuron, state: State) -> None:
    """Rule R0: a due reset sets u = 0, v = initial (and vth to its base); CUBA family only."""
    if isinstance(neuron, (CubaLif, Integrator)):
        state.variables["u"][:] = 0
        state.variables["v"][:] = neuron.initial
    if isinstance(neuron, HomeostaticLif):
        state.variables["vth"][:] = _mantissa(neuron.threshold)


def update(neuron: Neuron, state: State, currents: dict[str, IntArray], step: int) -> IntArray:
    """Advance ``state`` by one step and return the messages ``s``, int64 ``(batch, *shape)``.

    currents : per port of the neuron, int32-valued. step : steps since the sample's first data.
    """
    if isinstance(neuron, (CubaLif, Integrator)):
        return _cuba(neuron, state, currents["a"], currents["bias"], step)
    if isinstance(neuron, Delta):
        return _delta(neuron, state, currents["a"])
    if isinstance(neuron, SigmaDelta):
        return _sigma_delta(neuron, state, currents["a"])
    if isinstance(neuron, Sigma):
        return _sigma(state, currents["a"])
    if isinstance(neuron, ResonateFire):
        return _resonate(neuron, state, currents["re"], currents["im"])
    raise TypeError(f"no dynamics for {type(neuron).__name__}")


def _mantissa(value: NDArray[np.int32]) -> IntArray:
    return value.astype(np.int64) << MANTISSA_SHIFT


def _cuba(
    neuron: CubaLif | Integrator, state: State, a: IntArray, bias_in: IntArray, step: int
) -> IntArray:
    u, v = state.variables["u"], state.variables["v"]
    ku = ONE - neuron.current_decay.astype(np.int64)
    kv = ONE - neuron.voltage_decay.astype(np.int64)
    gain = _gain(neuron, step)
    bias = wrap(neuron.bias.astype(np.int64) + bias_in, BIAS_BITS)  # R3: 16-bit bias mantissa
    x = wrap(tz(u * ku) + wrap(a * gain, 32), 32)  # R1: decay toward zero, add input, int32
    state.count(state.u_wraps, (x > M) | (x <= -M))
    u[:] = correct_once(x)  # R2: one correction by 2^24
    v_wide = wrap(tz(v * kv) + u + bias * gain, 32)  # R3
    v[:] = saturate(v_wide)
    state.count(state.v_saturations, v != v_wide)
    if isinstance(neuron, Integrator):
        return np.zeros_like(v)
    threshold = _threshold(neuron, state, step)
    s = v > threshold  # R4: strictly above
    if neuron.reset == "zero":
        v[s] = 0  # R5
    elif neuron.reset == "subtract":
        v[:] = saturate(v - threshold * s)  # R5
    return s.astype(np.int64)


def _gain(neuron: CubaLif | Integrator, step: int) -> int:
    """Input mantissa of this step: gain[step] inside the sample, else 64."""
    gain = getattr(neuron, "gain", None)
    if gain is None or not 0 <= step < len(gain):
        return 1 << MANTISSA_SHIFT
    return int(gain[step])


def _threshold(neuron: CubaLif, state: State, step: int) -> IntArray:
    """Return the threshold in units of v; a homeostatic one is moved first (rule R4a)."""
    if not isinstance(neuron, HomeostaticLif):
        return _mantissa(neuron.threshold)
    vth = state.variables["vth"]
    if 0 <= step < len(neuron.signature):
        error = state.variables["v"] - neuron.signature[step].astype(np.int64)
        moved = vth + ((neuron.theta.astype(np.int64) * error) >> np.int64(neuron.shift))
        vth[:] = np.clip(moved, neuron.low, neuron.high)
    return vth


def _send_change(neuron: Delta | SigmaDelta, state: State, new: IntArray) -> IntArray:
    """Rules D2..D4, shared by `Delta` and `SigmaDelta`; int32 throughout."""
    act, residue = state.variables["act"], state.variables["residue"]
    threshold = wrap(neuron.threshold.astype(np.int64) << (neuron.spike_exp + STATE_EXP), 32)
    d = wrap(new - act + residue, 32)  # D2
    out = np.where(wrap(np.abs(d), 32) >= threshold, d, 0)  # D3: at or above; |-2^31| is -2^31
    residue[:] = wrap(d - out, 32)
    act[:] = new
    return out >> STATE_EXP  # D4: floor; the lost bits are not kept


def _delta(neuron: Delta, state: State, a: IntArray) -> IntArray:
    return _send_change(neuron, state, wrap(a << (neuron.spike_exp + STATE_EXP), 32))  # D1


def _sigma_delta(neuron: SigmaDelta, state: State, a: IntArray) -> IntArray:
    sigma = state.variables["sigma"]
    bias = wrap(neuron.bias.astype(np.int64) << (neuron.spike_exp + STATE_EXP), 32)
    sigma[:] = wrap(sigma + a, 32)  # D0
    return _send_change(neuron, state, np.maximum(wrap(sigma + bias, 32), 0))  # D1: ReLU


def _sigma(state: State, a: IntArray) -> IntArray:
    sigma = state.variables["sigma"]
    sigma[:] = wrap(sigma + a, 32)  # D0
    sent: IntArray = sigma.copy()
    return sent


def _resonate(neuron: ResonateFire, state: State, a_re: IntArray, a_im: IntArray) -> IntArray:
    re, im = state.variables["re"], state.variables["im"]
    sin, cos = neuron.coefficients()
    threshold = _mantissa(neuron.threshold)
    in_re, in_im = wrap(a_re << MANTISSA_SHIFT, 32), wrap(a_im << MANTISSA_SHIFT, 32)
    re_wide = tz(cos * re) - tz(sin * im) + in_re  # F1
    im_wide = tz(sin * re) + tz(cos * im) + in_im
    new_re, new_im = saturate(re_wide), saturate(im_wide)  # F2
    state.count(state.v_saturations, (new_re != re_wide) | (new_im != im_wide))
    if isinstance(neuron, ResonateFireIz):
        s = new_im >= threshold  # F3: at or above
        re[:] = np.where(s, 0, new_re)  # F4
        im[:] = np.where(s, threshold - 1, new_im)
    else:
        s = (new_re >= threshold) & (new_im >= 0) & (im < 0)  # F3: phase crosses zero
        re[:], im[:] = new_re, new_im
    return s.astype(np.int64)
