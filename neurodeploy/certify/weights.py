"""Connections as plain matrices."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds.drive import Drive, Part
from neurodeploy.bounds.interval import Interval
from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.sim.reference import convolve
from neurodeploy.synapse import Conv2d, Dense


def matrix(plan: Plan, edge: Edge) -> NDArray[np.int64]:
    """Return the weights of ``edge``, int64 ``(target size, source size)``, delays left out."""
    shape = plan.program.node(plan.program.connections[edge.index].source).shape
    if edge.synapse.layout == "matrix":
        return edge.weight
    ones = np.eye(math.prod(shape), dtype=np.int64)
    if edge.synapse.layout == "kernel":
        return convolve(ones.reshape(-1, *shape), cast(Conv2d, edge.synapse), edge.weight).T
    return ones


class Single:
    """The currents of a dense connection for intervals of values, like `Drive`, in float32.

    Exact as long as no sum reaches 2^24, see `driving`.
    """

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        weight = edge.weight.T.astype(np.float32)
        self._weight, self._absolute = weight, np.abs(weight)

    def __call__(self, values: Interval) -> tuple[Part]:
        """Return the currents of ``values``, ``(batch, source size)``; nothing wraps."""
        centre = (values.low + values.high).astype(np.float32) @ self._weight
        radius = (values.high - values.low).astype(np.float32) @ self._absolute
        middle, half = centre.astype(np.int32), radius.astype(np.int32)
        current = Interval((middle - half) >> 1, (middle + half) >> 1)
        return (Part(0, current, np.zeros(centre.shape, np.bool_)),)


def driving(plan: Plan, edge: Edge, largest: int) -> Drive | Single:
    """Return the currents of ``edge`` for values up to ``largest`` in magnitude."""
    dense = isinstance(edge.synapse, Dense) and not edge.synapse.max_delay
    if dense and not edge.binary and not edge.shift:
        reach = int(np.abs(edge.weight).sum(axis=1).max())
        if 2 * largest * reach < 1 << 24:
            return Single(edge)
    return Drive(plan, edge)
