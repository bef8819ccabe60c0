"""Synapse records: the weights of a connection and how they meet the source's messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ProgramError, located
from neurodeploy.fixedpoint import MAX_DELAY_STEPS
from neurodeploy.record import Integers, Pair, Record, Role, integers, pair, whole

Shape = tuple[int, ...]
Layout = Literal["matrix", "kernel"] | None


@dataclass(frozen=True, eq=False)
class Synapse(Record):
    """Base of all synapse records: what each states of itself.

    layout : ``"matrix"``, weights ``(out, in)``; ``"kernel"``, weights ``(Cout, taps ...)`` that
        all positions share; None without weights. The field is then named ``weight``.
    latency : columns that it takes in pipelined time. input_only : whether it starts at an input.
    binarises : whether non-zero messages of a binary source count as 1.
    conditioned : whether Lava conditions the weights. accumulator_bits : where a sum wraps.
    roles : of every field, see `Role`.
    """

    layout: ClassVar[Layout] = None
    latency: ClassVar[int] = 1
    input_only: ClassVar[bool] = False
    binarises: ClassVar[bool] = True
    conditioned: ClassVar[bool] = False
    accumulator_bits: ClassVar[int] = 32

    @property
    def has_weight(self) -> bool:
        """Whether messages are weighted."""
        return self.layout is not None

    @property
    def rows(self) -> NDArray[np.int32] | None:
        """The weights by output neuron or channel, ``(out, fan-in)``; None without weights."""
        weight: NDArray[np.int32] | None = getattr(self, "weight", None)
        return None if weight is None else weight.reshape(len(weight), -1)

    def check_shapes(self, source: Shape, target: Shape) -> None:
        """Raise ProgramError unless this synapse maps a ``source`` shape to a ``target`` shape."""

    @property
    def max_delay(self) -> int:
        """Largest delay in steps, 0 without delays."""
        return 0


@dataclass(frozen=True, eq=False)
class Dense(Synapse):
    """All-to-all weights; the source is read flat in C,H,W order.

    weight : int32 ``(out, in)``; the current of neuron i is ``sum_j weight[i, j] * message[j]``.
    delay : int8 of shape ``(out, 1)``, ``(1, in)`` or ``(out, in)``, 0..62 steps, or None.
    """

    weight: Integers
    delay: Integers | None = None

    layout: ClassVar[Layout] = "matrix"
    conditioned: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, Role]] = {
        "weight": Role("weight", "64 in u", "synapse"),
        "delay": Role("delay", "steps", "synapse"),
    }

    def __post_init__(self) -> None:
        with located("Dense"):
            self._set("weight", integers("weight", self.weight))
            shape = np.shape(self.weight)
            if len(shape) != 2 or 0 in shape:
                raise ProgramError(f"weight has shape {shape}, expected (out, in), both >= 1")
            if self.delay is None:
                return
            self._set("delay", integers("delay", self.delay, 0, MAX_DELAY_STEPS, np.int8))
            allowed = {(shape[0], 1), (1, shape[1]), shape}
            if np.shape(self.delay) not in allowed:
                raise ProgramError(
                    f"delay has shape {np.shape(self.delay)}, expected one of {sorted(allowed)}"
                )

    @property
    def max_delay(self) -> int:
        return 0 if self.delay is None else int(np.max(self.delay))

    def check_shapes(self, source: Shape, target: Shape) -> None:
        expected = (math.prod(target), math.prod(source))
        if np.shape(self.weight) != expected:
            raise ProgramError(
                f"weight has shape {np.shape(self.weight)}, expected {expected} "
                f"for {source} -> {target}"
            )


def convolved_shape(
    source: Shape,
    weight: Shape,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Shape:
    """Return the (Cout, Hout, Wout) that a `Conv2d` with a weight of that shape gives.

    Raises ProgramError for a ``source`` of another shape, or one that the kernel does not fit.
    """
    if len(source) != 3 or source[0] != weight[1] * groups:
        raise ProgramError(
            f"source has shape {source}, expected ({weight[1] * groups}, H, W) "
            f"for weight {weight} with groups {groups}"
        )
    size = []
    for axis in range(2):
        reach = dilation[axis] * (weight[2 + axis] - 1) + 1
        room = source[1 + axis] + 2 * padding[axis] - reach
        if room < 0:
            raise ProgramError(
                f"kernel reaches over {reach} cells, source {source} with padding "
                f"{padding} is smaller"
            )
        size.append(room // stride[axis] + 1)
    return (int(weight[0]), size[0], size[1])


@dataclass(frozen=True, eq=False)
class Conv2d(Synapse):
    """Cross-correlation over a (C, H, W) source, as in torch.

    weight : int32 ``(Cout, Cin / groups, kH, kW)``. stride, padding, dilation : (height, width).
    Output size per axis: ``floor((n + 2 p - d (k - 1) - 1) / s) + 1``.
    """

    weight: Integers
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    layout: ClassVar[Layout] = "kernel"
    accumulator_bits: ClassVar[int] = 24
    roles: ClassVar[Mapping[str, Role]] = {
        "weight": Role("weight", "64 in u", "synapse"),
        "stride": Role("geometry", "cells", "setting"),
        "padding": Role("geometry", "cells", "setting"),
        "dilation": Role("geometry", "cells", "setting"),
        "groups": Role("geometry", "groups", "setting"),
    }

    def __post_init__(self) -> None:
        with located("Conv2d"):
            self._set("weight", integers("weight", self.weight))
            shape = np.shape(self.weight)
            if len(shape) != 4 or 0 in shape:
                raise ProgramError(
                    f"weight has shape {shape}, expected (Cout, Cin / groups, kH, kW), all >= 1"
                )
            self._set("stride", pair("stride", self.stride, 1))
            self._set("padding", pair("padding", self.padding, 0))
            self._set("dilation", pair("dilation", self.dilation, 1))
            self._set("groups", whole("groups", self.groups, 1))
            if shape[0] % self.groups:
                raise ProgramError(
                    f"groups is {self.groups}, which does not divide {shape[0]} output channels"
                )

    def output_shape(self, source: Shape) -> Shape:
        """Return the (Cout, Hout, Wout) that a ``source`` of (C, H, W) gives."""
        weight = np.shape(self.weight)
        return convolved_shape(
            source, weight, self.stride, self.padding, self.dilation, self.groups
        )

    def check_shapes(self, source: Shape, target: Shape) -> None:
        expected = self.output_shape(source)
        if target != expected:
            raise ProgramError(f"target has shape {target}, a source of {source} gives {expected}")


@dataclass(frozen=True, eq=False)
class Direct(Synapse):
    """Input values go straight to the neurons: no weight, no latency, no binarising."""

    latency: ClassVar[int] = 0
    input_only: ClassVar[bool] = True
    binarises: ClassVar[bool] = False

    def check_shapes(self, source: Shape, target: Shape) -> None:
        if math.prod(source) != math.prod(target):
            raise ProgramError(f"joins {source} to {target}, which differ in size")
