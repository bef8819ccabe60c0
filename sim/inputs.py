"""The data given to a run: checked and brought to one layout for every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurodeploy.errors import CapacityError, InputError, located
from neurodeploy.memory import amount, require
from neurodeploy.program import Input

Data = ArrayLike | Mapping[str, ArrayLike]


class Columns(NamedTuple):
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


def columns(inputs: tuple[Input, ...], data: Data, steps: int | None = None) -> Columns:
    """Check ``data`` for ``inputs`` and return it as `Columns`.

    data : integers or bool, ``(steps, *shape)`` or ``(batch, steps, *shape)``; a (C, H, W) input
        may be given flat. A mapping from input name to such arrays when there are several inputs.
    steps : truncate, or pad with zeros, to this many columns.

    C-contiguous uint8, bool and int32 are taken as they are; everything else is copied.

    Raises InputError that names the input, what came and what was expected; CapacityError when
    the padded data need more memory than there is.
    """
    if len(inputs) == 1 and type(data) is np.ndarray and _fits(inputs[0], data, steps):
        flat = data if data.ndim == 3 else data.reshape(*data.shape[:2], inputs[0].size)
        return Columns((flat,), True)
    table = _by_name(inputs, data)
    layouts = []
    for node in inputs:
        with located(f"input {node.name}"):
            layouts.append(_layout(node, table[node.name], steps))
    shapes = {(array.shape[:2], batched) for array, batched in layouts}
    if len(shapes) > 1:
        found = ", ".join(
            f"{node.name} {array.shape[:2] if batched else array.shape[1:2]}"
            for node, (array, batched) in zip(inputs, layouts, strict=True)
        )
        raise InputError(f"inputs differ in their leading axes: {found}")
    return Columns(tuple(array for array, _ in layouts), layouts[0][1])


def _fits(node: Input, data: NDArray[Any], steps: int | None) -> bool:
    """Whether ``data`` are a batch that can be taken as it is, without a look at its values."""
    shape = data.shape
    return (
        (shape[2:] == node.shape or (len(shape) == 3 and shape[2] == node.size))
        and (steps is None or steps == shape[1])
        and (data.dtype == np.uint8 or data.dtype == np.int32)
        and data.flags.c_contiguous
    )


def _by_name(inputs: tuple[Input, ...], data: Data) -> Mapping[str, ArrayLike]:
    names = [node.name for node in inputs]
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
        array = _padded(array, steps) if steps > leading[1] else array[:, :steps]
    return np.ascontiguousarray(array), batched


def _padded(array: NDArray[Any], steps: int) -> NDArray[Any]:
    """Return ``array`` with zeros behind it in time, ``(batch, steps, size)``."""
    batch, given, size = array.shape
    what, way_out = f"padding to {steps} steps", "take fewer steps or fewer samples at a time"
    needed = batch * steps * size * array.itemsize
    require(needed, what, way_out)
    try:
        result = np.zeros((batch, steps, size), array.dtype)
    except (MemoryError, ValueError) as error:
        raise CapacityError(f"{what} needs {amount(needed)} of memory; {way_out}") from error
    result[:, :given] = array
    return result


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
