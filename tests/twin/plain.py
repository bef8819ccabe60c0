"""The formulas of the twin written out plainly, step by step in float64, for autograd to derive.

Nothing of `neurodeploy.twin` is used: weights come from the plan, currents wait in lists, and each
rounding, wrap and fold is an identity for the gradient.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.neuron import CubaLif, Delta, HomeostaticLif, Integrator, Sigma
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.synapse import Conv2d, Dense

LIMIT = 2**23 - 1


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, exact: Tensor) -> Tensor:
        return exact.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, vth: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        return (v > vth).double()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grads[0] * slope, -grads[0] * slope, None


def through(value: Tensor, exact: Tensor) -> Tensor:
    """Return ``exact`` with the gradient of ``value``."""
    return _Through.apply(value, exact.double())


def wrap(value: Tensor, bits: int) -> Tensor:
    """Wrap, straight through."""
    half = 2 ** (bits - 1)
    return through(value, ((value.detach().long() + half) & (2 * half - 1)) - half)


def tz(value: Tensor) -> Tensor:
    """Divide by 4096, toward zero, straight through."""
    product = value.detach().long()
    return through(value / 4096, torch.sign(product) * (product.abs() >> 12))


def _wide(m: Tensor, weight: Tensor) -> Tensor:
    """Sum products that are wrapped one by one."""
    products = m.detach().long()[:, None] * weight.detach().long()
    exact = (((products + 2**31) & (2**32 - 1)) - 2**31).sum(2)
    return through(m @ weight.t(), exact)


def saturated(value: Tensor) -> Tensor:
    """Clamp; no gradient at the limit."""
    return torch.where(value.abs() < LIMIT, value, value.detach().clamp(-LIMIT, LIMIT))


def leaves(plan: Plan) -> dict[str, Tensor]:
    """Return the parameters as float64 leaves: ``weight.<edge>``, ``<population>.<field>``."""
    found = {}
    for edge in plan.edges:
        if edge.given is not None:
            found[f"weight.{edge.index}"] = torch.tensor(edge.weight.astype(np.float64))
    for stage in plan.stages:
        for name in ("threshold", "bias", "gain", "theta"):
            value = getattr(stage.population.neuron, name, None)
            if value is not None:
                key = f"{stage.index}.{name}"
                found[key] = torch.tensor(np.asarray(value, np.float64))
    return {name: value.requires_grad_() for name, value in found.items()}


class Plain:
    """One pass: ``variables[k][name]`` is a list of ``(batch, *shape)``, one per column."""

    def __init__(
        self,
        plan: Plan,
        parameters: dict[str, Tensor],
        surrogate: Any,
        width: Any,
        paths: Any,
    ) -> None:
        self.plan, self.parameters, self.paths = plan, parameters, paths
        self.surrogate, self.width = surrogate, width
        self.variables: list[dict[str, list[Tensor]]] = [defaultdict(list) for _ in plan.stages]
        self.waiting: dict[tuple[int, str, int], list[Tensor]] = defaultdict(list)
        self.states: list[dict[str, Tensor]] = [{} for _ in plan.stages]

    def run(self, inputs: list[Tensor]) -> None:
        """inputs : float64 ``(batch, steps, size)`` each."""
        batch, steps = inputs[0].shape[:2]
        for c in range(steps):
            for edge in self.plan.edges:
                if edge.from_input:
                    self._send(edge, inputs[edge.source][:, c], c)
            for stage in self.plan.stages:
                s = self._step(stage, batch, c)
                for edge in stage.outgoing:
                    self._send(edge, s.reshape(batch, -1), c)

    def _send(self, edge: Edge, m: Tensor, c: int) -> None:
        if edge.binary:
            m = through(m, (m.detach() != 0))
        for delay, current in self._currents(edge, m):
            self.waiting[edge.target, edge.port, c + edge.latency + delay].append(current)

    def _currents(self, edge: Edge, m: Tensor) -> list[tuple[int, Tensor]]:
        if edge.given is None:
            return [(0, m)]
        weight = self.parameters[f"weight.{edge.index}"]
        if isinstance(edge.synapse, Conv2d):
            name = self.plan.program.connections[edge.index].source
            maps = m.reshape(-1, *self.plan.program.node(name).shape)
            o = edge.synapse
            out = functional.conv2d(maps, weight, None, o.stride, o.padding, o.dilation, o.groups)
            return [(0, wrap(out.flatten(1), 24))]
        assert isinstance(edge.synapse, Dense)
        delay = edge.synapse.delay
        if delay is None:
            return [(0, self._shift(wrap(m @ weight.t(), 32), edge.shift))]
        full = torch.tensor(np.broadcast_to(delay, edge.weight.shape).astype(np.int64))
        return [
            (int(d), wrap(self._shift(_wide(m, weight * (full == d)), edge.shift), 32))
            for d in torch.unique(full)
        ]

    @staticmethod
    def _shift(value: Tensor, shift: int) -> Tensor:
        return through(value / 2**shift, value.detach().long() >> shift)

    def _step(self, stage: Any, batch: int, c: int) -> Tensor:
        neuron, k, shape = stage.population.neuron, stage.index, stage.population.shape
        interval = self.plan.options.reset_interval
        currents = {}
        for port in ("a", "bias"):
            total = torch.zeros((batch, *shape), dtype=torch.float64)
            for part in self.waiting.pop((k, port, c), []):
                total = wrap(total + part.reshape(total.shape), 32)
            currents[port] = total
        if isinstance(neuron, (CubaLif, Integrator)):
            if c == 0 or stage.is_reset(c, interval):
                zero = torch.zeros((batch, *shape), dtype=torch.float64)
                self.states[k] = {"u": zero, "v": zero + torch.tensor(neuron.initial)}
                if isinstance(neuron, HomeostaticLif):
                    self.states[k]["vth"] = zero + 64 * self.parameters[f"{k}.threshold"]
            s = self._cuba(neuron, k, currents, stage.sample_step(c, interval))
        else:
            s = self._sigma_delta(neuron, k, currents["a"], c == 0)
        for name, value in {"s": s, **self.states[k]}.items():
            self.variables[k][name].append(value)
        return s

    def _cuba(self, neuron: Any, k: int, currents: dict[str, Tensor], step: int) -> Tensor:
        state = self.states[k]
        ku = 4096 - torch.tensor(neuron.current_decay.astype(np.float64))
        kv = 4096 - torch.tensor(neuron.voltage_decay.astype(np.float64))
        bias = wrap(self.parameters[f"{k}.bias"] + currents["bias"], 16)
        gain: Any = 64.0
        if getattr(neuron, "gain", None) is not None and 0 <= step < len(neuron.gain):
            gain = self.parameters[f"{k}.gain"][step]
        drive, push = self._gained(currents["a"], gain), self._gained(bias, gain)
        x = wrap(tz(state["u"] * ku) + wrap(drive, 32), 32)
        exact = x.detach()
        m = 2**23
        u = through(x, exact - 2 * m * (exact > m).double() + 2 * m * (exact <= -m).double())
        v = saturated(wrap(tz(state["v"] * kv) + u + push, 32))
        state["u"] = u
        if isinstance(neuron, Integrator):
            state["v"] = v
            return torch.zeros_like(v)
        threshold = self.parameters[f"{k}.threshold"]
        vth = 64 * threshold
        if isinstance(neuron, HomeostaticLif):
            vth = self._moved(neuron, k, v, step)
        unit = 64 * threshold.detach().abs().clamp(min=1)
        width = (
            self.width[:, len(self.variables[k]["s"])]
            if torch.is_tensor(self.width)
            else self.width
        )
        slope = self.surrogate((v - vth).detach() / unit, width) / unit
        seen = vth if "threshold" in self.paths else vth.detach()
        s = _Spike.apply(v, seen + torch.zeros_like(v), slope)
        cut = s if "reset" in self.paths else s.detach()
        if neuron.reset == "zero":
            v = v * (1 - cut)
        elif neuron.reset == "subtract":
            v = saturated(v - seen * cut)
        state["v"] = v
        return s

    def _gained(self, value: Tensor, gain: Any) -> Tensor:
        if "gain" in self.paths or not torch.is_tensor(gain):
            return value * gain
        return through(value * 64, (value * gain).detach())

    def _moved(self, neuron: HomeostaticLif, k: int, v: Tensor, step: int) -> Tensor:
        state = self.states[k]
        if 0 <= step < len(neuron.signature):
            theta = self.parameters[f"{k}.theta"]
            open_ = "homeostasis" in self.paths
            value, factor = (v, theta) if open_ else (v.detach(), theta.detach())
            error = value - torch.tensor(neuron.signature[step].astype(np.float64))
            delta = factor * error
            exact = (factor.detach().long() * error.detach().long()) >> neuron.shift
            moved = state["vth"] + through(delta / 2**neuron.shift, exact)
            state["vth"] = torch.clamp(moved, neuron.low, neuron.high)
        return state["vth"]

    def _sigma_delta(self, neuron: Any, k: int, a: Tensor, first: bool) -> Tensor:
        state, scale = self.states[k], float(2 ** (neuron.spike_exp + 6))
        if first:
            state.update(
                sigma=torch.zeros_like(a), act=torch.zeros_like(a), residue=torch.zeros_like(a)
            )
        if isinstance(neuron, Delta):
            new = wrap(a * scale, 32)
        else:
            state["sigma"] = wrap(state["sigma"] + a, 32)
            if isinstance(neuron, Sigma):
                return state["sigma"]
            new = torch.relu(wrap(state["sigma"] + self.parameters[f"{k}.bias"] * scale, 32))
        threshold = torch.tensor(neuron.threshold.astype(np.float64)) * scale
        d = wrap(new - state["act"] + state["residue"], 32)
        out = torch.where(wrap(d.abs(), 32) >= threshold, d, torch.zeros_like(d))
        state["residue"], state["act"] = d - out, new
        return through(out / 64, out.detach().long() >> 6)
