"""The integers of a Program inside a NIR file: in the metadata of its nodes.

The graph's metadata ``neurodeploy`` is a JSON text, in UTF-8: names, shapes and settings of the
records, the node that holds the arrays of each (metadata ``neurodeploy_FIELD``), the digest of the
Program and a SHA-256 over all nodes and edges, by which a graph is known that another tool has
changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.container import RECORDS
from neurodeploy.converters.nir.graph import Edge, Graph
from neurodeploy.errors import FormatError, ProgramError, located
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.record import ARRAY_TYPES, Record, told_fields

KEY = "neurodeploy"
VERSION = 1
PREFIX = f"{KEY}_"
_FILLED = {"v_reset": 0.0, "w_in": 1.0}
_AXES = {"stride", "padding", "dilation", "kernel_size", "groups"}


@dataclass(frozen=True)
class Stored:
    """What a file says of the Program that it was written from. content : the JSON object."""

    content: Mapping[str, Any]
    dt: float | None
    rule: str


def text(
    program: Program,
    nodes: Mapping[int, str],
    entries: Mapping[str, str],
    dt: float,
    rule: str,
    signature: str,
) -> NDArray[np.uint8]:
    """Return the JSON text of ``program``, uint8.

    nodes : node that holds the arrays of each connection, by its number. entries : the same of each
    input and population, by name. signature : see `signed`.
    """
    content = {
        "version": VERSION,
        "dt": dt,
        "rule": rule,
        "digest": program.digest,
        "signature": signature,
        "inputs": [
            {"name": i.name, "shape": i.shape, "message_bits": i.message_bits}
            for i in program.inputs
        ],
        "populations": [
            {"name": p.name, "shape": p.shape, "node": entries[p.name], **_said(p.neuron)}
            for p in program.populations
        ],
        "connections": [
            {
                "source": c.source,
                "target": c.target,
                "feedback": c.feedback,
                "port": c.port,
                "group": c.group,
                "node": nodes[number],
                **_said(c.synapse),
            }
            for number, c in enumerate(program.connections)
        ],
        "readout": dict(told_fields(program.readout)),
        "metadata": dict(program.metadata),
    }
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def _said(record: Record) -> dict[str, Any]:
    plain = {n: v for n, v in told_fields(record) if not isinstance(v, np.ndarray)}
    return {"record": type(record).__name__, "fields": plain}


def arrays(record: Record) -> dict[str, Any]:
    """Return the arrays of a neuron or synapse as metadata of its node."""
    return {
        f"{PREFIX}{name}": value[()]  # nir cannot compress an array without axes
        for name, value in told_fields(record)
        if isinstance(value, np.ndarray)
    }


def signed(nodes: Iterable[tuple[str, str, Mapping[str, Any]]], edges: Iterable[Edge]) -> str:
    """Return the SHA-256 of a graph: (name, type, fields) of its nodes, and its edges.

    Numbers count as float64, whatever the file keeps them as; fields are taken by name. What nir
    fills in by itself counts for nothing: defaults, shapes that follow, a number for each axis.
    """
    hasher = hashlib.sha256()
    for name, kind, values in sorted(nodes, key=lambda node: node[0]):
        hasher.update(f"{name}\0{kind}\0".encode())
        for key in sorted(values.keys() - {"input_shape", "input_type"}):
            content = _plain(key, values[key])
            if key in _FILLED and np.all(content == _FILLED[key]):
                continue
            raw = content.encode() if isinstance(content, str) else content.tobytes()
            hasher.update(f"{key}{np.shape(content)}".encode() + raw)
    for source, target in sorted(edges):
        hasher.update(f"{source}\0{target}\0".encode())
    return hasher.hexdigest()


def _plain(key: str, value: Any) -> Any:
    content = value if isinstance(value, str) else np.asarray(value, "<f8")
    if (
        key in _AXES
        and not isinstance(content, str)
        and content.size
        and np.all(content == content.flat[0])
    ):
        return content.flat[0]
    return content


def found(graph: Graph) -> Stored | None:
    """Return what the file says of its Program, None where another tool wrote it.

    Raises FormatError for a text that is damaged or of a newer version.
    """
    said = graph.metadata.get(KEY)
    if said is None:
        return None
    with located(f"metadata {KEY}"):
        try:
            content = json.loads(np.asarray(said, np.uint8).tobytes())
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise FormatError(f"is not valid JSON, {error}") from error
        if not isinstance(content, dict):
            raise FormatError("is not a JSON object")
        version = content.get("version")
        if version != VERSION:
            raise FormatError(f"version is {version!r}, this release reads {VERSION}")
        dt, rule = content.get("dt"), content.get("rule")
        if not isinstance(dt, float) or not 0 < dt < np.inf or rule not in ("euler", "exponential"):
            raise FormatError(f"dt is {dt!r} and rule {rule!r}, expected seconds and a rule")
        return Stored(content, dt, rule)


def unchanged(graph: Graph, kept: Stored) -> bool:
    """Whether nodes and edges are those that were written."""
    nodes = ((node.name, node.type, node.fields) for node in graph.nodes.values())
    return kept.content.get("signature") == signed(nodes, graph.edges)


def program(graph: Graph, kept: Stored) -> Program:
    """Return the Program whose integers the nodes hold.

    Raises FormatError where they are not whole.
    """
    content = kept.content
    with located(f"metadata {KEY}"):
        built: Program = _checked(
            Program,
            [_checked(Input, **entry) for entry in _entries(content, "inputs")],
            [_population(graph, entry) for entry in _entries(content, "populations")],
            [_connection(graph, entry) for entry in _entries(content, "connections")],
            _checked(Readout, **_object(content.get("readout"))),
            _object(content.get("metadata")),
        )
        if built.digest != content.get("digest"):
            raise FormatError(
                f"digest is {content.get('digest')!r}, the integers give {built.digest!r}: "
                "the file is damaged or was changed"
            )
    return built


def _entries(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = content.get(name)
    if not isinstance(found, list):
        raise FormatError(f"{name} is {type(found).__name__}, expected a list")
    return [_object(entry) for entry in found]


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"holds a {type(value).__name__}, expected an object")
    return value


def _population(graph: Graph, entry: dict[str, Any]) -> Population:
    neuron = _record(graph, "neuron", entry)
    built: Population = _checked(Population, entry.get("name"), entry.get("shape"), neuron)
    return built


def _connection(graph: Graph, entry: dict[str, Any]) -> Connection:
    names = ("source", "target", "feedback", "port", "group")
    values = {name: entry.get(name) for name in names}
    built: Connection = _checked(Connection, synapse=_record(graph, "synapse", entry), **values)
    return built


def _record(graph: Graph, place: str, entry: dict[str, Any]) -> Any:
    """Build the neuron or synapse of an entry, its arrays from the metadata of its node."""
    name, node = entry.get("record"), entry.get("node")
    kind = RECORDS[place].get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(node, str) or node not in graph.nodes:
        raise FormatError(f"record is {name!r} at node {node!r}, expected one that is there")
    known = {field.name for field in fields(kind)}
    values = {k: v for k, v in _object(entry.get("fields")).items() if k in known}
    for key, value in graph.nodes[node].metadata.items():
        field = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and field in known:
            dtype = getattr(value, "dtype", None)
            if dtype is None or dtype.newbyteorder("=") not in ARRAY_TYPES:
                raise FormatError(f"{node}: {key} is no array of int32 or int8")
            values[field] = value
    return _checked(kind, **values)


def _checked(record: Callable[..., Any], *args: Any, **values: Any) -> Any:
    try:
        return record(*args, **values)
    except (ProgramError, TypeError, AttributeError) as error:
        raise FormatError(str(error)) from error
