"""The data given to a run: checked and brought to one layout for every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurodeploy.errors import InputError, located
from neurodeploy.program import Input, Program

Data = ArrayLike | Mapping[str, ArrayLike]


@dataclass(frozen=True)
class Columns:
    """Input data of one call.

    arrays : per input of the program, uint8 or int32, C-contiguous ``(batch, steps, size)``.
    batched : whether the caller gave a batch axis.
    """

    arrays: tuple[NDArray[Any], ...]
    batched: bool

    @property
    def batch(self) -> int:
        """Number of samples, 1 for a stream."""
        return int(self.arrays[0].shape[0])

    @property
    def steps(self) -> int:
        """Number of columns."""
        return int(self.arrays[0].shape[1])


def columns(program: Program, data: Data, steps: int | None = None) -> Columns:
    """Check ``data`` and return it as `Columns`.

    data : integers or bool, ``(steps, *shape)`` or ``(batch, steps, *shape)``; a (C, H, W) input
        may be given flat. A mapping from input name to such arrays when there are several inputs.
    steps : truncate, or pad with zeros, to this many columns.

    Raises InputError that names the input, what came and what was expected.
    """
    table = _by_name(program, data)
    layouts = []
    for node in program.inputs:
        with located(f"input {node.name}"):
            layouts.append(_layout(node, table[node.name], steps))
    shapes = {(array.shape[:2], batched) for array, batched in layouts}
    if len(shapes) > 1:
        found = ", ".join(
            f"{node.name} {array.shape[:2] if batched else array.shape[1:2]}"
            for node, (array, batched) in zip(program.inputs, layouts, strict=True)
        )
        raise InputError(f"inputs differ in their leading axes: {found}")
    return Columns(tuple(array for array, _ in layouts), layouts[0][1])


def _by_name(program: Program, data: Data) -> Mapping[str, ArrayLike]:
    names = [node.name for node in program.inputs]
    if not isinstance(data, Mapping):
        if len(names) > 1:
            raise InputError(f"the program has inputs {', '.join(names)}; give a mapping by name")
        return {names[0]: data}
    if sorted(data) != sorted(names):
        raise InputError(
            f"data is given for {', '.join(map(str, data)) or 'nothing'}, "
            f"the program has inputs {', '.join(names)}"
        )
    return data


def _layout(node: Input, data: ArrayLike, steps: int | None) -> tuple[NDArray[Any], bool]:
    array = _integers(data)
    rank = len(node.shape)
    expected = f"expected (steps, {_text(node.shape)}) or (batch, steps, {_text(node.shape)})"
    flat = rank == 3 and array.ndim in (2, 3) and array.shape[-1:] == (node.size,)
    rank = 1 if flat else rank
    tail = array.shape[array.ndim - rank :] if array.ndim >= rank else ()
    if (
        array.ndim - rank not in (1, 2)
        or math.prod(tail) != node.size
        or (not flat and tail != node.shape)
    ):
        raise InputError(f"has shape {array.shape}, {expected}")
    batched = array.ndim - rank == 2
    leading = array.shape[: array.ndim - rank] if batched else (1, *array.shape[:1])
    array = array.reshape(*leading, node.size)
    if steps is not None and steps != leading[1]:
        kept = array[:, :steps]
        array = np.zeros((leading[0], steps, node.size), array.dtype)
        array[:, : kept.shape[1]] = kept
    return np.ascontiguousarray(array), batched


def _text(shape: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in shape)


def _integers(data: ArrayLike) -> NDArray[Any]:
    """Return ``data`` as uint8 or int32 without changing a value."""
    try:
        array = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise InputError(f"is not a regular array: {error}") from error
    if array.dtype.kind == "f":
        raise InputError(
            f"has dtype {array.dtype}, expected integers; convert with "
            "np.rint(x * scale).astype(np.int32), or encode it into spikes"
        )
    if array.dtype.kind not in "iub":
        raise InputError(f"has dtype {array.dtype}, expected integers or bool")
    if array.dtype in (np.bool_, np.uint8):
        return array.view(np.uint8) if array.flags.c_contiguous else array.astype(np.uint8)
    if array.dtype != np.int32 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -(2**31) or high >= 2**31:
            value = low if low < -(2**31) else high
            raise InputError(f"holds {value}, allowed are {-(2**31)} to {2**31 - 1}")
    return array.astype(np.int32, copy=False)
