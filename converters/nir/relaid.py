"""The graph from which a Program was read, with the parameters that its integers stand for.

Every weight of the source stands for itself in the integers where nodes were folded into one
synapse by scaling and repeating alone (pools before weights, scales): what a weight of 1 and a
weight of its own number give shows where. Elsewhere nodes that were multiplied cannot be told apart
again, and the graph is drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import Floats, Shape
from neurodeploy.converters.nir import layout
from neurodeploy.converters.nir.composition import composed
from neurodeploy.converters.nir.drawing import Drawing
from neurodeploy.converters.nir.graph import Graph, Node
from neurodeploy.converters.nir.operations import operation, spread
from neurodeploy.converters.nir.paths import Path, entry_of, plan
from neurodeploy.converters.nir.shapes import inferred
from neurodeploy.converters.nir.source import plain_names
from neurodeploy.converters.nir.units import per_neuron, seconds
from neurodeploy.errors import NeurodeployError
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import Integrator
from neurodeploy.program import Population, Program

WEIGHTED = ("Affine", "Linear", "Conv1d", "Conv2d")
_TOLERANCE = 1e-9


def relaid(program: Program, dt: float, rule: str) -> Drawing | None:
    """Return the graph of the layout that ``program`` carries, None where it does not fit."""
    graph = layout.graph_from(program.metadata.get(layout.KEY))
    if graph is None:
        return None
    try:
        return _Refit(program, graph, dt, rule).drawing()
    except (NeurodeployError, _Unfit):
        return None


class _Unfit(Exception):
    """The integers do not tell the parameters of the layout."""


class _Refit:
    """One layout, fitted to the integers of one Program."""

    def __init__(self, program: Program, graph: Graph, dt: float, rule: str) -> None:
        self.program, self.graph, self.dt, self.rule = program, graph, dt, rule
        ways = plan(graph)
        self.inputs, self.order = ways.inputs, ways.populations
        self.paths, self.back = ways.paths, ways.back
        self.names = plain_names([*self.inputs, *self.order])
        shapes = [
            next(i.shape for i in program.inputs if i.name == self.names[n]) for n in self.inputs
        ]
        self.shapes = inferred(graph, dt, shapes[0])
        self._check()

    def _check(self) -> None:
        said = [(self.names[p.source], self.names[p.target], p in self.back) for p in self.paths]
        held = [(c.source, c.target, c.feedback) for c in self.program.connections]
        names = {self.names[name] for name in self.order}
        weighted = [self._weight_node(path) for path in self.paths]
        single = len(set(weighted)) == len(weighted)
        if said != held or names != set(self.program.names) or not single:
            raise _Unfit

    def _weight_node(self, path: Path) -> str:
        found = [n for n in path.nodes if self.graph.nodes[n].type in WEIGHTED]
        if len(found) != 1:
            raise _Unfit
        return found[0]

    def drawing(self) -> Drawing:
        """Return the graph with parameters."""
        result = Drawing(self.program, self.dt, self.rule)
        fields: dict[str, dict[str, Any]] = {
            name: dict(node.fields) for name, node in self.graph.nodes.items()
        }
        for number, path in enumerate(self.paths):
            holder = result.holders[number] = self._weight_node(path)
            fields[holder]["weight"] = self._weight(path, holder, number)
        for name in self.order:
            self._neuron(name, fields)
        for name, values in fields.items():
            copied = {k: v if isinstance(v, str) else np.array(v) for k, v in values.items()}
            result.nodes[name] = Node(name, self.graph.nodes[name].type, copied)
        result.edges = list(self.graph.edges)
        result.entries = {self.names[name]: name for name in (*self.inputs, *self.order)}
        for number, holder in result.holders.items():
            result.hold(holder, self.program.connections[number].synapse)
        for population in self.program.populations:
            result.hold(result.entries[population.name], population.neuron)
        return result

    def _population(self, name: str) -> Population:
        found = self.program.node(self.names[name])
        assert isinstance(found, Population)
        return found

    def _gain(self, name: str) -> Floats:
        """Return G of a population, ``()`` or in its shape."""
        node, shape = self.graph.nodes[entry_of(self.graph, name)], self._population(name).shape
        one = np.asarray(1.0)
        found = [
            spread(node.fields[key], shape, key) for key in ("r", "w_in") if key in node.fields
        ]
        return np.asarray(math.prod(found, start=one))

    def _scale(self, name: str) -> float:
        found = self.program.metadata.get(f"scale.{self.names[name]}")
        if not isinstance(found, float) or not found > 0:
            raise _Unfit
        return found

    def _unit(self, name: str) -> Floats:
        """Return q, see `neurodeploy.converters.quantise`."""
        gain, scale = self._gain(name), self._scale(name)
        reads = isinstance(self._population(name).neuron, Integrator)
        return np.asarray(scale) if reads and gain.ndim else np.asarray(scale / np.abs(gain))

    def _rows(self, name: str) -> Floats:
        """Return what a weight of 1 is in integers, for every neuron."""
        gain = self._gain(name)
        reads = isinstance(self._population(name).neuron, Integrator)
        return self._scale(name) * (gain if reads and gain.ndim else np.sign(gain))

    def _weight(self, path: Path, holder: str, number: int) -> Floats:
        """Return the weights of one node from the integers of its connection."""
        shape = self.graph.nodes[holder].fields["weight"].shape
        held = getattr(self.program.connections[number].synapse, "weight", None)
        share = self._folded(path, holder, np.ones(shape))
        if held is None or share.shape != held.shape:
            raise _Unfit
        rows = self._rows(path.target)
        if rows.ndim:
            rows = rows.reshape(-1, 1) if share.ndim == 2 else rows[:, :1, :1, None]
        values = np.divide(held / rows, share, out=np.zeros(share.shape), where=share != 0)
        return _told_apart(lambda w: self._folded(path, holder, w), share, values, shape)

    def _folded(self, path: Path, holder: str, weight: Floats) -> Floats:
        """Return the weights of the synapse that a path with this ``weight`` gives."""
        operations = [
            operation(
                self._with(name, weight) if name == holder else self.graph.nodes[name], self.dt
            )
            for name in path.nodes
        ]
        return composed(operations, self.shapes[path.source])[0].weight

    def _with(self, name: str, weight: Floats) -> Node:
        node = self.graph.nodes[name]
        return replace(node, fields={**node.fields, "weight": weight})

    def _neuron(self, name: str, fields: dict[str, dict[str, Any]]) -> None:
        """Set time constants, threshold, leak and bias of one population."""
        population, entry = self._population(name), entry_of(self.graph, name)
        node, shape, neuron = self.graph.nodes[entry], population.shape, population.neuron
        unit, gain = self._unit(name), self._gain(name)
        found: dict[str, Floats] = {}
        for tau, decay, key in _TIMES:
            if tau in node.fields:
                value = per_neuron(getattr(neuron, decay), shape)
                found[tau] = seconds(value, self.dt, self.rule, decay)
                if key in node.fields:
                    found[key] = per_neuron(node.fields[key], shape) / (value / DECAY_ONE)
        if node.type in ("IF", "I"):
            found["r"] = node.fields["r"] / self.dt
        limit = next(
            (k for k in ("v_threshold", "threshold") if k in self.graph.nodes[name].fields), None
        )
        origin = spread(node.fields.get("v_reset", np.asarray(0.0)), shape, "v_reset")
        if limit is not None:
            distance = np.asarray(neuron.having("threshold")["threshold"]) / unit
            fields[name][limit] = _as(
                node.fields.get(limit, fields[name][limit]), origin + distance
            )
        self._bias(
            name, node, np.asarray(neuron.having("bias")["bias"]) / unit, gain, origin, fields
        )
        for key, value in found.items():
            fields[entry][key] = _as(node.fields.get(key, np.ones(shape)), value)

    def _bias(
        self,
        name: str,
        node: Node,
        bias: Floats,
        gain: Floats,
        origin: Floats,
        fields: dict[str, dict[str, Any]],
    ) -> None:
        """Put the bias into the first node that has one, else into the leak."""
        population = self._population(name)
        neuron: Any = population.neuron
        shape = population.shape
        voltage = np.asarray(neuron.voltage_decay) / DECAY_ONE
        current = np.asarray(neuron.current_decay) / DECAY_ONE
        rest = node.fields.get("v_leak")
        around = origin if rest is None or "v_threshold" in node.fields else spread(rest, shape, "")
        biased = [p for p in self.paths if p.target == name and self._has_bias(p)]
        if not biased:
            if rest is not None and "v_threshold" in node.fields:
                fields[node.name]["v_leak"] = _as(rest, around + bias / voltage)
            elif np.any(bias):
                raise _Unfit
            return
        first = next((p for p in biased if p not in self.back), biased[0])
        leak = 0.0 if rest is None else voltage * (spread(rest, shape, "") - around)
        drive = per_neuron((bias - leak) * current / gain, shape).reshape(-1)
        for path in biased:
            if path is not first:
                drive = drive - self._constant(path, self._bias_of(path))
        holder = self._weight_node(first)
        own = self._bias_of(first)
        share = self._constant(first, np.ones(own.shape))
        values = np.divide(drive, share, out=np.zeros(share.shape), where=share != 0)
        fields[holder]["bias"] = _told_apart(
            lambda b: self._constant(first, b), share, values, own.shape
        )

    def _has_bias(self, path: Path) -> bool:
        return "bias" in self.graph.nodes[self._weight_node(path)].fields

    def _bias_of(self, path: Path) -> Floats:
        return np.asarray(self.graph.nodes[self._weight_node(path)].fields["bias"])

    def _constant(self, path: Path, bias: Floats) -> Floats:
        """Return what a bias of the node with weights gives at the target, flat."""
        shape, value = self.shapes[path.source], np.zeros(1)
        for name in path.nodes:
            node = self.graph.nodes[name]
            if name == self._weight_node(path):
                linear = operation(replace(node, fields={**node.fields, "bias": bias}), self.dt)
                shape = linear.shape(shape)
                value = np.broadcast_to(linear.constant(shape), shape)
            else:
                linear = operation(node, self.dt)
                value = (
                    linear.apply(np.broadcast_to(value, shape)[None])[0] if value.any() else value
                )
                shape = linear.shape(shape)
        return np.array(np.broadcast_to(value, shape)).reshape(-1)


_TIMES = (
    ("tau", "voltage_decay", "r"),
    ("tau_mem", "voltage_decay", "r"),
    ("tau_syn", "current_decay", "w_in"),
)
"""Time constant, the decay that holds it, and the gain that the layout keeps multiplied by it."""


def _told_apart(
    folded: Callable[[Floats], Floats], share: Floats, values: Floats, shape: Shape
) -> Floats:
    """Return the parameter of ``shape`` of which ``folded`` gives ``share * values``.

    Raises _Unfit where an element of the result depends on more than one of the parameter.
    """
    count = math.prod(shape)
    numbers = np.arange(1.0, count + 1).reshape(shape)
    once, twice = folded(numbers), folded(numbers**2)
    used = share != 0
    which = np.divide(once, share, out=np.zeros(share.shape), where=used)
    if not np.allclose(which[used], np.rint(which[used]), rtol=_TOLERANCE, atol=0.25) or not (
        np.allclose(twice[used], share[used] * which[used] ** 2, rtol=_TOLERANCE)
    ):
        raise _Unfit
    result = np.full(count, np.nan)
    result[np.rint(which[used]).astype(np.int64) - 1] = values[used]
    if np.any(np.isnan(result)):
        raise _Unfit
    return result.reshape(shape)


def _as(like: Floats, value: Floats) -> Floats:
    """Return ``value`` in the shape that the source has for it, where it fits."""
    value = np.asarray(value)
    if value.size and np.all(value == value.flat[0]):
        return np.full(np.shape(like), value.flat[0])
    return value.reshape(np.shape(like)) if value.size == np.size(like) else value
