"""Populations and connections as nodes of NIR, for a Program that did not come from NIR.

One unit of weight is 1 / p (p of the metadata, else the largest threshold), and all gains are 1::

    weight = integer / p, v_threshold = threshold / p, w_in = 4096 / current_decay,
    r = 4096 / voltage_decay

A bias becomes the bias of the first Affine or Conv2d into a population. Behind a synaptic filter,
or without such a connection, it is v_leak = bias * 4096 / (p * voltage_decay): neurons of other
tools then start there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import Floats, Shape
from neurodeploy.converters.nir.drawing import STATE_UNIT, Drawing
from neurodeploy.converters.nir.units import per_neuron, seconds
from neurodeploy.errors import ExportError, located
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import Connection, Population, Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse


def drawn(program: Program, dt: float, rule: str) -> Drawing:
    """Return the nodes of ``program``.

    Raises ExportError that names what NIR cannot say.
    """
    drawing = Drawing(program, dt, rule)
    for entry in program.inputs:
        drawing.entries[entry.name] = drawing.add(
            entry.name, "Input", shape=np.asarray(entry.shape, np.float64)
        )
    biases = {}
    for population in program.populations:
        with located(f"population {population.name}"):
            biases[population.name] = NEURONS.of(population.neuron)(drawing, population)
    for number, connection in enumerate(program.connections):
        with located(f"connection {program.connection_names[number]}"):
            target = program.node(connection.target)
            taken = _takes_bias(connection, target.shape, biases[connection.target])
            bias = biases.pop(connection.target) if taken else None
            biases.setdefault(connection.target, None)
            drawing.holders[number] = _connected(drawing, number, bias)
    for name, bias in biases.items():
        if bias is not None:
            with located(f"population {name}"):
                _constant(drawing, name, bias)
    shape = program.node(program.readout.population).shape
    output = drawing.add("output", "Output", shape=np.asarray(shape, np.float64))
    drawing.row(drawing.entries[program.readout.population], output)
    return drawing


def _constant(drawing: Drawing, name: str, bias: Floats) -> None:
    """Add a node for a bias that no connection carries: an Affine without weights."""
    if bias.ndim > 1:
        raise ExportError("has a bias that differs within a channel, which no Conv2d can say")
    source = drawing.program.inputs[0]
    start = _flat(drawing, source.name, f"{name}.bias.flatten")
    weight = np.zeros((bias.size, source.size))
    holder = drawing.add(f"{name}.bias", "Affine", weight=weight, bias=bias)
    drawing.row(*start, holder, drawing.entrances[name])


def _flat(drawing: Drawing, source: str, name: str) -> list[str]:
    """Return the nodes that give what ``source`` sends as one row; (C, H, W) needs a Flatten."""
    shape = np.asarray(drawing.program.node(source).shape, np.float64)
    start = [drawing.entries[source]]
    if shape.size == 3:
        ends = {"start_dim": np.asarray(0.0), "end_dim": np.asarray(-1.0)}
        start.append(drawing.add(name, "Flatten", input_type=shape, **ends))
    return start


def _decays(neuron: CubaLif | Integrator) -> tuple[Floats, Floats]:
    current = np.asarray(neuron.current_decay, np.float64)
    voltage = np.asarray(neuron.voltage_decay, np.float64)
    return current, voltage


def _spiking(drawing: Drawing, population: Population) -> Floats | None:
    """Add a CubaLif; return the bias that a connection must carry, in units of weight."""
    neuron: CubaLif = population.neuron  # type: ignore[assignment]
    if neuron.gain is not None:
        raise ExportError("has a gain for each step, which NIR cannot say")
    current, voltage = _decays(neuron)
    plain = bool(np.all(current == DECAY_ONE) and np.all(voltage == DECAY_ONE))
    if neuron.reset == "subtract" and not plain:
        raise ExportError(
            "resets by subtraction, which NIR cannot say; train on with reset zero, or write .h5"
        )
    scale = drawing.scale(population)
    threshold = per_neuron(np.asarray(neuron.threshold) / scale, population.shape)
    if plain:
        drawing.entries[population.name] = drawing.entrances[population.name] = drawing.add(
            population.name, "Threshold", threshold=threshold
        )
        drawing.hold(drawing.entries[population.name], neuron)
        return _bias_in_weights(neuron, scale, population.shape)
    if neuron.reset == "none":
        bias = _leaky(drawing, population, f"{population.name}.v", None)
        name = drawing.add(population.name, "Threshold", threshold=threshold)
        drawing.row(drawing.entries[population.name], name)
        drawing.entries[population.name] = name
    else:
        bias = _leaky(drawing, population, population.name, threshold)
    drawing.hold(drawing.entries[population.name], neuron)
    return bias


def _integrator(drawing: Drawing, population: Population) -> Floats | None:
    bias = _leaky(drawing, population, population.name, None)
    drawing.hold(drawing.entries[population.name], population.neuron)
    return bias


def _leaky(
    drawing: Drawing, population: Population, name: str, threshold: Floats | None
) -> Floats | None:
    """Add the node with the dynamics; return the bias that a connection must carry."""
    current, voltage = _decays(population.neuron)  # type: ignore[arg-type]
    shape = population.shape
    ends = {} if threshold is None else {"v_threshold": threshold, "v_reset": np.zeros(shape)}
    filtered = not np.all(current == DECAY_ONE)
    if not filtered and np.all(voltage == 0):
        rest, bias = _rest(drawing, population, None, False)
        kind, fields = "IF" if ends else "I", {"r": np.full(shape, 1 / drawing.dt)}
    else:
        leak, rise = per_neuron(voltage, shape), per_neuron(current, shape)
        times = {"tau": seconds(leak, drawing.dt, drawing.rule, "voltage_decay")}
        if filtered:
            tau = seconds(rise, drawing.dt, drawing.rule, "current_decay")
            times = {"tau_mem": times["tau"], "tau_syn": tau, "w_in": DECAY_ONE / rise}
        rest, bias = _rest(drawing, population, leak / DECAY_ONE, filtered)
        kind = f"{'Cuba' if filtered else ''}{'LIF' if ends else 'LI'}"
        fields = {"r": DECAY_ONE / leak, "v_leak": rest, **times}
    made = drawing.add(name, kind, **fields, **ends)
    drawing.entries[population.name] = drawing.entrances[population.name] = made
    return bias


def _rest(
    drawing: Drawing, population: Population, leak: Floats | None, filtered: bool
) -> tuple[Floats, Floats | None]:
    """Return v_leak, where a neuron of NIR starts, and the bias that a connection must carry.

    leak : share of v that is lost in a step; None without a leak, which starts at 0.
    """
    scale, shape = drawing.scale(population), population.shape
    neuron: Any = population.neuron
    bias = _bias_in_weights(neuron, scale, shape)
    start = per_neuron(np.asarray(neuron.initial) / (STATE_UNIT * scale), shape)
    if leak is None:
        if np.any(start):
            raise ExportError("starts at another v than 0 without a leak, which NIR cannot say")
        return start, bias
    if bias is None:
        if np.any(start):
            raise ExportError("starts at another v than where it rests, which NIR cannot say")
        return start, None
    if not filtered and _carried(drawing.program, population, bias):
        return start, bias - start * leak
    rest = bias / leak
    if np.any(start) and not np.allclose(start, rest, rtol=0, atol=0.5 / scale):
        raise ExportError("has a bias and another start of v, of which NIR says one")
    if not np.any(start):
        drawing.notes.append(f"{population.name}: its bias is v_leak, where other tools may start")
    return np.asarray(rest), None


def _bias_in_weights(neuron: CubaLif | Integrator, scale: float, shape: Shape) -> Floats | None:
    """Return the bias in units of weight, as the 16 bits of the chip read it; None for 0."""
    bias = np.asarray(neuron.bias).astype(np.int64).astype(np.int16)
    return per_neuron(bias / scale, shape) if np.any(bias) else None


def _carried(program: Program, population: Population, bias: Floats) -> bool:
    """Whether a connection into ``population`` can carry its bias."""
    entering = [c for c in program.connections if c.target == population.name]
    return any(_takes_bias(c, population.shape, bias) for c in entering)


def _takes_bias(connection: Connection, shape: Shape, bias: Floats | None) -> bool:
    if bias is None or connection.feedback:
        return False
    if connection.synapse.layout == "kernel":
        return bool(np.all(bias == bias[:, :1, :1]))
    return isinstance(connection.synapse, Dense) and connection.synapse.delay is None


def _connected(drawing: Drawing, number: int, bias: Floats | None) -> str:
    """Add the nodes of a connection, and return the one that holds its integers."""
    program, connection = drawing.program, drawing.program.connections[number]
    population = program.node(connection.target)
    assert isinstance(population, Population)
    current = np.asarray(population.neuron.having("decay")["current_decay"])
    if connection.port != "a" and not (connection.port == "bias" and np.all(current == DECAY_ONE)):
        raise ExportError(f"drives the port {connection.port}, which NIR cannot say")
    late = _late(program, connection)
    name = f"{connection.source}.{connection.target}"
    return SYNAPSES.of(connection.synapse)(
        drawing, name, connection, drawing.scale(population), bias, late
    )


def _late(program: Program, connection: Connection) -> int:
    """Return the steps that a feedback connection takes beyond what an edge of NIR does.

    An edge that closes a cycle takes a step by itself. Behind a delay the step is part of it.
    """
    delay = getattr(connection.synapse, "delay", None)
    delayed = delay is not None and bool(np.any(delay))
    return int(connection.feedback and (delayed or not _closes_cycle(program, connection)))


def _closes_cycle(program: Program, connection: Connection) -> bool:
    """Whether the source can be reached from the target."""
    reached, waiting = {connection.target}, [connection.target]
    while waiting:
        name = waiting.pop()
        for other in program.connections:
            if other.source == name and other.target not in reached:
                reached.add(other.target)
                waiting.append(other.target)
    return connection.source in reached


def _dense(
    drawing: Drawing,
    name: str,
    connection: Connection,
    scale: float,
    bias: Floats | None,
    late: int,
) -> str:
    synapse: Dense = connection.synapse  # type: ignore[assignment]
    weight = np.asarray(synapse.weight) / scale
    start = _flat(drawing, connection.source, f"{name}.flatten")
    drawing.row(*start)
    end = drawing.entrances[connection.target]
    steps = np.asarray(0 if synapse.delay is None else synapse.delay, np.int64) + late
    if not np.any(steps):
        kind = {} if bias is None else {"bias": bias.reshape(-1)}
        holder = drawing.add(name, "Affine" if kind else "Linear", weight=weight, **kind)
        drawing.row(start[-1], holder, end)
    else:
        holder = _delayed(drawing, name, weight, steps, start[-1], end)
    drawing.hold(holder, synapse)
    return holder


def _delayed(
    drawing: Drawing, name: str, weight: Floats, steps: Any, before: str, after: str
) -> str:
    """Add a delay before or behind the weights, or one pair of nodes for each delay."""
    out, into = weight.shape
    holder = name
    if steps.ndim == 0 or steps.shape[1] == 1:
        late = drawing.dt * np.broadcast_to(steps.reshape(-1), out)
        holder = drawing.add(name, "Linear", weight=weight)
        drawing.row(before, holder, drawing.add(f"{name}.delay", "Delay", delay=late), after)
    elif steps.shape[0] == 1:
        late = drawing.dt * np.broadcast_to(steps.reshape(-1), into)
        delay = drawing.add(f"{name}.delay", "Delay", delay=late)
        holder = drawing.add(name, "Linear", weight=weight)
        drawing.row(before, delay, holder, after)
    else:
        for number, step in enumerate(np.unique(steps)):
            part = drawing.add(name, "Linear", weight=np.where(steps == step, weight, 0.0))
            holder = part if number == 0 else holder
            late = np.full(out, drawing.dt * step)
            delay = drawing.add(f"{name}.delay", "Delay", delay=late)
            drawing.row(before, part, delay, after)
    return holder


def _conv(
    drawing: Drawing,
    name: str,
    connection: Connection,
    scale: float,
    bias: Floats | None,
    late: int,
) -> str:
    synapse: Conv2d = connection.synapse  # type: ignore[assignment]
    weight = np.asarray(synapse.weight) / scale
    shape = drawing.program.node(connection.source).shape
    values = np.zeros(len(weight)) if bias is None else bias[:, 0, 0]
    numbers = {
        key: np.asarray(getattr(synapse, key), np.float64)
        for key in ("stride", "padding", "dilation", "groups")
    }
    size = np.asarray(shape[1:], np.float64)
    holder = drawing.add(name, "Conv2d", weight=weight, bias=values, input_shape=size, **numbers)
    row = [drawing.entries[connection.source], holder]
    if late:
        target = drawing.program.node(connection.target).shape
        row.append(drawing.add(f"{name}.delay", "Delay", delay=np.full(target, drawing.dt * late)))
    drawing.row(*row, drawing.entrances[connection.target])
    drawing.hold(holder, synapse)
    return holder


def _direct(
    drawing: Drawing,
    name: str,
    connection: Connection,
    scale: float,
    bias: Floats | None,
    late: int,
) -> str:
    source, target = (drawing.program.node(n).shape for n in (connection.source, connection.target))
    if source != target:
        raise ExportError(f"joins {source} to {target} directly, which NIR cannot say")
    holder = drawing.add(name, "Scale", scale=np.full(target, 1 / scale))
    drawing.row(drawing.entries[connection.source], holder, drawing.entrances[connection.target])
    return holder


Rule = Callable[[Drawing, Population], Floats | None]

NEURONS: ByType[Rule] = ByType(
    "NIR node",
    Neuron,
    {CubaLif: _spiking, Integrator: _integrator},
    "NIR has no node for a {name}; write .h5",
    without=(HomeostaticLif, Delta, SigmaDelta, Sigma, ResonateFire, ResonateFireIz),
)
"""Neuron -> the nodes of its population."""

SYNAPSES: ByType[Callable[..., str]] = ByType(
    "NIR node", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)
"""Synapse -> the nodes of its connection."""
