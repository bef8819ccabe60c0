"""A population of the twin: its parameters, and its rule run over the steps of a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE
from neurodeploy.sim.plan import Stage
from neurodeploy.twin import compiled, fused
from neurodeploy.twin.arithmetic import round_through, wrap_through
from neurodeploy.twin.layout import Order
from neurodeploy.twin.rule import Named, Pass
from neurodeploy.twin.rules import rule_of
from neurodeploy.twin.scan import scan
from neurodeploy.twin.slopes import UNIT, Slope, Slopes
from neurodeploy.twin.synapses import Weights, integer_tensor

LEARNED = ("threshold", "bias", "gain", "theta")
"""Fields that become parameters; the others become buffers."""
DRIVE_EXACT = 2**24
"""Largest input ``a * gain`` of which one fold of u suffices, and with it 24 bits."""


@dataclass(frozen=True)
class Timing:
    """How the columns of a pass lie in time. interval : reset interval or None.

    dtype : of what fits float32, and of the gradients.
    """

    steps: int
    batch: int
    interval: int | None
    through: frozenset[str]
    dtype: torch.dtype


class Population(nn.Module):
    """A stage of the plan with its parameters as the record has them, per-step fields first.

    Parameters ``threshold, bias, gain, theta`` as far as the model has them, integer-valued and
    frozen until ``requires_grad_``; rounded half to even in every pass, straight through. Decays,
    ``initial`` and ``signature`` are buffers.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.rule = rule_of(stage.population)
        self.size, self.shape = stage.population.size, stage.population.shape
        neuron = stage.population.neuron
        self.states = self.rule.states(neuron)
        for field in fields(neuron):
            value = getattr(neuron, field.name)
            if isinstance(value, np.ndarray):
                self._hold(field.name, integer_tensor(value))

    def _hold(self, name: str, value: Tensor) -> None:
        if name in LEARNED:
            self.register_parameter(name, nn.Parameter(value, requires_grad=False))
        else:
            self.register_buffer(name, value)

    def given(self) -> Named:
        """Return the parameters, one value per neuron ``(N,)``; gain and signature per step."""
        neuron, order = self.stage.population.neuron, Order(self.shape)
        result = {}
        for name in [*dict(self.named_parameters()), *dict(self.named_buffers())]:
            value = round_through(getattr(self, name))
            if name == "signature":
                value = order.inner(value.flatten(1))
            elif name not in neuron.per_step:
                value = order.inner(value.expand(self.shape).reshape(-1))
            result[name] = value
        return result


class Stream:
    """One population in one pass: takes currents of consecutive steps, gives messages and states.

    A reset that is due begins a new sample from a fresh state.
    """

    def __init__(
        self, population: Population, timing: Timing, slope: Slope, whole: bool = False
    ) -> None:
        """whole : all steps come in one `advance`, and states are asked for by name only."""
        self.population, self.timing, self.slopes = population, timing, Slopes(slope)
        self.whole = whole
        self.stage = population.stage
        self.given = population.given()
        self.bias = self.given.pop("bias", None)
        self.steady = self._is_steady()
        self.column = 0
        self.state, self.wide = self._fresh(), False

    def _fresh(self) -> Named:
        return self.population.rule.fresh(self.given, self.timing.batch)

    def _is_steady(self) -> bool:
        """Whether both decays lie in 0..4096, so that no state grows by itself."""
        decays = [self.given[n] for n in ("current_decay", "voltage_decay") if n in self.given]
        return all(bool(((d >= 0) & (d <= DECAY_ONE)).all()) for d in decays)

    def advance(
        self, steps: int, a: Tensor, bound: float, bias_in: tuple[Tensor, float] | None
    ) -> Named:
        """Advance by ``steps`` and return s and the states after each, ``(steps, batch, N)``.

        a : what arrives, ``(steps, batch, N)``, or one step that stands for all; bound : of its
        magnitude. bias_in : the same of the port ``bias``, or None.
        """
        bias = self._bias(bias_in)
        self.whole = self.whole and bias_in is None
        parts = []
        for start, stop in self._segments(self.column, self.column + steps):
            self._begin(start)
            here = slice(start - self.column, stop - self.column)
            own_bias = None if bias is None else _part(bias, here)
            outputs = self._scan(range(start, stop), _part(a, here), bound, own_bias)
            if stop > start and "before" not in outputs:
                self.state = {name: outputs[name][-1] for name in self.population.states}
            parts.append(outputs)
        self.column += steps
        return joined(parts)

    def fuse(
        self,
        geometry: fused.Geometry,
        messages: Tensor,
        packed: fused.Bits | None,
        weights: Weights,
    ) -> fused.Layer | None:
        """Run sums and scan of all steps in one; see `fused.run`."""
        bias = self._bias(None)
        assert bias is not None
        neuron = self.stage.population.neuron
        return fused.run(geometry, messages, packed, weights, neuron, self.given, bias)

    def advance_fused(self, a: Tensor, ready: tuple[Tensor, Tensor]) -> Named:
        """Take all steps at once as `advance`, s and v before the reset being known already."""
        self._begin(0)
        return self._scan(range(self.timing.steps), a, 0.0, self._bias(None), ready)

    def is_fusable(self) -> bool:
        """Whether one sample takes all steps, of neurons that the compiled scan knows."""
        steps, neuron = self.timing.steps, self.stage.population.neuron
        return (
            self.steady
            and self.timing.dtype == torch.float32
            and steps > 0
            and compiled.plain(neuron, self.given)
            and len(self._segments(0, steps)) == 1
        )

    def _begin(self, column: int) -> None:
        if self._is_reset(column):
            self.state, self.wide = self._fresh(), False

    def _segments(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return spans without a due reset, but for their first column."""
        cuts = [c for c in range(start + 1, stop) if self._is_reset(c)]
        edges = [start, *cuts, stop]
        return list(pairwise(edges))

    def _is_reset(self, column: int) -> bool:
        return self.population.rule.resets and self.stage.is_reset(column, self.timing.interval)

    def _bias(self, bias_in: tuple[Tensor, float] | None) -> Tensor | None:
        """``wrap16(bias + bias_in)`` for the CUBA family, ``(steps or 1, batch or 1, N)``."""
        if self.bias is None:
            return None
        own = self.bias[None, None]
        if "current_decay" not in self.given:
            return own
        bound = float(own.detach().abs().max())
        total = own.double()
        if bias_in is not None:
            total, bound = total + bias_in[0], bound + bias_in[1]
        return wrap_through(total, BIAS_BITS, bound)

    def _scan(
        self,
        columns: range,
        a: Tensor,
        bound: float,
        bias: Tensor | None,
        ready: tuple[Tensor, Tensor] | None = None,
    ) -> Named:
        index = tuple(self.stage.sample_step(c, self.timing.interval) for c in columns)
        given: Named = {"a": a, **self.given}
        gains = self._gains(index)
        if gains is not None:
            given["gain"] = gains
        if bias is not None:
            given["bias"] = bias
        for name in self.population.states:
            given[f"{name}0"] = self.state[name]
        values = tuple(gains.tolist()) if gains is not None else (float(UNIT),) * len(index)
        largest = max((abs(value) for value in values), default=0.0)
        narrow = self.steady and self._drive(a, bound) * largest <= DRIVE_EXACT
        self.wide = self.wide or not narrow
        call = Pass(
            neuron=self.stage.population.neuron,
            steps=len(index),
            index=index,
            gains=values,
            through=self.timing.through,
            slopes=self.slopes,
            steady=self.steady,
            wide=self.wide,
            dtype=self.timing.dtype,
            whole=self.whole,
            ready=ready,
        )
        return scan(self.population.rule, call, given)

    def _drive(self, a: Tensor, bound: float) -> float:
        """Return a bound of a: the one that is known, or what a holds where that is too large."""
        if bound * UNIT <= DRIVE_EXACT or a.numel() == 0:
            return bound
        return float(a.detach().abs().max())

    def _gains(self, index: Sequence[int]) -> Tensor | None:
        """Return the input mantissa of each step, 64 outside the sample; None without gain."""
        gain = self.given.get("gain")
        if gain is None:
            return None
        extended = torch.cat([gain, gain.new_full((1,), UNIT)])
        chosen = [i if 0 <= i < len(gain) else len(gain) for i in index]
        return extended[torch.tensor(chosen, dtype=torch.long, device=gain.device)]


def _part(values: Tensor, steps: slice) -> Tensor:
    """Return some steps of what may be one for all; a part that is the whole is no new view."""
    whole = len(values) == 1 or (steps.start == 0 and steps.stop == len(values))
    return values if whole else values[steps]


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return outputs of consecutive steps as one."""
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
