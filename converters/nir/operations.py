"""The linear nodes of NIR: what each does to a value, and as a convolution where it is one.

Values have the internal shape (N,) or (C, H, W); a NIR value of shape (C, L) is (C, 1, L).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.float_network import Floats, Shape
from neurodeploy.converters.nir.graph import Node
from neurodeploy.errors import FormatError, located

Pads = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A strided convolution with zeros around. weight : ``(Cout, Cin / groups, kH, kW)``.

    channelwise : whether output c depends on input c alone.
    """

    weight: Floats
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @property
    def channelwise(self) -> bool:
        """Whether each channel keeps to itself."""
        return bool(self.groups == self.weight.shape[0] and self.weight.shape[1] == 1)


@dataclass(frozen=True, eq=False)
class Operation:
    """A linear node. mixes : whether an output depends on more than the same element."""

    mixes: ClassVar[bool] = True

    def shape(self, source: Shape) -> Shape:
        """Return the shape of the result; FormatError where ``source`` does not fit."""
        return source

    def apply(self, x: Floats) -> Floats:
        """Return the linear part for ``x`` of shape ``(batch, *source)``."""
        return x

    def constant(self, source: Shape) -> Floats:
        """Return the constant part, of shape ``()`` or broadcasting to the result."""
        return np.asarray(0.0)

    def kernel(self, source: Shape) -> Kernel | None:
        """Return the operation as a convolution of a (C, H, W) value; None where it is none."""
        return None

    def steps(self, source: Shape) -> NDArray[Any]:
        """Return the delay in steps, of shape ``()`` or ``(size,)``."""
        return np.asarray(0)


@dataclass(frozen=True, eq=False)
class Matrix(Operation):
    """Affine and Linear: ``W x + b`` with x read flat."""

    weight: Floats
    bias: Floats

    def shape(self, source: Shape) -> Shape:
        if math.prod(source) != self.weight.shape[1]:
            raise FormatError(
                f"weight has shape {self.weight.shape}, its input has shape {source}, "
                f"{math.prod(source)} values"
            )
        return (self.weight.shape[0],)

    def apply(self, x: Floats) -> Floats:
        return np.asarray(x.reshape(len(x), -1) @ self.weight.T)

    def constant(self, source: Shape) -> Floats:
        return self.bias


@dataclass(frozen=True, eq=False)
class Convolution(Operation):
    """Conv1d and Conv2d. pads : cells before and after, for each axis."""

    weight: Floats
    bias: Floats
    stride: tuple[int, int]
    pads: Pads
    dilation: tuple[int, int]
    groups: int

    def shape(self, source: Shape) -> Shape:
        channels = self.weight.shape[1] * self.groups
        if len(source) != 3 or source[0] != channels:
            raise FormatError(
                f"weight has shape {self.weight.shape} with groups {self.groups}, "
                f"its input has shape {source}, expected {channels} channels"
            )
        return (self.weight.shape[0], *(self._size(n, axis) for axis, n in enumerate(source[1:])))

    def _size(self, cells: int, axis: int) -> int:
        reach = self.dilation[axis] * (self.weight.shape[2 + axis] - 1) + 1
        room = cells + sum(self.pads[axis]) - reach
        if room < 0:
            raise FormatError(f"kernel reaches over {reach} cells, its input has {cells}")
        return int(room // self.stride[axis] + 1)

    def apply(self, x: Floats) -> Floats:
        padded = np.pad(x, ((0, 0), (0, 0), *self.pads))
        windows = padded
        for axis, (d, k) in enumerate(zip(self.dilation, self.weight.shape[2:], strict=True), 2):
            windows = np.lib.stride_tricks.sliding_window_view(windows, d * (k - 1) + 1, axis)
        windows = windows[
            :, :, :: self.stride[0], :: self.stride[1], :: self.dilation[0], :: self.dilation[1]
        ]
        parts = zip(
            np.split(windows, self.groups, 1), np.split(self.weight, self.groups, 0), strict=True
        )
        found = [np.tensordot(w, k, ((1, 4, 5), (1, 2, 3))) for w, k in parts]
        return np.ascontiguousarray(np.moveaxis(np.concatenate(found, -1), -1, 1))

    def constant(self, source: Shape) -> Floats:
        return self.bias.reshape(-1, 1, 1)

    def kernel(self, source: Shape) -> Kernel | None:
        if any(before != after for before, after in self.pads):
            return None
        padding = (self.pads[0][0], self.pads[1][0])
        return Kernel(self.weight, self.stride, padding, self.dilation, self.groups)


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """SumPool2d and AvgPool2d; an average counts the zeros around, as torch does."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    average: bool

    def _convolution(self, channels: int) -> Convolution:
        share = 1 / math.prod(self.size) if self.average else 1.0
        weight = np.full((channels, 1, *self.size), share)
        pads = tuple((p, p) for p in self.padding)
        zero = np.zeros(channels)
        return Convolution(weight, zero, self.stride, pads, (1, 1), channels)  # type: ignore[arg-type]

    def shape(self, source: Shape) -> Shape:
        if len(source) != 3:
            raise FormatError(f"pools an input of shape {source}, expected (C, H, W)")
        return self._convolution(source[0]).shape(source)

    def apply(self, x: Floats) -> Floats:
        return self._convolution(x.shape[1]).apply(x)

    def kernel(self, source: Shape) -> Kernel | None:
        return self._convolution(source[0]).kernel(source)


@dataclass(frozen=True, eq=False)
class Diagonal(Operation):
    """Scale: element by element."""

    mixes: ClassVar[bool] = False
    scale: Floats

    def shape(self, source: Shape) -> Shape:
        spread(self.scale, source, "scale")
        return source

    def apply(self, x: Floats) -> Floats:
        return np.asarray(x * spread(self.scale, x.shape[1:], "scale"))

    def kernel(self, source: Shape) -> Kernel | None:
        scale = np.broadcast_to(spread(self.scale, source, "scale"), source)
        if len(source) != 3 or not np.all(scale == scale[:, :1, :1]):
            return None
        return Kernel(scale[:, :1, :1, None].copy(), (1, 1), (0, 0), (1, 1), source[0])


@dataclass(frozen=True, eq=False)
class Same(Operation):
    """Identity."""

    mixes: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class Flattening(Operation):
    """Flatten: the values in C,H,W order; the axes that it leaves do not change the order."""

    mixes: ClassVar[bool] = False

    def shape(self, source: Shape) -> Shape:
        return (math.prod(source),)

    def apply(self, x: Floats) -> Floats:
        return x.reshape(len(x), -1)


@dataclass(frozen=True, eq=False)
class Late(Operation):
    """Delay, in whole steps."""

    mixes: ClassVar[bool] = False
    delay: NDArray[Any]

    def shape(self, source: Shape) -> Shape:
        spread(self.delay, source, "delay")
        return source

    def steps(self, source: Shape) -> NDArray[Any]:
        return np.asarray(spread(self.delay, source, "delay").reshape(-1), np.int64).squeeze()


def spread(values: Floats, shape: Shape, what: str) -> Floats:
    """Return ``values`` as one number or in ``shape``; one value for each channel is spread.

    Raises FormatError where they are neither one, nor one for each element or channel.
    """
    if values.size == 1:
        return np.asarray(values.reshape(()))
    if values.size == math.prod(shape):
        return np.asarray(values.reshape(shape))
    if len(shape) == 3 and values.shape in ((shape[0],), (shape[0], 1, 1), (shape[0], 1)):
        return np.asarray(np.broadcast_to(values.reshape(-1, 1, 1), shape))
    raise FormatError(f"{what} has shape {values.shape}, expected {shape} or one number")


def _pair(node: Node, key: str, low: int, axes: int = 2) -> tuple[int, int]:
    """Return whole numbers for both axes; in one dimension the height is neutral."""
    value = node.fields[key]
    found = np.asarray(value).reshape(-1)
    if isinstance(value, str) or found.size not in (1, axes) or np.any(found != np.rint(found)):
        raise FormatError(
            f"{key} is {value!r}, expected {'one or two' if axes == 2 else 'one'} whole numbers"
        )
    if np.any(found < low) or np.any(found > 2**31 - 1):
        raise FormatError(f"{key} is {found.tolist()}, allowed are {low} to {2**31 - 1}")
    if axes == 1:
        return (0 if key == "padding" else 1), int(found[0])
    return int(found[0]), int(found[-1])


def _matrix(node: Node, dt: float | None) -> Operation:
    weight = node.fields["weight"]
    if weight.ndim != 2 or 0 in weight.shape:
        raise FormatError(f"weight has shape {weight.shape}, expected (out, in)")
    bias = node.fields.get("bias", np.asarray(0.0))
    if bias.size not in (1, len(weight)):
        raise FormatError(f"bias has shape {bias.shape}, expected ({len(weight)},)")
    return Matrix(weight, bias.reshape(-1) if bias.size > 1 else bias.reshape(()))


def _convolution(node: Node, dt: float | None) -> Operation:
    axes = 1 if node.type == "Conv1d" else 2
    weight = node.fields["weight"]
    if weight.ndim != 2 + axes or 0 in weight.shape:
        sizes = "kH, kW" if axes == 2 else "k"
        raise FormatError(
            f"weight has shape {weight.shape}, expected (Cout, Cin / groups, {sizes})"
        )
    weight = weight if axes == 2 else weight[:, :, None, :]
    stride, dilation = (_pair(node, key, 1, axes) for key in ("stride", "dilation"))
    groups = _pair(node, "groups", 1, 1)[1]
    if len(weight) % groups:
        raise FormatError(f"groups is {groups}, which does not divide {len(weight)} channels")
    bias = (
        np.broadcast_to(node.fields["bias"].reshape(-1), len(weight))
        if node.fields["bias"].size in (1, len(weight))
        else None
    )
    if bias is None:
        raise FormatError(f"bias has shape {node.fields['bias'].shape}, expected ({len(weight)},)")
    pads = _pads(node, axes, weight.shape[2:], stride, dilation)
    return Convolution(weight, bias, stride, pads, dilation, groups)


def _pads(
    node: Node, axes: int, size: Shape, stride: tuple[int, int], dilation: tuple[int, int]
) -> Pads:
    """Return the cells of padding; ``"same"`` puts the odd one behind, as torch does."""
    padding = node.fields["padding"]
    if not isinstance(padding, str):
        high, wide = _pair(node, "padding", 0, axes)
        return (high, high), (wide, wide)
    if padding not in ("same", "valid"):
        raise FormatError(f"padding is {padding!r}, expected whole numbers, 'same' or 'valid'")
    if padding == "valid":
        return (0, 0), (0, 0)
    if stride != (1, 1):
        raise FormatError(f"padding is 'same' with stride {stride}, expected a stride of 1")
    total = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
    return (total[0] // 2, total[0] - total[0] // 2), (total[1] // 2, total[1] - total[1] // 2)


def _pooling(node: Node, dt: float | None) -> Operation:
    size, stride = _pair(node, "kernel_size", 1), _pair(node, "stride", 1)
    return Pooling(size, stride, _pair(node, "padding", 0), node.type == "AvgPool2d")


def _scale(node: Node, dt: float | None) -> Operation:
    return Diagonal(node.fields["scale"])


def _delay(node: Node, dt: float | None) -> Operation:
    delay = node.fields["delay"]
    if np.any(delay < 0):
        raise FormatError(f"delay holds {delay.min():.6g}, expected 0 or more seconds")
    if not np.any(delay):
        return Late(delay)
    if dt is None:
        raise FormatError("has a delay, which needs the time step: give dt")
    return Late(np.rint(delay / dt))


OPERATIONS: Mapping[str, Callable[[Node, float | None], Operation]] = {
    "Affine": _matrix,
    "Linear": _matrix,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "SumPool2d": _pooling,
    "AvgPool2d": _pooling,
    "Scale": _scale,
    "Delay": _delay,
    "Flatten": lambda node, dt: Flattening(),
    "Identity": lambda node, dt: Same(),
}
"""Type of node -> its operation, given the seconds of a step."""


def operation(node: Node, dt: float | None) -> Operation:
    """Return what a linear node does."""
    with located(node.name):
        return OPERATIONS[node.type](node, dt)
