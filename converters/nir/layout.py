"""The nodes of a NIR graph that was read, so that writing gives the same nodes again.

A Program holds weights, decays, thresholds and biases as integers. What it does not hold - names,
pools, scales, gains, the origin of the voltage - is a JSON text in its metadata, ``nir.layout``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.converters.nir.graph import Graph, Node
from neurodeploy.errors import FormatError

KEY = "nir.layout"
CARRIED = {"weight", "tau", "tau_syn", "tau_mem", "v_threshold", "threshold"}
"""Fields that the integers hold; of these the shape alone is kept."""


def layout_of(graph: Graph, gains: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the layout of ``graph`` as text.

    gains : fields that replace those of a node, by its name: r and w_in times the decay by which
    the step multiplies them, so that rounding a decay does not move the threshold.
    """
    nodes = [
        [
            node.name,
            node.type,
            {k: _kept(k, v) for k, v in {**node.fields, **gains.get(node.name, {})}.items()},
        ]
        for node in graph.nodes.values()
    ]
    return json.dumps({"nodes": nodes, "edges": graph.edges})


def graph_from(text: object) -> Graph | None:
    """Return the graph of a layout, 1 in place of what the integers hold; None without layout.

    A text that is no layout counts as none.
    """
    if not isinstance(text, str):
        return None
    try:
        content = json.loads(text)
        nodes = {
            name: Node(name, kind, {key: _again(value) for key, value in values.items()})
            for name, kind, values in content["nodes"]
        }
        edges = tuple((str(a), str(b)) for a, b in content["edges"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError):
        return None
    return Graph(nodes, edges)


def _kept(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if key in CARRIED:
        return {"shape": value.shape, "value": 1.0}
    if value.size and np.all(value == value.flat[0]):
        return {"shape": value.shape, "value": float(value.flat[0])}
    return {"shape": value.shape, "values": value.reshape(-1).tolist()}


def _again(value: Any) -> Any:
    if isinstance(value, str):
        return value
    shape = tuple(int(n) for n in value["shape"])
    if "value" in value:
        return np.broadcast_to(np.asarray(float(value["value"])), shape)
    return np.asarray(value["values"], np.float64).reshape(shape)
