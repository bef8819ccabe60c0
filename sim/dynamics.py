"""What each neuron model computes in one step: the definition, one rule per line.

States and currents are int64 arrays ``(batch, *shape)``; parameters broadcast against them. Rule
names (R0..) are those that a comparison quotes when engines differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
from neurodeploy.registry import ByType

Currents = Mapping[str, IntArray]
"""What arrives in one step, by port."""
STATE_EXP = 6
"""Fraction bits that sigma-delta states keep below a message."""


@dataclass
class State:
    """State of one population: the neuron's ``states`` by name, and counters.

    variables : int64 ``(batch, *shape)``. u_wraps, v_saturations : int64 ``(batch,)``.
    """

    variables: dict[str, IntArray]
    u_wraps: IntArray
    v_saturations: IntArray

    def count(self, counter: IntArray, mask: NDArray[np.bool_]) -> None:
        """Add the number of set cells of each sample to ``counter``."""
        counter += mask.reshape(mask.shape[0], -1).sum(axis=1)


def _zero(_: Neuron) -> Mapping[str, IntArray]:
    return {}


@dataclass(frozen=True)
class Dynamics:
    """One neuron model. step : as `update`. start : states that do not start at zero."""

    step: Callable[[Any, State, Currents, int], IntArray]
    start: Callable[[Any], Mapping[str, IntArray]] = _zero


def fresh_state(neuron: Neuron, batch: int, shape: tuple[int, ...]) -> State:
    """Return the state before the first step: zero, v at ``initial``, vth at its base."""
    variables = {name: np.zeros((batch, *shape), np.int64) for name in neuron.states}
    state = State(variables, np.zeros(batch, np.int64), np.zeros(batch, np.int64))
    _start(neuron, state)
    return state


def clear(neuron: Neuron, state: State) -> None:
    """Rule R0: a due reset brings a neuron that `resets` back to its start."""
    if neuron.resets:
        _start(neuron, state)


def update(neuron: Neuron, state: State, currents: Currents, step: int) -> IntArray:
    """Advance ``state`` by one step and return the messages ``s``, int64 ``(batch, *shape)``.

    currents : per port of the neuron, int32-valued. step : steps since the sample's first data.

    Raises ModelError for a neuron that `DYNAMICS` lacks.
    """
    return DYNAMICS.of(neuron).step(neuron, state, currents, step)


def _start(neuron: Neuron, state: State) -> None:
    start = DYNAMICS.of(neuron).start(neuron)
    for name, values in state.variables.items():
        values[:] = start.get(name, 0)


def _mantissa(value: NDArray[np.int32]) -> IntArray:
    return value.astype(np.int64) << MANTISSA_SHIFT


def _initial(neuron: CubaLif | Integrator) -> Mapping[str, IntArray]:
    return {"v": neuron.initial.astype(np.int64)}


def _initial_and_base(neuron: HomeostaticLif) -> Mapping[str, IntArray]:
    return {**_initial(neuron), "vth": _mantissa(neuron.threshold)}


def _integrator(neuron: Integrator, state: State, currents: Currents, step: int) -> IntArray:
    _integrate(neuron, state, currents, 1 << MANTISSA_SHIFT)
    return np.zeros_like(state.variables["v"])


def _lif(neuron: CubaLif, state: State, currents: Currents, step: int) -> IntArray:
    _integrate(neuron, state, currents, _gain(neuron, step))
    return _fire(neuron, state, _mantissa(neuron.threshold))


def _homeostatic(neuron: HomeostaticLif, state: State, currents: Currents, step: int) -> IntArray:
    """R4a moves the threshold between integration and spike test, inside the sample only."""
    _integrate(neuron, state, currents, _gain(neuron, step))
    vth = state.variables["vth"]
    if 0 <= step < len(neuron.signature):
        error = state.variables["v"] - neuron.signature[step].astype(np.int64)
        moved = vth + ((neuron.theta.astype(np.int64) * error) >> np.int64(neuron.shift))
        vth[:] = np.clip(moved, neuron.low, neuron.high)  # R4a
    return _fire(neuron, state, vth)


def _integrate(neuron: CubaLif | Integrator, state: State, currents: Currents, gain: int) -> None:
    u, v = state.variables["u"], state.variables["v"]
    ku = ONE - neuron.current_decay.astype(np.int64)
    kv = ONE - neuron.voltage_decay.astype(np.int64)
    bias = wrap(neuron.bias.astype(np.int64) + currents["bias"], BIAS_BITS)  # R3: 16-bit mantissa
    x = wrap(tz(u * ku) + wrap(currents["a"] * gain, 32), 32)  # R1: decay toward zero, add input
    state.count(state.u_wraps, (x > M) | (x <= -M))
    u[:] = correct_once(x)  # R2: one correction by 2^24
    v_wide = wrap(tz(v * kv) + u + bias * gain, 32)  # R3
    v[:] = saturate(v_wide)
    state.count(state.v_saturations, v != v_wide)


def _fire(neuron: CubaLif, state: State, threshold: IntArray) -> IntArray:
    v = state.variables["v"]
    s = v > threshold  # R4: strictly above
    if neuron.reset == "zero":
        v[s] = 0  # R5
    elif neuron.reset == "subtract":
        v_wide = v - threshold * s
        v[:] = saturate(v_wide)  # R5
        state.count(state.v_saturations, v != v_wide)
    return s.astype(np.int64)


def _gain(neuron: CubaLif, step: int) -> int:
    """Input mantissa of this step: gain[step] inside the sample, else 64."""
    if neuron.gain is None or not 0 <= step < len(neuron.gain):
        return 1 << MANTISSA_SHIFT
    return int(neuron.gain[step])


def _send_change(neuron: Delta | SigmaDelta, state: State, new: IntArray) -> IntArray:
    """Rules D2..D4, shared by `Delta` and `SigmaDelta`; int32 throughout."""
    act, residue = state.variables["act"], state.variables["residue"]
    threshold = wrap(neuron.threshold.astype(np.int64) << (neuron.spike_exp + STATE_EXP), 32)
    d = wrap(new - act + residue, 32)  # D2
    out = np.where(wrap(np.abs(d), 32) >= threshold, d, 0)  # D3: at or above; |-2^31| is -2^31
    residue[:] = wrap(d - out, 32)
    act[:] = new
    return out >> STATE_EXP  # D4: floor; the lost bits are not kept


def _delta(neuron: Delta, state: State, currents: Currents, step: int) -> IntArray:
    shifted = currents["a"] << (neuron.spike_exp + STATE_EXP)
    return _send_change(neuron, state, wrap(shifted, 32))  # D1


def _sigma_delta(neuron: SigmaDelta, state: State, currents: Currents, step: int) -> IntArray:
    sigma = state.variables["sigma"]
    bias = wrap(neuron.bias.astype(np.int64) << (neuron.spike_exp + STATE_EXP), 32)
    sigma[:] = wrap(sigma + currents["a"], 32)  # D0
    return _send_change(neuron, state, np.maximum(wrap(sigma + bias, 32), 0))  # D1: ReLU


def _sigma(neuron: Sigma, state: State, currents: Currents, step: int) -> IntArray:
    sigma = state.variables["sigma"]
    sigma[:] = wrap(sigma + currents["a"], 32)  # D0
    sent: IntArray = sigma.copy()
    return sent


def _phase(neuron: ResonateFire, state: State, currents: Currents, step: int) -> IntArray:
    re, im = state.variables["re"], state.variables["im"]
    new_re, new_im = _rotate(neuron, state, currents)
    s = (new_re >= _mantissa(neuron.threshold)) & (new_im >= 0) & (im < 0)  # F3: crosses zero
    re[:], im[:] = new_re, new_im
    return s.astype(np.int64)


def _izhikevich(neuron: ResonateFireIz, state: State, currents: Currents, step: int) -> IntArray:
    re, im = state.variables["re"], state.variables["im"]
    new_re, new_im = _rotate(neuron, state, currents)
    threshold = _mantissa(neuron.threshold)
    s = new_im >= threshold  # F3: at or above
    re[:] = np.where(s, 0, new_re)  # F4
    im[:] = np.where(s, threshold - 1, new_im)
    return s.astype(np.int64)


def _rotate(neuron: ResonateFire, state: State, currents: Currents) -> tuple[IntArray, IntArray]:
    """Return re and im before the spike test."""
    re, im = state.variables["re"], state.variables["im"]
    sin, cos = neuron.coefficients()
    in_re, in_im = (wrap(currents[port] << MANTISSA_SHIFT, 32) for port in ("re", "im"))
    re_wide = tz(cos * re) - tz(sin * im) + in_re  # F1
    im_wide = tz(sin * re) + tz(cos * im) + in_im
    new_re, new_im = saturate(re_wide), saturate(im_wide)  # F2
    state.count(state.v_saturations, (new_re != re_wide) | (new_im != im_wide))
    return new_re, new_im


DYNAMICS: ByType[Dynamics] = ByType(
    "dynamics",
    Neuron,
    {
        CubaLif: Dynamics(_lif, _initial),
        HomeostaticLif: Dynamics(_homeostatic, _initial_and_base),
        Integrator: Dynamics(_integrator, _initial),
        Delta: Dynamics(_delta),
        SigmaDelta: Dynamics(_sigma_delta),
        Sigma: Dynamics(_sigma),
        ResonateFire: Dynamics(_phase),
        ResonateFireIz: Dynamics(_izhikevich),
    },
)
"""What each model computes: the definition of every engine's results."""
