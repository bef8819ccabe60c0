"""Writing a Program as NIR, through the `nir` package."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import replacing
from neurodeploy.converters.nir import stored
from neurodeploy.converters.nir.drawing import Drawing
from neurodeploy.converters.nir.graph import Node
from neurodeploy.converters.nir.nodes import drawn
from neurodeploy.converters.nir.options import RULES, check_seconds
from neurodeploy.converters.nir.relaid import relaid
from neurodeploy.converters.written import Written
from neurodeploy.errors import ExportError, located
from neurodeploy.program import Program

DEFAULT_STEP_SECONDS = 1e-3
_NEWER = "install nir 1.0.8 or newer"
WHOLE = {"stride", "padding", "dilation", "groups", "kernel_size", "shape", "input_shape"}
WHOLE |= {"input_type", "start_dim", "end_dim"}
"""Fields that other tools expect as whole numbers."""


def write(program: Program, path: Path | str, *, time_step: float | None = None) -> Written:
    """Write ``program`` as a NIR graph, its integers in the metadata of the nodes.

    time_step : seconds of one step. None: as the network was read from NIR, else 0.001.

    A network that was read from NIR gets its own nodes again, with the parameters that its integers
    stand for. The file appears whole or not at all.

    Raises ExportError for what NIR cannot say, where nir is not installed and for a file that
    cannot be written; OptionError for a time step that is not allowed.
    """
    path = Path(path)
    check_seconds("time_step", time_step)
    with located(str(path)):
        said = program.metadata.get("nir.dt")
        known = float(said) if isinstance(said, float) and said > 0 else DEFAULT_STEP_SECONDS
        dt = time_step or known
        rule = str(program.metadata.get("nir.rule", RULES[0]))
        rule = rule if rule in RULES else RULES[0]
        drawing = (relaid(program, dt, rule) if dt == known else None) or drawn(program, dt, rule)
        image = _image(drawing)
        try:
            with replacing(path) as file:
                file.write(image)
        except OSError as error:
            raise ExportError(f"cannot be written: {error.strerror or error}") from error
    return Written(path, program.digest, tuple(drawing.notes))


def _image(drawing: Drawing) -> bytes:
    """Return the bytes of the file, as nir makes them."""
    try:
        import nir
    except ImportError as error:
        raise ExportError(
            "needs the package nir, which is not installed: pip install 'neurodeploy[nir]'"
        ) from error

    values = {name: _stored_fields(node) for name, node in drawing.nodes.items()}
    signature = stored.signed(
        ((name, drawing.nodes[name].type, said) for name, said in values.items()), drawing.edges
    )
    text = stored.text(
        drawing.program,
        drawing.holders,
        drawing.entries,
        drawing.dt,
        drawing.rule,
        signature,
    )
    nodes = {name: _nir_node(nir, drawing.nodes[name], said) for name, said in values.items()}
    takes = {"type_check": False} if "type_check" in nir.NIRGraph.__init__.__annotations__ else {}
    graph = nir.NIRGraph(nodes, list(drawing.edges), metadata={stored.KEY: text}, **takes)
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    return buffer.getvalue()


def _stored_fields(node: Node) -> dict[str, Any]:
    """Return the fields as the file holds them: float32, and whole numbers as int64."""
    return {key: _typed(key, value) for key, value in node.fields.items()}


def _typed(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    return np.asarray(value, np.int64 if key in WHOLE else np.float32)[()]


def _nir_node(nir: Any, node: Node, values: dict[str, Any]) -> Any:
    """Return the node of the `nir` package; ExportError where its release lacks something."""
    kind = getattr(nir, node.type, None)
    if kind is None:
        raise ExportError(f"{node.name}: nir {nir.version} has no {node.type}, {_NEWER}")
    renamed = dict(values)
    if node.type in ("Input", "Output"):
        renamed = {f"{node.type.lower()}_type": renamed["shape"]}
    elif node.type == "Flatten":
        renamed["input_type"] = {"input": renamed.get("input_type")}
        for key in ("start_dim", "end_dim"):
            renamed[key] = int(renamed[key])
    known = {entry.name for entry in fields(kind)}
    for key in renamed.keys() - known:
        if np.any(renamed[key]):
            raise ExportError(
                f"{node.name}: nir {nir.version} has no {key} of {node.type}, {_NEWER}"
            )
    present = {key: value for key, value in renamed.items() if key in known}
    if node.metadata and "metadata" not in known:
        raise ExportError(f"nir {nir.version} keeps no metadata of a {node.type}, {_NEWER}")
    more = {"metadata": dict(node.metadata)} if node.metadata else {}
    return kind(**_plain(node.type, present), **more)


def _plain(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return whole numbers in the Python types that nir computes shapes with."""
    if kind not in ("Conv1d", "Conv2d"):
        return values
    result = {"input_shape": None, **values}
    for key in ("stride", "padding", "dilation", "groups", "input_shape"):
        found = result[key]
        if isinstance(found, np.ndarray):
            result[key] = int(found) if found.size == 1 else tuple(int(n) for n in found)
    return result
