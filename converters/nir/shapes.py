"""The shape of what every node of a graph gives, from its inputs on."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from neurodeploy.converters.float_network import Shape
from neurodeploy.converters.nir.graph import Graph, Node
from neurodeploy.converters.nir.operations import OPERATIONS, operation
from neurodeploy.errors import FormatError, located
from neurodeploy.program import MAX_NEURONS

NEURONS: Mapping[str, str] = MappingProxyType(
    {
        "LIF": "v_threshold",
        "CubaLIF": "v_threshold",
        "IF": "v_threshold",
        "Threshold": "threshold",
        "LI": "r",
        "CubaLI": "r",
        "I": "r",
    }
)
"""Types with a state or a threshold -> a field that has the shape of the neurons."""


def internal(values: object, what: str) -> Shape:
    """Return a shape of NIR as (N,) or (C, H, W); (C, L) is (C, 1, L)."""
    found = np.asarray(values).reshape(-1)
    shape = tuple(int(n) for n in found)
    if any(n != m or n < 1 for n, m in zip(shape, found, strict=True)) or len(shape) > 3:
        raise FormatError(f"{what} is {found.tolist()}, expected (N,), (C, L) or (C, H, W)")
    if math.prod(shape) > MAX_NEURONS:
        raise FormatError(f"{what} has {math.prod(shape)} values, limit {MAX_NEURONS}")
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def inferred(graph: Graph, dt: float | None, input_shape: Shape | None) -> dict[str, Shape]:
    """Return the shape of the result of every node that an input reaches, or whose size is said.

    input_shape : of inputs whose shape the file does not say.

    Raises FormatError where shapes do not fit each other or one stays unknown.
    """
    shapes = {node.name: _input_shape(node, graph, input_shape) for node in graph.of_type("Input")}
    for node in graph.of_type(*NEURONS):
        own = node.fields[NEURONS[node.type]]
        if own.size > 1:
            with located(node.name):
                shapes[node.name] = internal(own.shape, NEURONS[node.type])
    waiting = deque(shapes)
    while waiting:
        name = waiting.popleft()
        for target in graph.leaving(name):
            node = graph.nodes[target]
            if target not in shapes:
                shapes[target] = _result(node, shapes[name], dt)
                waiting.append(target)
    _check(graph, shapes, dt)
    return shapes


def _input_shape(node: Node, graph: Graph, given: Shape | None) -> Shape:
    with located(node.name):
        shape = node.fields.get("shape")
        known = None if shape is None or shape.size == 0 else internal(shape, "shape")
        if known is not None:
            return known
        if given is not None:
            return internal(given, "input_shape")
        for target in graph.leaving(node.name):
            follower = graph.nodes[target]
            own = follower.fields.get("input_shape", follower.fields.get("input_type"))
            if follower.type in ("Affine", "Linear"):
                return (follower.fields["weight"].shape[-1],)
            if follower.type == "Flatten" and own is not None and own.size:
                return internal(own, "input_type")
            if follower.type in ("Conv1d", "Conv2d") and own is not None and own.size:
                channels = follower.fields["weight"].shape[1] * int(
                    follower.fields["groups"].flat[0]
                )
                return internal([channels, *own.reshape(-1)], "shape")
        raise FormatError("has no shape: say it, as (N,) or (C, H, W), with input_shape")


def _result(node: Node, source: Shape, dt: float | None) -> Shape:
    if node.type not in OPERATIONS:
        return source
    linear = operation(node, dt)
    with located(node.name):
        return linear.shape(source)


def _check(graph: Graph, shapes: Mapping[str, Shape], dt: float | None) -> None:
    """Refuse edges that join values of other sizes, and nodes whose size nothing says."""
    for name, node in graph.nodes.items():
        if name not in shapes and graph.leaving(name) + graph.entering(name):
            raise FormatError(
                f"{name}: {node.type} has one value for an unknown number of neurons: no input "
                "leads to it, give each neuron its own"
            )
    for source, target in graph.edges:
        node = graph.nodes[target]
        if node.type in OPERATIONS:
            found = _result(node, shapes[source], dt)
        elif node.type == "Output":
            found = _said(node, shapes[source])
        else:
            found = shapes[source]
        expected = shapes[target] if node.type != "Output" else shapes[source]
        if math.prod(found) != math.prod(expected):
            raise FormatError(
                f"{source} -> {target}: gives {found}, {math.prod(found)} values, "
                f"{target} takes {expected}"
            )


def _said(node: Node, source: Shape) -> Shape:
    """Return the shape that an Output says, that of its source where it says none."""
    shape = node.fields.get("shape")
    if shape is None or shape.size == 0:
        return source
    with located(node.name):
        return tuple(int(n) for n in shape.reshape(-1))
