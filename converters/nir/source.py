"""A NIR graph as a network in floats and in discrete time.

With D(tau) = dt / tau (``euler``) or 1 - exp(-dt / tau) (``exponential``), one step
of a neuron is::

    I = (1 - Ds) * I + Ds * w_in * S           Ds = D(tau_syn), 1 without a synapse;
                                               synapse "jump": + w_in * S
    v = (1 - Dm) * v + Dm * (v_leak + R * I)   Dm = D(tau);  IF and I: v = v + dt * R * I
    spike where v > v_threshold, then v = v_reset

A spike is the value 1 for one step. Neurons with a leak start at v_leak, others at v_reset. An edge
that closes a cycle arrives one step later, or after the delay that stands on it.

Source: the equations are those of nir 1.0.8 `nir/ir/neuron.py`, which states them in continuous
time and says nothing of steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatDense,
    FloatNetwork,
    FloatPopulation,
    Floats,
    Shape,
)
from neurodeploy.converters.nir.composition import composed
from neurodeploy.converters.nir.graph import Graph, Node
from neurodeploy.converters.nir.operations import OPERATIONS, operation, spread
from neurodeploy.converters.nir.paths import entry_of, plan
from neurodeploy.converters.nir.shapes import inferred
from neurodeploy.errors import FormatError, located, warn
from neurodeploy.program import MetadataValue

_ONE, _ZERO = np.asarray(1.0), np.asarray(0.0)


@dataclass(frozen=True)
class Discretisation:
    """How continuous time becomes steps. dt : seconds of a step, None where nothing says it."""

    dt: float | None = None
    rule: str = "euler"
    reset: str = "zero"
    synapse: str = "filter"

    def seconds(self, what: str) -> float:
        """Return dt; FormatError that says ``what`` needs it."""
        if self.dt is None:
            raise FormatError(
                f"has {what} and the file no time step: give dt, in seconds "
                "(snnTorch and SpikingJelly export for 0.0001, norse for 0.000001)"
            )
        return self.dt

    def step_of(self, decay: Floats) -> Floats:
        """Return by how much a spike moves a synaptic current, for w_in = 1."""
        return _ONE if self.synapse == "jump" else decay

    def decay(self, tau: Floats, name: str) -> Floats:
        """Return D(tau), in (0, 1]."""
        dt = self.seconds(f"a time constant {name}")
        if np.any(tau <= 0):
            raise FormatError(f"{name} holds {tau.min():.6g}, expected seconds above 0")
        if self.rule == "exponential":
            return np.asarray(-np.expm1(-dt / tau))
        if np.any(tau < dt * (1 - 1e-6)):
            raise FormatError(
                f"{name} holds {tau.min():.6g} s, below the time step {dt:.6g} s: give a smaller "
                "dt, or rule exponential"
            )
        return np.asarray(np.minimum(dt / tau, 1.0))


def network(graph: Graph, how: Discretisation, input_shape: Shape | None) -> FloatNetwork:
    """Return the network that ``graph`` describes, in steps of ``how``.

    Raises FormatError that names the node, for what integers or steps cannot express.
    """
    ways = plan(graph)
    shapes = inferred(graph, how.dt, input_shape)
    names = plain_names([*ways.inputs, *ways.populations])
    connections, places = [], dict[str, Shape]()
    for path in ways.paths:
        with located(f"{path.source} -> {path.target}"):
            operations = [operation(graph.nodes[name], how.dt) for name in path.nodes]
            synapse, end = composed(operations, shapes[path.source])
            if path in ways.back and isinstance(synapse, FloatDense) and synapse.delay is not None:
                synapse = _fed_back(synapse)
        if len(end) == 3 or path.target not in places:
            places[path.target] = end
        connections.append(
            FloatConnection(names[path.source], names[path.target], synapse, path in ways.back)
        )
    constants = _Constants(graph, shapes, how.dt)
    populations = []
    for name in ways.populations:
        with located(name):
            shape = places.get(name) or shapes[name]
            populations.append(_population(graph, names, name, shape, constants, how))
    metadata: dict[str, MetadataValue] = {
        "nir.rule": how.rule,
        **({} if how.dt is None else {"nir.dt": how.dt}),
    }
    readout = names[_readout(graph, ways.populations)]
    shown = {names[name]: shapes[name] for name in ways.inputs}
    return FloatNetwork(shown, tuple(populations), tuple(connections), readout, metadata)


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name that a Program allows for every name of a graph, each another one."""
    result: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)[:90].lstrip(".-") or "_"
        number = 1
        while (found := plain if number == 1 else f"{plain}_{number}") in taken:
            number += 1
        taken.add(found)
        result[name] = found
    return result


def _fed_back(synapse: FloatDense) -> FloatDense:
    """Take the step that a feedback connection lasts off its delay."""
    delay = np.asarray(synapse.delay)
    if not np.any(delay > 1):
        return replace(synapse, delay=None)
    return replace(synapse, delay=np.maximum(delay - 1, 0))


class _Constants:
    """What linear nodes give when nothing arrives: their biases, carried on."""

    def __init__(self, graph: Graph, shapes: Mapping[str, Shape], dt: float | None) -> None:
        self._graph, self._shapes, self._dt = graph, shapes, dt
        self._known: dict[str, Floats] = {}

    def into(self, name: str) -> Floats:
        """Return the constant that arrives at a node, flat or ``()``."""
        found = [self._of(source) for source in self._graph.entering(name)]
        return np.asarray(sum(found, _ZERO))

    def _of(self, name: str) -> Floats:
        node = self._graph.nodes[name]
        if node.type not in OPERATIONS:
            return _ZERO
        if name not in self._known:
            self._known[name] = self._given(node)
        return self._known[name]

    def _given(self, node: Node) -> Floats:
        source = self._shapes[self._graph.entering(node.name)[0]]
        linear = operation(node, self._dt)
        arriving = self.into(node.name)
        own = linear.constant(source)
        if not np.any(arriving) and not np.any(own):
            return _ZERO
        value = np.broadcast_to(arriving.reshape(source) if arriving.ndim else arriving, source)
        given = linear.apply(value[None])[0] + own
        return np.asarray(np.broadcast_to(given, linear.shape(source)).reshape(-1))


def _population(
    graph: Graph,
    names: Mapping[str, str],
    name: str,
    shape: Shape,
    constants: _Constants,
    how: Discretisation,
) -> FloatPopulation:
    node, entry = graph.nodes[name], graph.nodes[entry_of(graph, name)]
    drive = constants.into(entry.name)
    made = NEURON_RULES[entry.type](_Fields(entry, shape), how)
    if node.type == "Threshold" and entry is not node:
        threshold = spread(node.fields["threshold"], shape, "threshold")
        made = {**made, "threshold": threshold, "reset": "none"}
    drive = drive.reshape(shape) if drive.ndim else drive
    if np.any(drive) and np.any(made["current_decay"] < 1):
        warn(
            f"{name}: a constant input passes the synaptic filter in NIR, here its steady state is "
            "added to v from the first step on"
        )
    return FloatPopulation(name=names[name], shape=shape, drive=drive, **made)


@dataclass(frozen=True)
class _Fields:
    """The parameters of one neuron node, as one number or in the shape of its neurons."""

    node: Node
    shape: Shape

    def __call__(self, key: str, default: float | None = None) -> Floats:
        if default is not None and key not in self.node.fields:
            return np.asarray(default)
        return spread(self.node.fields[key], self.shape, key)


def _leaky(at: _Fields, how: Discretisation) -> dict[str, Any]:
    """LIF, LI and their current-based forms."""
    filtered = "tau_syn" in at.node.fields
    ds = how.decay(at("tau_syn"), "tau_syn") if filtered else _ONE
    tau = "tau_mem" if filtered else "tau"
    dm = how.decay(at(tau), tau)
    return {
        "current_decay": ds,
        "voltage_decay": dm,
        "current_gain": np.asarray(how.step_of(ds) * at("w_in", 1.0)),
        "voltage_gain": np.asarray(dm * at("r")),
        "leak": np.asarray(dm * at("v_leak")),
        **_spiking(at, how, at("v_leak")),
    }


def _plain(at: _Fields, how: Discretisation) -> dict[str, Any]:
    """IF and I."""
    seconds = how.seconds("an integrator")
    return {
        "current_decay": _ONE,
        "voltage_decay": _ZERO,
        "current_gain": _ONE,
        "voltage_gain": np.asarray(seconds * at("r")),
        "leak": _ZERO,
        **_spiking(at, how, at("v_reset", 0.0)),
    }


def _spiking(at: _Fields, how: Discretisation, start: Floats) -> dict[str, Any]:
    """Threshold, reset and start; an integrator has its start as the origin of v."""
    if "v_threshold" not in at.node.fields:
        return {"threshold": None, "origin": start, "start": start}
    origin, threshold = at("v_reset", 0.0), at("v_threshold")
    if np.any(threshold < origin):
        raise FormatError(
            f"v_threshold holds {threshold.min():.6g}, below v_reset {origin.max():.6g}: it would "
            "spike at every step"
        )
    return {"threshold": threshold, "origin": origin, "start": start, "reset": how.reset}


def _memoryless(at: _Fields, how: Discretisation) -> dict[str, Any]:
    """Threshold and Output: v is the input of this step."""
    spikes = at.node.type == "Threshold"
    return {
        "current_decay": _ONE,
        "voltage_decay": _ONE,
        "current_gain": _ONE,
        "voltage_gain": _ONE,
        "leak": _ZERO,
        "threshold": at("threshold") if spikes else None,
        "origin": _ZERO,
        "start": _ZERO,
    }


def gains(graph: Graph, how: Discretisation) -> dict[str, dict[str, Floats]]:
    """Return r and w_in of every neuron times what a step multiplies them by, by node and field."""
    found: dict[str, dict[str, Floats]] = {}
    for node in graph.nodes.values():
        pairs = _STEPPED.get(node.type, ())
        found[node.name] = {
            key: np.asarray(node.fields.get(key, _ONE) * _factor(node, tau, how))
            for key, tau in pairs
        }
    return found


def _factor(node: Node, tau: str | None, how: Discretisation) -> Floats:
    if tau is None:
        return np.asarray(how.seconds("an integrator"))
    decay = how.decay(node.fields[tau], tau)
    return how.step_of(decay) if tau == "tau_syn" else decay


_STEPPED: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    "LIF": (("r", "tau"),),
    "LI": (("r", "tau"),),
    "CubaLIF": (("r", "tau_mem"), ("w_in", "tau_syn")),
    "CubaLI": (("r", "tau_mem"), ("w_in", "tau_syn")),
    "IF": (("r", None),),
    "I": (("r", None),),
}
"""Type of node -> its gains, and the time constant of the decay that multiplies each."""

NEURON_RULES: Mapping[str, Callable[[_Fields, Discretisation], dict[str, Any]]] = {
    "LIF": _leaky,
    "LI": _leaky,
    "CubaLIF": _leaky,
    "CubaLI": _leaky,
    "IF": _plain,
    "I": _plain,
    "Threshold": _memoryless,
    "Output": _memoryless,
}
"""Type of node -> its part of a `FloatPopulation`."""


def _readout(graph: Graph, order: Sequence[str]) -> str:
    """Return the population that the first Output reads, the last one where there is none."""
    found = []
    for node in graph.of_type("Output"):
        found += [node.name] if node.name in order else []
        found += [name for name in graph.entering(node.name) if name in order]
    if not found:
        return order[-1]
    if len(found) > 1:
        warn(f"several populations lead out, {', '.join(found)}: {found[0]} is classified with")
    return found[0]
