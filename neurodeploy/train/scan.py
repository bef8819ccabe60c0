"""The CUBA-LIF recurrence over all steps: integers forward, surrogate gradients backward.

Forward, per step t, exactly as `neurodeploy.sim.dynamics` (M = 2^23, tz = divide by 4096 toward 0):

    x = wrap32(tz(u * (4096 - current_decay)) + wrap32(a << 6))
    u = x folded back once by 2^24 beyond M
    v = saturate(tz(v * (4096 - voltage_decay)) + u + (bias << 6))
    s = v > threshold << 6;  v = 0 where s

Backward, T to 1, with two carried gradients. Roundings, wraps and folds pass gradients unchanged;
a saturated v passes none; the reset cuts the path through v where the neuron fired.
``ds/dv = surrogate((v - 64 threshold) / (64 unit)) / (64 unit)``.

The torch operations here are the path for GPUs and the twin that the compiled scan is tested
against.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodeploy.fixedpoint import DECAY_ONE, M
from neurodeploy.train import compiled
from neurodeploy.train.quantise import exact_dtype, row_bound
from neurodeploy.train.surrogate import SURROGATES

MANTISSA = 64
"""Value in u or v of one unit of current, bias or threshold."""


@dataclass(frozen=True)
class ScanOptions:
    """How a scan runs.

    steps : T. unit : mantissa that stands for 1.0, scales the surrogate. surrogate, width : its
    name and width. spiking : False for an integrator. reset_gradient : let the gradient pass
    through the reset factor (1 - s) as well. backend : ``"auto"``, ``"torch"`` or ``"native"``.
    """

    steps: int
    unit: float
    surrogate: str = "fast_sigmoid"
    width: float = 1.0
    spiking: bool = True
    reset_gradient: bool = False
    backend: str = "auto"


@dataclass(frozen=True)
class ScanParameters:
    """Integer-valued float tensors ``(N,)``; recurrent ``(N, N)`` or None (see `scan`)."""

    current_decay: Tensor
    voltage_decay: Tensor
    threshold: Tensor
    bias: Tensor
    recurrent: Tensor | None = None


def scan(a: Tensor, parameters: ScanParameters, options: ScanOptions) -> tuple[Tensor, Tensor]:
    """Return spikes s (0.0 or 1.0) and v before the reset, both float32 ``(T, batch, N)``.

    a : integer-valued ``(T, batch, N)``, or ``(1, batch, N)`` for a current that is the same at
        every step. With ``recurrent`` weights R, ``s[t - 1] @ R.T`` is added to a[t].
    """
    s, v = _Scan.apply(  # type: ignore[no-untyped-call]
        a,
        parameters.current_decay,
        parameters.voltage_decay,
        parameters.threshold,
        parameters.bias,
        parameters.recurrent,
        options,
    )
    return s, v


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        current_decay: Tensor,
        voltage_decay: Tensor,
        threshold: Tensor,
        bias: Tensor,
        recurrent: Tensor | None,
        options: ScanOptions,
    ) -> tuple[Tensor, Tensor]:
        parameters = ScanParameters(current_decay, voltage_decay, threshold, bias, recurrent)
        native = compiled.usable(a, recurrent, options)
        keep_u = current_decay.requires_grad
        run = compiled.forward if native else forward_torch
        s, v, u = run(a, parameters, options, keep_u)
        ctx.save_for_backward(s, v, u, current_decay, voltage_decay, threshold, bias, recurrent)
        ctx.options, ctx.native = options, native
        ctx.source = a.shape[0], a.dtype
        ctx.set_materialize_grads(False)
        return s, v

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        s, v, u, *rest = ctx.saved_tensors
        parameters = ScanParameters(*rest)
        run = compiled.backward if ctx.native else backward_torch
        found = run(grads[0], grads[1], Saved(s, v, u), parameters, ctx.options, ctx.source[0])
        return (
            found.a.to(ctx.source[1]),
            found.current_decay,
            found.voltage_decay,
            found.threshold,
            found.bias,
            found.recurrent,
            None,
        )


@dataclass(frozen=True)
class Saved:
    """What the forward pass keeps: s, v before the reset, and u where its decay is learned."""

    s: Tensor
    v: Tensor
    u: Tensor | None


@dataclass(frozen=True)
class Gradients:
    """Gradients of the arguments of `scan`, in units of their integers."""

    a: Tensor
    current_decay: Tensor | None
    voltage_decay: Tensor | None
    threshold: Tensor | None
    bias: Tensor | None
    recurrent: Tensor | None = None


def forward_torch(
    a: Tensor, parameters: ScanParameters, options: ScanOptions, keep_u: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run the recurrence in int64 torch operations; return (s, v before reset, u or None)."""
    keep_current = DECAY_ONE - parameters.current_decay.long()
    keep_voltage = DECAY_ONE - parameters.voltage_decay.long()
    bias, threshold = parameters.bias.long() * MANTISSA, parameters.threshold.long() * MANTISSA
    u = torch.zeros(a.shape[1:], dtype=torch.int64, device=a.device)
    v, s = torch.zeros_like(u), torch.zeros_like(u, dtype=torch.bool)
    spikes, voltages, currents = [], [], []
    for step in _steps(a, options.steps):
        current = step.long()
        if parameters.recurrent is not None:
            current = _wrap32(current + _feedback(s, parameters.recurrent))
        x = _wrap32(_tz(u * keep_current) + _wrap32(current * MANTISSA))
        u = x - 2 * M * (x > M).long() + 2 * M * (x <= -M).long()
        v = torch.clamp(_wrap32(_tz(v * keep_voltage) + u + bias), -(M - 1), M - 1)
        s = (v > threshold) if options.spiking else torch.zeros_like(s)
        spikes.append(s.float())
        voltages.append(v.float())
        currents.append(u.float() if keep_u else None)
        v = v * ~s
    u_all = torch.stack([c for c in currents if c is not None]) if keep_u else None
    return torch.stack(spikes), torch.stack(voltages), u_all


def _steps(a: Tensor, steps: int) -> Iterator[Tensor]:
    return (a[t if a.shape[0] > 1 else 0] for t in range(steps))


def _feedback(s: Tensor, recurrent: Tensor) -> Tensor:
    """Return ``s @ R.T`` in int64."""
    dtype = exact_dtype(row_bound(recurrent))
    return (s.to(dtype) @ recurrent.to(dtype).t()).long()


def _tz(product: Tensor) -> Tensor:
    return torch.sign(product) * (product.abs() >> 12)


def _wrap32(value: Tensor) -> Tensor:
    return ((value + 2**31) & (2**32 - 1)) - 2**31


def backward_torch(
    grad_s: Tensor | None,
    grad_v: Tensor | None,
    saved: Saved,
    parameters: ScanParameters,
    options: ScanOptions,
    source_steps: int,
) -> Gradients:
    """Run the carried gradients from T to 1 in float32 torch operations."""
    sums = _Sums(saved, parameters, options)
    grad_a = torch.zeros((source_steps, *saved.v.shape[1:]), device=saved.v.device)
    carry_v, carry_u = torch.zeros_like(saved.v[0]), torch.zeros_like(saved.v[0])
    from_next: Tensor | None = None
    for t in range(options.steps - 1, -1, -1):
        of_spike = _add(None if grad_s is None else grad_s[t], from_next)
        spike_path = sums.spike_path(t, of_spike, carry_v)
        pre = carry_v * (1.0 - saved.s[t]) + spike_path
        pre = _add(None if grad_v is None else grad_v[t], pre)
        pre = pre * (saved.v[t].abs() < M - 1)
        of_u = pre + carry_u
        here = of_u * MANTISSA
        if source_steps > 1:
            grad_a[t] = here
        else:
            grad_a[0] += here
        sums.add(t, pre, of_u, here, spike_path)
        from_next = None if parameters.recurrent is None else here @ parameters.recurrent
        carry_v = pre * sums.keep_voltage
        carry_u = of_u * sums.keep_current
    return sums.gradients(grad_a)


def _add(first: Tensor | None, second: Tensor | None) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return first + second


class _Sums:
    """The gradients of the parameters, summed over steps and batch."""

    def __init__(self, saved: Saved, parameters: ScanParameters, options: ScanOptions) -> None:
        self.saved, self.parameters, self.options = saved, parameters, options
        self.keep_current = (DECAY_ONE - parameters.current_decay) / DECAY_ONE
        self.keep_voltage = (DECAY_ONE - parameters.voltage_decay) / DECAY_ONE
        self._totals: dict[str, Tensor] = {}

    def spike_path(self, t: int, of_spike: Tensor | None, carry_v: Tensor) -> Any:
        """Return the gradient that reaches v through the spike test (0.0 where there is none)."""
        if not self.options.spiking:
            return 0.0
        size = MANTISSA * self.options.unit
        z = (self.saved.v[t] - MANTISSA * self.parameters.threshold) / size
        slope = SURROGATES[self.options.surrogate](z, self.options.width) / size
        total = 0.0 if of_spike is None else of_spike
        if self.options.reset_gradient:
            total = total - carry_v * self.saved.v[t]
        return slope * total

    def add(self, t: int, pre: Tensor, of_u: Tensor, here: Tensor, spike_path: Any) -> None:
        """Add step t: pre and of_u are dL/dv and dL/du, here is dL/da, all ``(batch, N)``."""
        s, v, u = self.saved.s, self.saved.v, self.saved.u
        if self.parameters.bias.requires_grad:
            self._sum("bias", MANTISSA * pre.sum(0))
        if self.parameters.threshold.requires_grad and self.options.spiking:
            self._sum("threshold", -MANTISSA * spike_path.sum(0))
        if t == 0:
            return
        if self.parameters.voltage_decay.requires_grad:
            before = v[t - 1] * (1.0 - s[t - 1])
            self._sum("voltage_decay", -(pre * before).sum(0) / DECAY_ONE)
        if u is not None:
            self._sum("current_decay", -(of_u * u[t - 1]).sum(0) / DECAY_ONE)
        if self.parameters.recurrent is not None:
            self._sum("recurrent", here.t() @ s[t - 1])

    def _sum(self, name: str, value: Tensor) -> None:
        self._totals[name] = self._totals[name] + value if name in self._totals else value

    def gradients(self, a: Tensor) -> Gradients:
        """Return the sums; a parameter that is not learned has None."""
        return Gradients(a, *(self._wanted(n) for n in _PARAMETER_NAMES))

    def _wanted(self, name: str) -> Tensor | None:
        parameter = getattr(self.parameters, name)
        if parameter is None or not parameter.requires_grad:
            return None
        return self._totals.get(name, torch.zeros_like(parameter))


_PARAMETER_NAMES = ("current_decay", "voltage_decay", "threshold", "bias", "recurrent")
