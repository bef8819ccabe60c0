"""Connections as plain matrices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurodeploy.sim.plan import Edge, Plan
from neurodeploy.sim.reference import convolve
from neurodeploy.synapse import Conv2d, Dense


def matrix(plan: Plan, edge: Edge) -> NDArray[np.int64]:
    """Return the weights of ``edge``, int64 ``(target size, source size)``, delays left out."""
    shape = plan.program.node(plan.program.connections[edge.index].source).shape
    if isinstance(edge.synapse, Dense):
        return edge.weight
    ones = np.eye(math.prod(shape), dtype=np.int64)
    if isinstance(edge.synapse, Conv2d):
        return convolve(ones.reshape(-1, *shape), edge.synapse, edge.weight).T
    return ones
