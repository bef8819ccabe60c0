"""The CUBA family in torch: one step, and the gradient of one step.

Forward, exactly as `neurodeploy.sim.dynamics` (M = 2^23, tz = divide by 4096 toward 0), float64
that holds integers:

    x = wrap32(tz(u * ku) + wrap32(a * gain));  u = x folded back once by 2^24 beyond M
    v = saturate(wrap32(tz(v * kv) + u + bias * gain))
    vth = clamp(vth + ((theta * (v - signature)) >> shift), low, high)     homeostatic only
    s = v > vth;  v = 0 where s, or saturate(v - vth * s), or v

Backward: roundings, wraps and folds pass gradients unchanged; a v at its limit of +-(M - 1) passes
none, nor does a clamped vth. ``ds/dv = surrogate((v - vth) / unit) / unit = -ds/dvth``, with
``unit = 64 * max(|threshold|, 1)``. `neurodeploy.twin.slopes.PATHS` says which other paths carry
gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodeploy.fixedpoint import M
from neurodeploy.neuron import CubaLif
from neurodeploy.twin import compiled
from neurodeploy.twin.arithmetic import FLOAT64_EXACT, fold, keep_factor, tz, wrap
from neurodeploy.twin.rule import Gradients, Named, Pass, Rule
from neurodeploy.twin.slopes import UNIT

LIMIT = M - 1


@dataclass(frozen=True)
class Parameters:
    """float64; one value per neuron, or one for all.

    keep_u, keep_v : factors. threshold : in units of v. theta : or None. wide : x or v may leave 32
    bits.
    """

    keep_u: Tensor
    keep_v: Tensor
    threshold: Tensor | None
    reset: str
    theta: Tensor | None
    shift: int
    low: int
    high: int
    wide: bool
    wide_theta: bool


@dataclass(frozen=True)
class Inputs:
    """Of one step, float64 ``(batch, N)``: a, bias wrapped to 16 bits; gain; signature or None."""

    a: Tensor
    bias: Tensor
    gain: float
    signature: Tensor | None


@dataclass(frozen=True)
class State:
    """u, v after the reset, and vth (None unless homeostatic), float64 ``(batch, N)``."""

    u: Tensor
    v: Tensor
    vth: Tensor | None


@dataclass(frozen=True)
class Test:
    """What a step leaves for its gradient: v before the reset, s (bool), vth not clamped."""

    v: Tensor
    s: Tensor | None
    free: Tensor | None


def step(p: Parameters, state: State, inputs: Inputs) -> tuple[State, Test]:
    """Advance one step; see the module."""
    drive, bias = inputs.a * inputs.gain, inputs.bias * inputs.gain
    if p.wide:
        x = wrap(tz(state.u, p.keep_u) + wrap(drive, 32), 32)
        u = fold(x)
        v = wrap(tz(state.v, p.keep_v) + u + bias, 32)
    else:
        u = fold(tz(state.u, p.keep_u) + drive)
        v = tz(state.v, p.keep_v) + u + bias
    v = v.clamp_(-LIMIT, LIMIT)
    if p.threshold is None:
        return State(u, v, None), Test(v, None, None)
    vth, free = _moved(p, state, v, inputs.signature)
    threshold = p.threshold if vth is None else vth
    s = v > threshold
    return State(u, _reset(p, v, threshold, s), vth), Test(v, s, free)


def _reset(p: Parameters, v: Tensor, threshold: Tensor, s: Tensor) -> Tensor:
    if p.reset == "zero":
        return v * ~s
    if p.reset == "subtract":
        return (v - threshold * s).clamp_(-LIMIT, LIMIT)
    return v


def _moved(
    p: Parameters, state: State, v: Tensor, signature: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return vth of this step, and where the clamp let it be; (vth, None) while frozen."""
    if p.theta is None or state.vth is None or signature is None:
        return state.vth, None
    error = v - signature
    if p.wide_theta:
        moved = state.vth.long() + ((p.theta.long() * error.long()) >> p.shift)
    else:
        moved = state.vth + torch.floor(p.theta * error / 2**p.shift)
    vth = moved.clamp(p.low, p.high)
    return vth.double(), vth == moved


@dataclass
class Carried:
    """Gradients of the state after a step, from the steps behind it."""

    u: Tensor
    v: Tensor
    vth: Tensor | None


class CubaRule(Rule):
    """`CubaLif`, `HomeostaticLif` and `Integrator`."""

    resets = True

    def states(self, neuron: Any) -> tuple[str, ...]:
        return tuple(neuron.states)

    def fresh(self, given: Named, batch: int) -> Named:
        """``u = 0, v = initial, vth = threshold << 6``."""
        shape = (batch, given["current_decay"].shape[-1])
        state = {
            "u": given["current_decay"].new_zeros(shape, dtype=torch.float64),
            "v": given["initial"].double().expand(shape),
        }
        if "theta" in given:
            state["vth"] = (given["threshold"].double() * UNIT).expand(shape)
        return state

    def forward(self, call: Pass, given: Named) -> tuple[Named, dict[str, Any]]:
        p = _parameters(call, given)
        if call.ready or compiled.takes(call, given):
            s, before = call.ready or compiled.forward(call, given)
            return {"s": s, "before": before}, _saved(call, given, p, before, p.threshold, None)
        state = State(given["u0"].double(), given["v0"].double(), _double(given.get("vth0")))
        record = _Record(call, p, state)
        for t in range(call.steps):
            state, test = step(p, state, _inputs(call, given, t))
            record.add(t, state, test)
        vth = record.outputs["vth"].detach() if "vth" in record.outputs else p.threshold
        return record.outputs, _saved(call, given, p, record.before, vth, record.free)

    def backward(
        self, call: Pass, given: Named, outputs: Named, saved: Mapping[str, Any], grads: Named
    ) -> Named:
        if "before" in outputs and compiled.can_go_back(call, given, grads):
            steps = saved.get("steps", slice(0, 0))
            return compiled.backward(call, given, outputs["s"], outputs["before"], grads, steps)
        return _Backward(call, given, outputs, saved, grads).run()


def _saved(
    call: Pass,
    given: Named,
    p: Parameters,
    before: Tensor,
    vth: Tensor | None,
    free: Tensor | None,
) -> dict[str, Any]:
    """Return what the way back needs; before : v before the reset, an alias that has no graph."""
    saved: dict[str, Any] = {"before": before.detach(), "free": free, "p": p}
    if vth is not None:
        size = UNIT * given["threshold"].detach().double().abs().clamp(min=1)
        if call.dtype == torch.float32 and float(size.max()) <= M:  # v - vth is exact
            vth, size = vth.float(), size.float()
        saved["steps"] = call.slopes.collect(saved["before"], vth, size)
    return saved


def _double(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.double()


def _inputs(call: Pass, given: Named, t: int) -> Inputs:
    a, bias = given["a"], given["bias"]
    signature = None
    if "signature" in given and 0 <= call.index[t] < len(given["signature"]):
        signature = given["signature"][call.index[t]].double()
    return Inputs(
        a[t if len(a) > 1 else 0].double(),
        bias[t if len(bias) > 1 else 0].double(),
        float(call.gains[t]),
        signature,
    )


def _parameters(call: Pass, given: Named) -> Parameters:
    neuron = call.neuron
    threshold = given["threshold"].double() * UNIT if neuron.spikes else None
    keep_u, keep_v = keep_factor(given["current_decay"]), keep_factor(given["voltage_decay"])
    theta = _double(given.get("theta"))
    return Parameters(
        keep_u,
        keep_v,
        threshold,
        getattr(neuron, "reset", "none"),
        theta,
        getattr(neuron, "shift", 0),
        getattr(neuron, "low", 0),
        getattr(neuron, "high", 0),
        call.wide,
        theta is not None and _reaches(theta, given["signature"]) >= FLOAT64_EXACT,
    )


def _reaches(theta: Tensor, signature: Tensor) -> float:
    return float(theta.abs().max()) * (M + float(signature.double().abs().max()))


class _Record:
    """Arrays ``(steps, batch, N)`` of what a pass gives back and keeps."""

    def __init__(self, call: Pass, p: Parameters, state: State) -> None:
        shape = (call.steps, *state.u.shape)
        make = state.u.new_empty
        u_type = torch.float64 if call.wide else call.dtype
        self.before = make(shape, dtype=call.dtype)
        silence = self.before.new_zeros(()).expand(shape)
        self.outputs = {
            "s": silence if p.threshold is None else torch.empty_like(self.before),
            "u": make(shape, dtype=u_type),
            "v": torch.empty_like(self.before) if p.reset != "none" else self.before,
        }
        self.free: Tensor | None = None
        if p.theta is not None:
            self.outputs["vth"] = make(shape)
            self.free = torch.ones(shape, dtype=torch.bool, device=state.u.device)

    def add(self, t: int, state: State, test: Test) -> None:
        self.outputs["u"][t] = state.u
        self.before[t] = test.v
        if test.s is not None:
            self.outputs["s"][t] = test.s
        if self.outputs["v"] is not self.before:
            self.outputs["v"][t] = state.v
        if state.vth is not None:
            self.outputs["vth"][t] = state.vth
        if test.free is not None and self.free is not None:
            self.free[t] = test.free


class _Backward:
    """Runs the carried gradients from the last step to the first."""

    def __init__(
        self, call: Pass, given: Named, outputs: Named, saved: Mapping[str, Any], grads: Named
    ) -> None:
        self.call, self.given, self.outputs, self.grads = call, given, outputs, grads
        self.p: Parameters = saved["p"]
        self.before: Tensor = saved["before"]
        self.free: Tensor | None = saved["free"]
        self.spiking = self.p.threshold is not None
        self.dtype = self._dtype()
        self.slope = call.slopes.of(saved["steps"]).to(self.dtype) if self.spiking else None
        self.keep_u, self.keep_v = self.p.keep_u.to(self.dtype), self.p.keep_v.to(self.dtype)
        self.theta = None if self.p.theta is None else self.p.theta.to(self.dtype)
        self.threshold = self.p.threshold.to(self.dtype) if self.p.threshold is not None else None
        self.sums = Gradients(call.needs, given)

    def _dtype(self) -> torch.dtype:
        """That of the pass, but float64 where a decay may amplify."""
        return torch.float64 if self.call.wide else self.call.dtype

    def run(self) -> Named:
        zeros = self.before.new_zeros(self.before.shape[1:], dtype=self.dtype)
        carried = Carried(zeros, zeros, zeros if self.theta is not None else None)
        for t in range(self.call.steps - 1, -1, -1):
            carried = self.step(t, carried)
        self.sums.set("u0", carried.u)
        self.sums.set("v0", carried.v)
        if carried.vth is not None:
            self.sums.set("vth0", carried.vth)
        return self.sums.found

    def step(self, t: int, carried: Carried) -> Carried:
        """Return the gradients of the state before step t, and sum those of its inputs."""
        after = self._and(carried.v, "v", t)
        v, vth = self._spike(t, after, carried.vth)
        v, vth = self._homeostasis(t, self._and(v, "before", t), vth)
        v = v * (self.before[t].abs() < LIMIT)
        u = self._and(v + carried.u, "u", t)
        self._inputs(t, u, v)
        self._decays(t, u, v)
        return Carried(u * self.keep_u, v * self.keep_v, vth)

    def _and(self, carried: Tensor, name: str, t: int) -> Tensor:
        grad = self.grads.get(name)
        return carried if grad is None else carried + grad[t].to(self.dtype)

    def _spike(
        self, t: int, after: Tensor, carried_vth: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of v before the reset, and of vth of this step."""
        vth = None if carried_vth is None else self._and(carried_vth, "vth", t)
        if self.slope is None or self.threshold is None:
            return after, vth
        s, subtracted = self.outputs["s"][t], self.p.reset == "subtract"
        threshold = self.threshold if vth is None else self.outputs["vth"][t].to(self.dtype)
        if subtracted:
            after = after * (self.outputs["v"][t].abs() < LIMIT)
        of_spike = self.grads["s"][t].to(self.dtype) if "s" in self.grads else 0.0
        if "reset" in self.call.through and self.p.reset != "none":
            of_spike = of_spike - after * (threshold if subtracted else self.before[t])
        path = self.slope[t] * of_spike
        v = after * (1 - s) if self.p.reset == "zero" else after
        if "threshold" in self.call.through:
            of_vth = -path - after * s if subtracted else -path
            if vth is not None:
                vth = vth + of_vth
            else:
                self.sums.add("threshold", of_vth, UNIT)
        return v + path, vth

    def _homeostasis(self, t: int, v: Tensor, vth: Tensor | None) -> tuple[Tensor, Tensor | None]:
        index = self.call.index[t]
        if vth is None or self.theta is None or self.free is None:
            return v, vth
        if not 0 <= index < len(self.given["signature"]):
            return v, vth
        moved = vth * self.free[t]
        if "homeostasis" in self.call.through:
            v = v + moved * self.theta / 2**self.p.shift
            if self.sums.wants("theta"):
                error = self.before[t].double() - self.given["signature"][index]
                self.sums.add("theta", moved * error, 2.0**-self.p.shift)
        return v, moved

    def _inputs(self, t: int, u: Tensor, v: Tensor) -> None:
        through = "gain" in self.call.through
        gain = float(self.call.gains[t]) if through else float(UNIT)
        self.sums.at("a", t, u, gain)
        self.sums.at("bias", t, v, gain)
        if through and self.sums.wants("gain"):
            a, bias = self.given["a"], self.given["bias"]
            a, bias = a[t if len(a) > 1 else 0], bias[t if len(bias) > 1 else 0]
            self.sums.entry("gain", t, (u * a + v * bias).sum())

    def _decays(self, t: int, u: Tensor, v: Tensor) -> None:
        for name, grad in (("current_decay", u), ("voltage_decay", v)):
            if self.sums.wants(name):
                state = "u" if name == "current_decay" else "v"
                self.sums.add(name, grad * self._state(state, t - 1), -1 / 4096)

    def _state(self, name: str, t: int) -> Tensor:
        """Return u or v after step t."""
        if t < 0:
            return self.given[f"{name}0"]
        if name in self.outputs:
            return self.outputs[name][t]
        after: Tensor = self.before[t] * (1 - self.outputs["s"][t])  # the compiled scan's only one
        return after


__all__ = ["CubaLif", "CubaRule", "Inputs", "Parameters", "State", "step"]
