"""The data given to a twin: checked, and brought to one layout without losing a gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.errors import InputError, located
from neurodeploy.program import Input
from neurodeploy.twin.arithmetic import FLOAT32_EXACT
from neurodeploy.twin.layout import Order

Data = Any
"""A tensor or array for a program of one input, or a mapping from input name to them."""

LOWEST, HIGHEST = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Column:
    """The values of one input.

    values : integer-valued float ``(steps, batch, size)`` in the twin's order, or ``(1, batch,
    size)`` where every step is the same. bound : largest magnitude.
    """

    values: Tensor
    bound: float


@dataclass(frozen=True)
class Columns:
    """The values of all inputs, in order. batched : whether the caller gave a batch axis.

    dtype : in which gradients are carried.
    """

    inputs: tuple[Column, ...]
    dtype: torch.dtype
    steps: int
    batch: int
    batched: bool


def columns(
    inputs: tuple[Input, ...], data: Data, steps: int | None, device: torch.device
) -> Columns:
    """Check ``data`` for ``inputs``; layouts and rules are those of `neurodeploy.simulate`.

    data : integers, bool, or floats that hold whole numbers; may require gradients. steps :
    truncate, or pad with zeros, to this many.

    Data expanded along the steps (``x[:, None].expand(-1, steps, -1)``) are computed with once, and
    their gradient reaches the tensor that was expanded, not the expanded view. float64 data are
    computed with, and their gradients carried, in float64; others in float32 where that is exact.

    Raises InputError that names the input, what came and what was expected.
    """
    table = _by_name(inputs, data)
    found = []
    for node in inputs:
        with located(f"input {node.name}"):
            found.append(_layout(node, _tensor(table[node.name], device)))
    leading = {(values.shape[:2], batched) for values, _, batched in found}
    if len(leading) > 1:
        text = ", ".join(
            f"{node.name} {tuple(values.shape[:2]) if batched else tuple(values.shape[1:2])}"
            for node, (values, _, batched) in zip(inputs, found, strict=True)
        )
        raise InputError(f"inputs differ in their leading axes: {text}")
    batch, given = found[0][0].shape[:2]
    double = any(values.dtype == torch.float64 for values, _, _ in found)
    dtype = torch.float64 if double else torch.float32
    columns = tuple(
        _column(node, values, base, given if steps is None else steps, dtype)
        for node, (values, base, _) in zip(inputs, found, strict=True)
    )
    return Columns(columns, dtype, given if steps is None else steps, batch, found[0][2])


def _by_name(inputs: tuple[Input, ...], data: Data) -> Mapping[str, Any]:
    names = [node.name for node in inputs]
    if not isinstance(data, Mapping):
        if len(names) > 1:
            raise InputError(f"the program has inputs {', '.join(names)}; give a mapping by name")
        return {names[0]: data}
    if sorted(map(str, data)) != sorted(names):
        raise InputError(
            f"data is given for {', '.join(map(str, data)) or 'nothing'}, "
            f"the program has inputs {', '.join(names)}"
        )
    return data


def _tensor(data: Any, device: torch.device) -> Tensor:
    if not isinstance(data, Tensor):
        try:
            data = torch.from_numpy(np.array(data))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"is not a regular array of numbers: {error}") from error
    if data.is_complex() or data.layout != torch.strided:
        raise InputError(f"has dtype {data.dtype}, layout {data.layout}, expected dense numbers")
    result: Tensor = data.to(device)
    return result


def _layout(node: Input, data: Tensor) -> tuple[Tensor, Tensor | None, bool]:
    """Return (``(batch, steps, size)``, ``(batch, 1, size)`` if all steps are one, batched)."""
    rank = len(node.shape)
    if rank == 3 and data.dim() in (2, 3) and data.shape[-1] == node.size:
        rank = 1
    elif data.dim() <= rank or tuple(data.shape[data.dim() - rank :]) != node.shape:
        rank = data.dim()
    if data.dim() - rank not in (1, 2):
        shape = ", ".join(map(str, node.shape))
        raise InputError(
            f"has shape {tuple(data.shape)}, expected (steps, {shape}) or (batch, steps, {shape})"
        )
    batched = data.dim() - rank == 2
    batch, steps = data.shape[:2] if batched else (1, data.shape[0])
    return data.reshape(batch, steps, node.size), _expanded(node, data, batched), batched


def _expanded(node: Input, data: Tensor, batched: bool) -> Tensor | None:
    """Return what ``data`` repeats in every step, ``(batch, 1, size)``, or None if it does not."""
    axis = int(batched)
    if data.dim() <= axis or data.shape[axis] < 2 or data.stride(axis) != 0:
        return None
    first = data.select(axis, 0)
    if data.requires_grad:
        base = data._base
        own = data.is_leaf or data.retains_grad  # somebody asks for the gradient of every step
        if own or base is None or base.numel() != first.numel():
            return None
        if not (base.is_contiguous() and first.is_contiguous()):
            return None
        first = base
    return first.reshape(-1, 1, node.size)


def _column(
    node: Input, values: Tensor, base: Tensor | None, steps: int, dtype: torch.dtype
) -> Column:
    given = values.shape[1]
    kept = values[:, :steps] if base is None or steps > given else base
    with located(f"input {node.name}"):
        bound = _checked(kept.detach())
    dtype = dtype if bound <= FLOAT32_EXACT else torch.float64
    columns = Order(node.shape).inner(kept.to(dtype).transpose(0, 1))
    if steps > given:
        columns = torch.cat([columns, columns.new_zeros((steps - given, *columns.shape[1:]))])
    return Column(columns.contiguous(), bound)


def _checked(values: Tensor) -> float:
    """Return the largest magnitude; raise InputError unless all are whole and fit int32."""
    if values.numel() == 0 or values.dtype == torch.bool:
        return 1.0
    low, high = (float(value) for value in torch.aminmax(values))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"holds {_first(values, ~torch.isfinite(values))}, expected whole numbers")
    if values.is_floating_point():
        fractional = torch.frac(values) != 0
        if bool(fractional.any()):
            raise InputError(
                f"holds {_first(values, fractional):.6g}, expected whole numbers; round them, or "
                "encode them into spikes"
            )
    if low < LOWEST or high > HIGHEST:
        outside = low if low < LOWEST else high
        raise InputError(f"holds {int(outside)}, allowed are {LOWEST} to {HIGHEST}")
    return max(abs(low), abs(high))


def _first(values: Tensor, mask: Tensor) -> float:
    return float(values[mask][0])
