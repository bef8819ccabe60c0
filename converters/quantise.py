"""A network in floats on the chip's grid: `FloatNetwork` -> Program.

One weight scale p for each population (integer units per unit of weight). With the gain
``G = current_gain * voltage_gain`` of a neuron and its own unit of voltage ``q = p / |G|``::

    weight        = grid(p * sign(G) * W)
    current_decay = round(4096 * current_decay), voltage_decay likewise
    threshold     = round(q * (threshold - origin))
    bias          = round(q * (leak - voltage_decay * origin + G * drive / current_decay))
    initial       = round(64 * q * (start - origin))

so that the integer v is ``64 * q * (v - origin)``. A read-out compares voltages of its neurons, so
there q is one number and G is taken into the weights. The grid has 8 bits: even numbers in
[-256, 254] where a matrix has both signs, else all in [0, 255] or [-255, 0]. p is as large as the
grid, the threshold (131071 at most), the bias (16 bits) and the start (24 bits) allow.

The bias of a neuron with a current decay below 1 is its steady state: the float network filters a
constant drive through the current, the chip adds biases to the voltage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatConv,
    FloatDense,
    FloatNetwork,
    FloatPopulation,
    Floats,
    FloatSynapse,
)
from neurodeploy.errors import FormatError, located, warn
from neurodeploy.fixedpoint import DECAY_ONE, MAX_DELAY_STEPS
from neurodeploy.neuron import INITIAL_MAX, CubaLif, Integrator, Neuron
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.synapse import Conv2d, Dense, Synapse

THRESHOLD_LIMIT = 2**17 - 1
"""Largest threshold that v can pass: 64 times it lies below 2^23."""
BIAS_LIMIT = 2**15 - 1
STATE_UNIT = 64
"""Units of v for 1 of a threshold or weight."""


def quantised(
    network: FloatNetwork, message_bits: int = 0, scales: Mapping[str, float] | None = None
) -> Program:
    """Return the integer network; see the module for what is rounded and how.

    message_bits : of every input. scales : p by population in place of the largest one; weights
        beyond the grid are clipped. The scales that were used stand in the metadata.

    Raises FormatError for a neuron that no integers can express.
    """
    scales = scales or {}
    populations, connections = [], dict[int, Connection]()
    used: dict[str, float] = {}
    for population in network.populations:
        numbers = [k for k, c in enumerate(network.connections) if c.target == population.name]
        entering = [network.connections[k] for k in numbers]
        with located(population.name):
            if population.threshold is None:
                population, entering = _gain_in_weights(population, entering)
            weights = [connection.synapse.weight for connection in entering]
            scale = min(
                scales.get(population.name) or largest_scale(weights), _state_limit(population)
            )
            populations.append(
                Population(population.name, population.shape, _neuron(population, scale))
            )
        used[f"scale.{population.name}"] = scale
        sign = np.sign(_gain(population))
        for number, connection in zip(numbers, entering, strict=True):
            with located(f"{connection.source}->{connection.target}"):
                connections[number] = _connection(connection, scale, sign)
    return Program(
        tuple(Input(name, shape, message_bits) for name, shape in network.inputs.items()),
        tuple(populations),
        tuple(connections[number] for number in sorted(connections)),
        Readout(network.readout, _variable(network)),
        {**network.metadata, **used},
    )


def largest_scale(weights: Sequence[Floats]) -> float:
    """Return the largest p with which all ``weights`` stay on their grid, 1 where all are 0."""
    limits = [math.inf]
    for weight in weights:
        low, high = _limits(weight)
        smallest, largest = float(weight.min()), float(weight.max())
        limits += [high / largest] if largest > 0 else []
        limits += [low / smallest] if smallest < 0 else []
    return min(limits) if min(limits) < math.inf else 1.0


def on_grid(weight: Floats, scale: float) -> NDArray[np.int64]:
    """Round ``scale * weight`` half to even, to even numbers where both signs occur."""
    low, high = _limits(weight)
    step = 2 if low < 0 < high else 1
    rounded = step * np.rint(scale * weight / step)
    return np.asarray(np.clip(rounded, low, high), np.int64)


def _limits(weight: Floats) -> tuple[int, int]:
    if weight.min() >= 0:
        return 0, 255
    return (-255, 0) if weight.max() <= 0 else (-256, 254)


def _variable(network: FloatNetwork) -> str:
    readout = next(p for p in network.populations if p.name == network.readout)
    return "v" if readout.threshold is None else "s"


def _gain(population: FloatPopulation) -> Floats:
    return np.asarray(population.current_gain * population.voltage_gain)


def _gain_in_weights(
    population: FloatPopulation, entering: Sequence[FloatConnection]
) -> tuple[FloatPopulation, list[FloatConnection]]:
    """Move the gain of a read-out into the weights, so that all its neurons share one unit of v."""
    gain = _gain(population)
    if gain.ndim == 0:
        return population, list(entering)
    scaled = [replace(c, synapse=_rows_scaled(c.synapse, gain)) for c in entering]
    one = np.asarray(1.0)
    return (
        replace(population, current_gain=one, voltage_gain=one, drive=population.drive * gain),
        scaled,
    )


def _rows_scaled(synapse: FloatSynapse, gain: Floats) -> FloatSynapse:
    if isinstance(synapse, FloatDense):
        return replace(synapse, weight=synapse.weight * gain.reshape(-1, 1))
    if not np.all(gain == gain[:, :1, :1]):
        raise FormatError(
            "is a read-out whose gain differs within one channel of a convolution, "
            "expected one gain for each channel"
        )
    return replace(synapse, weight=synapse.weight * gain[:, :1, :1, None])


def _units(population: FloatPopulation, scale: float) -> Floats:
    """Return q, the integer units per unit of v."""
    return np.asarray(scale / np.abs(_gain(population)))


def _bias(population: FloatPopulation) -> Floats:
    """Return what is added to v in every step, in units of v, around the origin."""
    filtered = np.where(population.drive == 0, 1.0, population.current_decay)
    if np.any(filtered == 0):
        raise FormatError("has a constant drive into a current that never decays")
    steady = _gain(population) * population.drive / filtered
    return np.asarray(population.leak - population.voltage_decay * population.origin + steady)


def _state_limit(population: FloatPopulation) -> float:
    """Return the largest p whose threshold, bias and start stay within their widths."""
    gain = np.abs(_gain(population))
    if np.any(gain == 0):
        raise FormatError("has a gain of 0: its input never arrives, expected r and w_in not 0")
    bounds = [
        (_bias(population), BIAS_LIMIT),
        (population.start - population.origin, INITIAL_MAX / STATE_UNIT),
    ]
    if population.threshold is not None:
        bounds.append((population.threshold - population.origin, THRESHOLD_LIMIT))
    limits = [math.inf]
    for value, limit in bounds:
        size = float(np.max(np.abs(value) / gain))
        limits += [limit / size] if size else []
    return min(limits)


def _neuron(population: FloatPopulation, scale: float) -> Neuron:
    unit = _units(population, scale)
    current, voltage = _decay(population.current_decay), _decay(population.voltage_decay)
    bias = _compact(np.rint(unit * _bias(population)))
    initial = _compact(np.rint(STATE_UNIT * unit * (population.start - population.origin)))
    if population.threshold is None:
        return Integrator(current, voltage, bias, initial=initial)
    distance = unit * (population.threshold - population.origin)
    threshold = np.rint(distance)
    lost = np.abs(threshold - distance) > 0.1 * np.abs(distance)
    if np.any(lost):
        where = np.flatnonzero(np.broadcast_to(lost, population.shape))[0]
        near = float(np.broadcast_to(distance, population.shape).flat[where])
        warn(
            f"{population.name}: threshold of neuron {where} is {near:.3g} units of the weights, "
            "rounded by more than a tenth: its weights are large against the threshold"
        )
    return CubaLif(current, voltage, _compact(threshold), bias, population.reset, initial=initial)


def _decay(decay: Floats) -> NDArray[np.int64]:
    """Round to 1/4096; a decay that is not 0 stays at least 1."""
    rounded = np.rint(DECAY_ONE * decay)
    return _compact(np.where((decay > 0) & (rounded == 0), 1, rounded))


def _compact(array: Floats) -> NDArray[np.int64]:
    """Return ``array`` as integers in the smallest shape that holds it: (), (C, 1, 1) or whole."""
    whole = np.asarray(array, np.int64)
    if whole.size and np.all(whole == whole.flat[0]):
        return np.asarray(whole.flat[0])
    if whole.ndim == 3 and np.all(whole == whole[:, :1, :1]):
        return np.asarray(whole[:, :1, :1])
    return whole


def _connection(connection: FloatConnection, scale: float, sign: Floats) -> Connection:
    synapse = SYNAPSES[type(connection.synapse)](connection.synapse, scale, sign)
    return Connection(connection.source, connection.target, synapse, connection.feedback)


def _dense(synapse: FloatDense, scale: float, sign: Floats) -> Synapse:
    rows = sign.reshape(-1, 1) if sign.ndim else sign
    if synapse.delay is not None and (late := int(synapse.delay.max())) > MAX_DELAY_STEPS:
        raise FormatError(f"has a delay of {late} steps, limit {MAX_DELAY_STEPS}")
    return Dense(on_grid(synapse.weight * rows, scale), synapse.delay)


def _conv(synapse: FloatConv, scale: float, sign: Floats) -> Synapse:
    if sign.ndim and not np.all(sign == sign[:, :1, :1]):
        raise FormatError("has gains of both signs within one channel of a convolution")
    rows = sign[:, :1, :1, None] if sign.ndim else sign
    geometry = (synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
    return Conv2d(on_grid(synapse.weight * rows, scale), *geometry)


SYNAPSES: dict[type, Callable[..., Synapse]] = {FloatDense: _dense, FloatConv: _conv}
"""Synapse in floats -> how it is rounded."""
