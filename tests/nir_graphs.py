"""NIR files for tests, written field by field, as any release of nir might."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Nodes = Mapping[str, Mapping[str, Any]]


def put(group: Any, content: Mapping[str, Any]) -> None:
    """Write a tree as nir does."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            put(group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=value)


def graph(nodes: Nodes, edges: list[tuple[str, str]]) -> dict[str, Any]:
    return {"type": "NIRGraph", "nodes": nodes, "edges": np.array(edges, h5py.string_dtype())}


def file_of(path: Path, nodes: Nodes, edges: str, version: str = "1.0.8") -> Path:
    """Write a graph; ``edges`` reads ``"a b, b c"``."""
    pairs = [tuple(pair.split()) for pair in edges.split(",") if pair.strip()]
    tree = graph(nodes, [(a, b) for a, b in pairs])
    with h5py.File(path, "w") as file:
        put(file, {"version": version, "node": tree})
    return path


def shaped(kind: str, *shape: int) -> dict[str, Any]:
    return {"type": kind, "shape": np.array(shape)}


def lif(size: int = 2, **changes: Any) -> dict[str, Any]:
    values = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0} | changes
    return {"type": "LIF"} | {k: np.full(size, v) for k, v in values.items()}


def linear(weight: Any, bias: Any = None) -> dict[str, Any]:
    kind = {"type": "Linear", "weight": np.asarray(weight, np.float32)}
    return kind if bias is None else {**kind, "type": "Affine", "bias": np.asarray(bias)}


def pool(kind: str, size: int) -> dict[str, Any]:
    return {"type": kind, "kernel_size": [size] * 2, "stride": [size] * 2, "padding": [0, 0]}


def conv(weight: Any, **changes: Any) -> dict[str, Any]:
    axes = np.ndim(weight) - 2
    rest = {"stride": [1] * axes, "padding": [0] * axes, "dilation": [1] * axes, "groups": 1}
    kind = {"type": f"Conv{axes}d", "weight": weight, "bias": np.zeros(len(weight))}
    return {**kind, **rest, **changes}


IN, OUT = shaped("Input", 2), shaped("Output", 2)
W = linear([[0.5, -1.0], [1.0, 0.25]])
CHAIN = "in w, w n, n out"


def chain(**nodes: Any) -> dict[str, Any]:
    return {"in": IN, "w": W, "n": lif(), "out": OUT} | nodes
