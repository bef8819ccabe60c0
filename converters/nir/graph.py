"""A NIR graph as nodes and edges, checked against what each type of node holds.

Sub-graphs are laid open: their nodes are named ``outer.inner``, their Input and Output
vanish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from neurodeploy.converters.nir.tree import Tree
from neurodeploy.errors import FormatError, located

Edge = tuple[str, str]

_LIF = ("tau", "r", "v_leak", "v_threshold")
_CUBA = ("tau_syn", "tau_mem", "r", "v_leak")
_CONV = ("weight", "stride", "padding", "dilation", "groups", "bias")
_POOL = ("kernel_size", "stride", "padding")
FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "Input": (("shape",), ()),
        "Output": (("shape",), ()),
        "Identity": ((), ("shape",)),
        "Affine": (("weight", "bias"), ()),
        "Linear": (("weight",), ()),
        "Scale": (("scale",), ()),
        "Conv1d": (_CONV, ("input_shape",)),
        "Conv2d": (_CONV, ("input_shape",)),
        "SumPool2d": (_POOL, ()),
        "AvgPool2d": (_POOL, ()),
        "Flatten": ((), ("start_dim", "end_dim", "input_type")),
        "Delay": (("delay",), ()),
        "Threshold": (("threshold",), ()),
        "I": (("r",), ()),
        "IF": (("r", "v_threshold"), ("v_reset",)),
        "LI": (("tau", "r", "v_leak"), ()),
        "LIF": (_LIF, ("v_reset",)),
        "CubaLI": (_CUBA, ("w_in",)),
        "CubaLIF": ((*_CUBA, "v_threshold"), ("v_reset", "w_in")),
    }
)
"""Type of node -> fields that it must have, and those that it may have."""
_ALWAYS = {"type", "metadata", "input_type", "output_type"}
_TEXTS = {"padding"}
_MISSING_SHAPE = {"shape", "input_shape", "input_type"}


@dataclass(frozen=True, eq=False)
class Node:
    """One node. fields : arrays of finite numbers, or the padding as a text. metadata : of it."""

    name: str
    type: str
    fields: Mapping[str, Any]
    metadata: Tree = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes by name, edges in the order of the file, and the metadata of the whole."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    metadata: Tree = field(default_factory=dict)

    def entering(self, name: str) -> list[str]:
        """Return the nodes with an edge to ``name``."""
        return [source for source, target in self.edges if target == name]

    def leaving(self, name: str) -> list[str]:
        """Return the nodes to which ``name`` has an edge."""
        return [target for source, target in self.edges if source == name]

    def of_type(self, *types: str) -> Iterator[Node]:
        """Yield the nodes of these types."""
        return (node for node in self.nodes.values() if node.type in types)


def graph_of(tree: Tree) -> Graph:
    """Return the graph that a tree describes; a single node becomes a graph of one.

    Raises FormatError that names the node and the field.
    """
    if tree.get("type") != "NIRGraph":
        raise FormatError(f"node is a {tree.get('type')!r}, expected a NIRGraph")
    nodes, edges = _opened(tree, "")
    return Graph(MappingProxyType(nodes), edges, _metadata(tree))


def _opened(tree: Tree, prefix: str) -> tuple[dict[str, Node], tuple[Edge, ...]]:
    """Return nodes and edges of a graph, its sub-graphs laid open."""
    members = tree.get("nodes")
    if not isinstance(members, dict) or not members:
        raise FormatError(f"{prefix or 'graph'}: has no nodes")
    nodes: dict[str, Node] = {}
    edges = list(_edges(tree.get("edges"), members, prefix))
    for key, member in members.items():
        name = f"{prefix}{key}"
        if not isinstance(member, dict):
            raise FormatError(f"{name}: is no group, expected a node")
        if member.get("type") == "NIRGraph":
            inner, inner_edges = _opened(member, f"{name}.")
            edges = _joined(name, inner, [*edges, *inner_edges])
            nodes |= inner
        else:
            nodes[name] = _node(name, member)
    return nodes, tuple(edges)


def _joined(name: str, inner: dict[str, Node], edges: list[Edge]) -> list[Edge]:
    """Lead the edges of a sub-graph through its Input and Output, and take these out."""
    own = f"{name}."
    gates = {}
    for kind, side in (("Input", 1), ("Output", 0)):
        found = [
            n for n, node in inner.items() if node.type == kind and n[len(own) :].count(".") == 0
        ]
        touched = any(edge[side] == name for edge in edges)
        if touched and len(found) != 1:
            raise FormatError(f"{name}: sub-graph has {len(found)} nodes {kind}, expected one")
        gates[kind] = found
    entry, exit = (gates[kind][0] if gates[kind] else "" for kind in ("Input", "Output"))
    led = [(exit if a == name else a, entry if b == name else b) for a, b in edges]
    for gate in (*gates["Input"], *gates["Output"]):
        before = [a for a, b in led if b == gate]
        after = [b for a, b in led if a == gate]
        where = next((k for k, edge in enumerate(led) if gate in edge), len(led))
        through = [(a, b) for a in before for b in after]
        rest = [edge for edge in led[where:] if gate not in edge]
        led = [*led[:where], *through, *rest]
        del inner[gate]
    return led


def _edges(value: Any, members: Tree, prefix: str) -> Iterator[Edge]:
    if value is None or (isinstance(value, np.ndarray) and value.size == 0):
        return
    if not isinstance(value, np.ndarray) or value.dtype != object or value.shape[1:] != (2,):
        raise FormatError(f"{prefix}edges: is no list of pairs of names")
    seen: set[Edge] = set()
    for source, target in value:
        for end in (source, target):
            if end not in members:
                raise FormatError(f"{prefix}edges: {source!r} -> {target!r}: no node {end!r}")
        if (source, target) not in seen:
            seen.add((source, target))
            yield f"{prefix}{source}", f"{prefix}{target}"


def _node(name: str, tree: Tree) -> Node:
    kind = tree.get("type")
    with located(name):
        if not isinstance(kind, str) or kind not in FIELDS:
            raise FormatError(f"type is {kind!r}, expected one of {', '.join(FIELDS)}")
        needed, possible = FIELDS[kind]
        values = {}
        for key, value in tree.items():
            if key in needed or key in possible:
                values[key] = _checked(key, value)
            elif "refrac" in key.lower():
                _check_no_refractory(key, value)
            elif key not in _ALWAYS:
                raise FormatError(f"has a field {key!r}, which a {kind} of nir 1.0 does not have")
        if missing := [key for key in needed if values.get(key) is None and key != "shape"]:
            raise FormatError(f"{kind} lacks {', '.join(missing)}")
        present = {key: value for key, value in values.items() if value is not None}
        return Node(name, kind, MappingProxyType(present), _metadata(tree))


def _check_no_refractory(key: str, value: Any) -> None:
    if np.any(np.asarray(value) != 0):
        raise FormatError(
            f"{key} is {np.max(value)}, neurons here have no refractory period; set it to 0 "
            "and train again, or raise the threshold"
        )


def _checked(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in _TEXTS:
        return value
    if value is None and key in _MISSING_SHAPE:
        return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufb":
        raise FormatError(f"{key} is {value!r}, expected numbers")
    array = value.astype(np.float64)
    if not np.all(np.isfinite(array)):
        bad = array[~np.isfinite(array)].flat[0]
        raise FormatError(f"{key} holds {bad}, expected finite numbers")
    return array


def _metadata(tree: Tree) -> Tree:
    found = tree.get("metadata", {})
    return found if isinstance(found, dict) else {}
