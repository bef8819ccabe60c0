"""The sigma-delta family in torch: one step, and the gradient of one step.

Forward, exactly as `neurodeploy.sim.dynamics`, float64 that holds int32, ``k = spike_exp + 6``:

    Delta       new = wrap32(a << k)
    SigmaDelta  sigma = wrap32(sigma + a);  new = max(wrap32(sigma + wrap32(bias << k)), 0)
    both        d = wrap32(new - act + residue);  out = d where wrap32(|d|) >= threshold, else 0
                residue = wrap32(d - out);  act = new;  s = out >> 6
    Sigma       sigma = wrap32(sigma + a);  s = sigma

Backward: wraps and the floor of the shift pass gradients unchanged, the ReLU where new > 0. What is
sent and what is kept are ``d * sent`` and ``d * (1 - sent)``: a message that was held back leaves
its gradient in the residue, and with it to the message that it becomes part of. The test against
the threshold itself carries none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodeploy.neuron import Delta, Sigma, SigmaDelta
from neurodeploy.sim.dynamics import STATE_EXP
from neurodeploy.twin.arithmetic import wrap
from neurodeploy.twin.rule import Gradients, Named, Pass, Rule

SENT = float(2**STATE_EXP)


@dataclass(frozen=True)
class Parameters:
    """float64 ``(N,)``, in units of the states; exp : shift of an input."""

    threshold: Tensor
    bias: Tensor | None
    exp: int
    sums: bool
    sends_change: bool


State = dict[str, Tensor]


def step(p: Parameters, state: State, a: Tensor) -> tuple[State, Tensor, Tensor | None]:
    """Advance one step; return the state, s, and where a change was sent (None for `Sigma`)."""
    after: State = {}
    if p.sums:
        after["sigma"] = wrap(state["sigma"] + a, 32)
    if not p.sends_change:
        return after, after["sigma"], None
    new = _new(p, after, a)
    d = wrap(new - state["act"] + state["residue"], 32)
    sent = wrap(d.abs(), 32) >= p.threshold
    out = d * sent
    after["act"], after["residue"] = new, wrap(d - out, 32)
    return after, torch.floor(out / SENT), sent


def _new(p: Parameters, after: State, a: Tensor) -> Tensor:
    if p.sums:
        raised = after["sigma"] if p.bias is None else after["sigma"] + p.bias
        return wrap(raised, 32).clamp(min=0.0)
    return shifted(a, p.exp)


def shifted(value: Tensor, exp: int) -> Tensor:
    """``wrap32(value << exp)``: the bits that would leave 32 are dropped first."""
    return wrap(value.double(), 32 - exp) * float(2**exp)


class SigmaDeltaRule(Rule):
    """`Delta`, `SigmaDelta` and `Sigma`."""

    resets = False

    def states(self, neuron: Any) -> tuple[str, ...]:
        held = ("act", "residue")
        return {Delta: held, SigmaDelta: ("sigma", *held), Sigma: ("sigma",)}[type(neuron)]

    def fresh(self, given: Named, batch: int) -> Named:
        """All states are 0."""
        shape = (batch, given["threshold"].shape[-1])
        zeros = given["threshold"].new_zeros(shape, dtype=torch.float64)
        return {"sigma": zeros, "act": zeros, "residue": zeros}

    def forward(self, call: Pass, given: Named) -> tuple[Named, dict[str, Any]]:
        p = _parameters(call, given)
        names = self.states(call.neuron)
        state = {name: given[f"{name}0"] for name in names}
        shape = (call.steps, *next(iter(state.values())).shape)
        make = next(iter(state.values())).new_empty
        outputs = {name: make(shape) for name in ("s", *names)}
        sent_all = make(shape, dtype=torch.bool) if p.sends_change else None
        for t in range(call.steps):
            a = given["a"]
            state, s, sent = step(p, state, a[t if len(a) > 1 else 0].double())
            outputs["s"][t] = s
            for name in names:
                outputs[name][t] = state[name]
            if sent_all is not None and sent is not None:
                sent_all[t] = sent
        return outputs, {"p": p, "sent": sent_all}

    def backward(
        self, call: Pass, given: Named, outputs: Named, saved: Mapping[str, Any], grads: Named
    ) -> Named:
        p: Parameters = saved["p"]
        sums = Gradients(call.needs, given)
        carried = {name: torch.zeros_like(outputs[name][0]) for name in self.states(call.neuron)}
        for t in range(call.steps - 1, -1, -1):
            arrived = {name: grad[t] for name, grad in grads.items()}
            sent = None if saved["sent"] is None else saved["sent"][t]
            carried = _pull(p, carried, arrived, sent, outputs, sums, t)
        for name, value in carried.items():
            sums.set(f"{name}0", value)
        return sums.found


def _pull(
    p: Parameters,
    carried: State,
    arrived: State,
    sent: Tensor | None,
    outputs: Named,
    sums: Gradients,
    t: int,
) -> State:
    """Return the gradients of the state before step t, given those after it."""
    after = {name: _plus(value, arrived.get(name)) for name, value in carried.items()}
    zero = torch.zeros_like(next(iter(after.values())))
    of_s = _plus(zero, arrived.get("s"))
    if sent is None:
        sigma = after["sigma"] + of_s
        sums.at("a", t, sigma, 1.0)
        return {"sigma": sigma}
    d = torch.where(sent, of_s / SENT, after["residue"])
    new = d + after["act"]
    before = {"act": -d, "residue": d}
    if p.sums:
        new = new * (outputs["act"][t] > 0)
        sums.at("bias", t, new, float(2**p.exp))
        new = new + after["sigma"]
        before["sigma"] = new
    sums.at("a", t, new, 1.0 if p.sums else float(2**p.exp))
    return before


def _plus(value: Tensor, other: Tensor | None) -> Tensor:
    return value if other is None else value + other


def _parameters(call: Pass, given: Named) -> Parameters:
    neuron = call.neuron
    exp = getattr(neuron, "spike_exp", 0) + STATE_EXP
    sums = "sigma" in neuron.states
    return Parameters(
        shifted(given["threshold"], exp),
        shifted(given["bias"][0], exp) if "bias" in given else None,
        exp,
        sums,
        "residue" in neuron.states,
    )
