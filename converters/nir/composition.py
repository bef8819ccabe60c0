"""Linear nodes in a row as one synapse: a convolution where that is exact, else one matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.float_network import FloatConv, FloatDense, Floats, FloatSynapse, Shape
from neurodeploy.converters.nir.operations import (
    Flattening,
    Kernel,
    Late,
    Matrix,
    Operation,
    Same,
)
from neurodeploy.errors import FormatError

MAX_WEIGHTS = 2**26
"""Most weights of a matrix that stands for several nodes."""
_CHUNK = 256
_STILL = (Same, Flattening, Late)
"""Operations that change no value."""


def composed(operations: Sequence[Operation], source: Shape) -> tuple[FloatSynapse, Shape]:
    """Return the synapse that does what ``operations`` do in turn, and the shape that it gives.

    A shape that was flattened after a convolution stays (C, H, W); the order is the same.

    Raises FormatError for what no synapse can do.
    """
    delay = _delay(operations, source)
    kernel, shape = _kernel(operations, source)
    if kernel is not None and not np.any(delay):
        weight = np.ascontiguousarray(kernel.weight)
        geometry = (kernel.stride, kernel.padding, kernel.dilation, kernel.groups)
        return FloatConv(weight, *geometry), shape
    weight, end = _matrix(operations, source)
    late = delay if np.any(delay) else None
    return FloatDense(weight, late), shape if kernel is not None else end


def _delay(operations: Sequence[Operation], source: Shape) -> NDArray[Any]:
    """Return the delay in steps, broadcasting to (out, in).

    A delay that differs between elements must stand before or after all that mixes them.
    """
    before = after = np.asarray(0, np.int64)
    shape, mixed = source, False
    for operation in operations:
        if operation.mixes:
            if after.ndim:
                raise FormatError("delays that differ stand between two nodes with weights")
            mixed = True
        steps = operation.steps(shape)
        if mixed and steps.ndim:
            after = after + steps
        else:
            before = before + steps
        shape = operation.shape(shape)
    if not mixed and before.ndim:
        return before[None, :]
    total = (before[None, :] if before.ndim else before) + (after[:, None] if after.ndim else after)
    return total if total.ndim else np.full((1, math.prod(source)), total)


def _kernel(operations: Sequence[Operation], source: Shape) -> tuple[Kernel | None, Shape]:
    """Return the operations as one convolution, None where they are not exactly one."""
    if len(source) != 3:
        return None, source
    one = np.ones((source[0], 1, 1, 1))
    kernel: Kernel | None = Kernel(one, (1, 1), (0, 0), (1, 1), source[0])
    place: Shape = source
    spatial: Shape = source
    for operation in operations:
        end = operation.shape(place)
        if operation.mixes or math.prod(end) != math.prod(place) or not _keeps(operation, place):
            if len(place) != 3:
                return None, spatial
            inner = operation.kernel(place)
            kernel = None if inner is None or kernel is None else _joined(kernel, inner, spatial)
            if kernel is None:
                return None, spatial
            spatial = end
        place = end
    return kernel, spatial


def _keeps(operation: Operation, shape: Shape) -> bool:
    """Whether an operation changes no value."""
    probe = np.ones((1, *shape))
    return not operation.mixes and bool(np.all(operation.apply(probe) == 1))


def _joined(first: Kernel, second: Kernel, source: Shape) -> Kernel | None:
    """Return ``second`` after ``first``, whose result has the place of ``second``'s input."""
    if _is_one(first):
        return second
    if _is_one(second):
        return first
    if any(second.padding) and not _padding_is_zero(first, source):
        return None
    a, b = _undilated(first), _undilated(second)
    weight, groups = _product(a, b)
    stride = (first.stride[0] * second.stride[0], first.stride[1] * second.stride[1])
    padding = tuple(first.padding[k] + second.padding[k] * first.stride[k] for k in range(2))
    return Kernel(weight, stride, (padding[0], padding[1]), (1, 1), groups)


def _is_one(kernel: Kernel) -> bool:
    plain = kernel.channelwise and kernel.weight.shape[2:] == (1, 1)
    return (
        plain
        and kernel.stride == (1, 1)
        and not any(kernel.padding)
        and bool(np.all(kernel.weight == 1))
    )


def _padding_is_zero(first: Kernel, source: Shape) -> bool:
    """Whether what ``first`` would give outside of its result is 0.

    So it is where windows do not overlap and tile the source: a cell beyond the edge sees zeros.
    """
    sizes = first.weight.shape[2:]
    return (
        first.dilation == (1, 1)
        and not any(first.padding)
        and tuple(sizes) == first.stride
        and all(n % s == 0 for n, s in zip(source[1:], first.stride, strict=True))
    )


def _undilated(kernel: Kernel) -> Kernel:
    """Return the same convolution with dilation 1, zeros between its taps."""
    if kernel.dilation == (1, 1):
        return kernel
    high, wide = kernel.dilation
    out, into, rows, columns = kernel.weight.shape
    weight = np.zeros((out, into, high * (rows - 1) + 1, wide * (columns - 1) + 1))
    weight[:, :, ::high, ::wide] = kernel.weight
    return Kernel(weight, kernel.stride, kernel.padding, (1, 1), kernel.groups)


def _product(first: Kernel, second: Kernel) -> tuple[Floats, int]:
    """Return weights and groups: tap m of ``second`` meets ``first`` shifted by m * stride."""
    if not second.channelwise:
        groups = second.groups if first.channelwise else 1
        second = second if first.channelwise else _ungrouped(second)
    else:
        groups = first.groups
    a = first.weight
    b = second.weight
    high, wide = first.stride
    size = (high * (b.shape[2] - 1) + a.shape[2], wide * (b.shape[3] - 1) + a.shape[3])
    if second.channelwise:
        result = np.zeros((*a.shape[:2], *size))
    elif first.channelwise:
        result = np.zeros((*b.shape[:2], *size))
    else:
        a = _ungrouped(first).weight
        result = np.zeros((b.shape[0], a.shape[1], *size))
    for y in range(b.shape[2]):
        for x in range(b.shape[3]):
            top, left = y * high, x * wide
            part = result[:, :, top : top + a.shape[2], left : left + a.shape[3]]
            tap = b[:, :, y, x]
            if second.channelwise:
                part += a * tap[:, :, None, None]
            elif first.channelwise:
                part += tap[:, :, None, None] * _spread_inputs(a, second)
            else:
                part += np.tensordot(tap, a, 1)
    return result, groups


def _spread_inputs(weight: Floats, second: Kernel) -> Floats:
    """Return the channelwise ``weight`` of every input of every output, ``(out, in, kH, kW)``."""
    into = second.weight.shape[1]
    per_group = len(second.weight) // second.groups
    groups = np.arange(len(second.weight)) // per_group
    return np.asarray(weight[groups[:, None] * into + np.arange(into)][:, :, 0])


def _ungrouped(kernel: Kernel) -> Kernel:
    if kernel.groups == 1:
        return kernel
    out, into = kernel.weight.shape[:2]
    full = np.zeros((out, into * kernel.groups, *kernel.weight.shape[2:]))
    per_group = out // kernel.groups
    for group in range(kernel.groups):
        rows = slice(group * per_group, (group + 1) * per_group)
        full[rows, group * into : (group + 1) * into] = kernel.weight[rows]
    return Kernel(full, kernel.stride, kernel.padding, kernel.dilation, 1)


def _matrix(operations: Sequence[Operation], source: Shape) -> tuple[Floats, Shape]:
    """Return the weights ``(out, in)`` of all operations, column by column, and their shape."""
    size = math.prod(source)
    shape = source
    for operation in operations:
        shape = operation.shape(shape)
    if size * math.prod(shape) > MAX_WEIGHTS:
        raise FormatError(
            f"needs a matrix of {math.prod(shape)} x {size} weights, limit {MAX_WEIGHTS}"
        )
    moving = [operation for operation in operations if not isinstance(operation, _STILL)]
    if len(moving) == 1 and isinstance(moving[0], Matrix):
        return moving[0].weight, shape
    weight = np.empty((math.prod(shape), size))
    for start in range(0, size, _CHUNK):
        stop = min(start + _CHUNK, size)
        basis = np.zeros((stop - start, size))
        basis[np.arange(stop - start), np.arange(start, stop)] = 1
        values = basis.reshape(-1, *source)
        for operation in operations:
            values = operation.apply(values)
        weight[:, start:stop] = values.reshape(len(values), -1).T
    return weight, shape
