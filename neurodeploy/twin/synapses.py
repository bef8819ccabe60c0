"""From messages to currents: what each synapse sends, for many steps at once or for one.

Messages and currents are integer-valued floats ``(steps, batch, size)``; one step may stand for all
of them when they are the same. Formulas are those of `neurodeploy.sim.reference`; wraps and shifts
pass gradients, the latter divided by ``2^shift``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.errors import located
from neurodeploy.registry import ByType
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse
from neurodeploy.twin.arithmetic import (
    FLOAT32_EXACT,
    exact,
    floor_through,
    round_through,
    straight_through,
    wrap_through,
)
from neurodeploy.twin.layout import Order

INT32 = 2**31
CHANNELS_LAST = torch.channels_last


class Current(NamedTuple):
    """What arrives ``lag`` steps after it was sent. bound : of its magnitude."""

    lag: int
    values: Tensor
    bound: float


@dataclass(frozen=True)
class Weights:
    """Rounded weights. row : largest sum of magnitudes of a row, entry : largest magnitude."""

    values: Tensor
    row: float
    entry: float


class Connection(nn.Module):
    """An edge of the plan with its weight as a parameter.

    weight : integer-valued, float32, or float64 where an entry exceeds 2^24; not there for
    `Direct`. Gradients are asked for with ``requires_grad_``.
    """

    weight: Tensor

    def __init__(self, plan: Plan, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        with located(f"connection {edge.name}"):
            self.send = _SENDERS.of(edge.synapse)
        node = plan.program.inputs if edge.from_input else plan.program.populations
        self.source = Order(node[edge.source].shape)
        self.target = Order(plan.stages[edge.target].population.shape)
        if edge.given is not None:
            self.weight = nn.Parameter(integer_tensor(edge.given), requires_grad=False)
        self._known: tuple[Any, Weights] | None = None
        self.refused: Tensor | None = None
        """Weights that the compiled layer could not take."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": None, "refused": None}

    def weights(self) -> Weights:
        """Return the weights, rounded; the bounds are found anew when they change."""
        weight = self.weight
        if weight.requires_grad or not isinstance(weight, nn.Parameter):
            return self._arranged(round_through(weight))
        key = (weight.data_ptr(), weight._version, weight.dtype, weight.device)
        if self._known is None or self._known[0] != key:
            self._known = (key, self._arranged(torch.round(weight.detach())))
        return self._known[1]

    def _arranged(self, values: Tensor) -> Weights:
        magnitudes = values.detach().double().abs()
        row, entry = float(magnitudes.flatten(1).sum(1).max()), float(magnitudes.max())
        return Weights(self.arranged(values) if values.dim() == 2 else values, row, entry)

    def arranged(self, matrix: Tensor) -> Tensor:
        """Return ``(out or 1, in or 1)`` with rows and columns in the twin's order."""
        if matrix.shape[1] > 1:
            matrix = self.source.inner(matrix)
        if matrix.shape[0] > 1:
            matrix = self.target.inner(matrix.t()).t()
        return matrix

    def currents(self, messages: Tensor, bound: float) -> list[Current]:
        """Return what ``messages`` cause; bound : of their magnitude."""
        if self.edge.binary and self.edge.from_input:  # spikes are 0 or 1 already
            messages = binarised(messages)
            bound = min(bound, 1.0)
        return self.send(self, messages, bound)


def integer_tensor(values: NDArray[Any]) -> Tensor:
    """Return integers as float32, or float64 where one exceeds 2^24."""
    wide = np.abs(values.astype(np.int64)).max(initial=0) > FLOAT32_EXACT
    return torch.from_numpy(values.astype(np.float64 if wide else np.float32))


def binarised(messages: Tensor) -> Tensor:
    """Return 1 where a message is not 0; gradients pass straight through."""
    return straight_through(messages, (messages.detach() != 0).to(messages.dtype))


def _direct(connection: Connection, messages: Tensor, bound: float) -> list[Current]:
    values = connection.target.inner(connection.source.outer(messages))
    return [Current(connection.edge.latency, values, bound)]


def _dense(connection: Connection, messages: Tensor, bound: float) -> list[Current]:
    edge, weights = connection.edge, connection.weights()
    delay = edge.synapse.delay if isinstance(edge.synapse, Dense) else None
    if delay is None:
        return [_sums(functional.linear, connection, messages, weights, bound)]
    result = []
    lags = connection.arranged(torch.from_numpy(np.array(delay, np.int64))).to(messages.device)
    if delay.shape[1] == 1:  # one delay for a whole row: one product serves all delays
        rows = _delayed(messages, weights, bound, edge)
        for d in np.unique(delay):
            own = rows.values * (lags[:, 0] == int(d))
            result.append(rows._replace(lag=edge.latency + int(d), values=own))
        return result
    for d in np.unique(delay):
        chosen = Weights(weights.values * (lags == int(d)), weights.row, weights.entry)
        current = _delayed(messages, chosen, bound, edge)
        result.append(current._replace(lag=edge.latency + int(d)))
    return result


def _conv(connection: Connection, messages: Tensor, bound: float) -> list[Current]:
    synapse: Any = connection.edge.synapse
    options = (synapse.stride, synapse.padding, synapse.dilation, synapse.groups)

    def multiply(x: Tensor, weight: Tensor) -> Tensor:
        maps = connection.source.maps(x.flatten(0, 1)).contiguous(memory_format=CHANNELS_LAST)
        kernel = weight.contiguous(memory_format=CHANNELS_LAST)
        result = functional.conv2d(maps, kernel, None, *options)
        return result.permute(0, 2, 3, 1).reshape(*x.shape[:2], math.prod(connection.target.shape))

    return [_sums(multiply, connection, messages, connection.weights(), bound)]


def _sums(
    multiply: Callable[[Tensor, Tensor], Tensor],
    connection: Connection,
    messages: Tensor,
    weights: Weights,
    bound: float,
) -> Current:
    """``wrap(sum_j weight[i, j] * m[j]) >> shift``."""
    edge, largest = connection.edge, bound * weights.row
    total = exact(multiply, messages, weights.values, largest)
    wrapped = wrap_through(total, edge.bits, largest)
    limit = min(largest, float(2 ** (edge.bits - 1)))
    shifted = floor_through(wrapped, edge.shift)
    return Current(edge.latency, shifted, max(limit / 2**edge.shift, 1.0))


def _delayed(messages: Tensor, weights: Weights, bound: float, edge: Edge) -> Current:
    """``wrap32((sum_j wrap32(weight[i, j] * m[j])) >> shift)``; the sum itself is wide."""
    largest = bound * weights.row
    if edge.shift == 0 or bound * weights.entry < INT32:
        total = exact(functional.linear, messages, weights.values, largest)
    else:
        approximate = functional.linear(messages.double(), weights.values.double())
        total = straight_through(approximate, _products(messages, weights.values))
    shifted = floor_through(total, edge.shift)
    limit = min(largest / 2**edge.shift + 1, float(INT32))
    return Current(edge.latency, wrap_through(shifted, 32, largest / 2**edge.shift + 1), limit)


@torch.no_grad()
def _products(messages: Tensor, weight: Tensor) -> Tensor:
    """Return ``sum_j wrap32(weight[i, j] * m[j])``, step by step: products need 64 bits."""
    long = weight.detach().long()
    steps = []
    for column in messages.detach().long():
        product = column[:, None, :] * long[None]
        wrapped = ((product + INT32) & (2 * INT32 - 1)) - INT32
        steps.append(wrapped.sum(2).double())
    return torch.stack(steps) if steps else messages.new_zeros((0, messages.shape[1], len(weight)))


_SENDERS: ByType[Callable[[Connection, Tensor, float], list[Current]]] = ByType(
    "gradient", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)


def delivered(current: Current, steps: int) -> Tensor:
    """Return a current by the step in which it arrives, zeros before; one step if all are one."""
    values = current.values
    if current.lag == 0 and len(values) in (1, steps):
        return values
    lag = min(current.lag, steps)
    kept = values.expand(steps, *values.shape[1:])[: steps - lag]
    return torch.cat([values.new_zeros((lag, *values.shape[1:])), kept])


def added(parts: list[tuple[Tensor, float]]) -> tuple[Tensor, float]:
    """Return the sum of currents, wrapped to 32 bits, and its bound; gradients pass."""
    total, bound = parts[0]
    for values, limit in parts[1:]:
        bound += limit
        dtype = torch.float64 if bound >= FLOAT32_EXACT else total.dtype
        total = total.to(dtype) + values
    return wrap_through(total, 32, bound), min(bound, float(INT32))
