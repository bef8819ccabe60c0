"""What a Program holds, in numbers: sizes, ranges, weight bits, bounds of u, findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import WEIGHT_MAX, WEIGHT_MIN, NothingToCondition, changes
from neurodeploy.converters.netx.findings import surprises
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, M
from neurodeploy.program import Connection, Input, MetadataValue, Population, Program
from neurodeploy.sim.fanout import fan_out
from neurodeploy.sim.plan import dense_groups, group_weights
from neurodeploy.synapse import Synapse

WEIGHT_RANGE = (WEIGHT_MIN, WEIGHT_MAX)
"""Weights that a chip of the Loihi kind holds: 8 bits, even where the signs are mixed."""
THRESHOLD_BITS = 17
Range = tuple[int, int]


@dataclass(frozen=True)
class WeightUse:
    """How the weights of one connection use their bits.

    low, high : extremes. distinct : different values. zeros : weights that are 0, of count.
    step : largest power of two, up to 256, that divides all of them; 0 when all are 0.
    bits : width of the smallest integer that holds weight / step, with a sign bit only where the
        signs are mixed.
    """

    low: int
    high: int
    distinct: int
    zeros: int
    count: int
    step: int
    bits: int


@dataclass(frozen=True)
class ConnectionSummary:
    """One connection. taps, nonzero : synapses, with and without those of weight 0.

    delay : smallest and largest in steps, or None. geometry : what a convolution adds to its shape.
    """

    name: str
    source: str
    target: str
    synapse: str
    shape: tuple[int, ...]
    geometry: str
    feedback: bool
    port: str
    group: str | None
    weights: WeightUse | None
    delay: Range | None
    taps: int
    nonzero: int


@dataclass(frozen=True)
class CurrentBound:
    """Bound of |u| of one population, and what is left to 2^23, where u is folded back.

    bound : worst |u| when every binary source sends in every step; None when u does not decay.
    ratio : bound / 2^23. safe_steps : steps in which u cannot wrap when it does not decay.
    safe_message : largest |message| of graded sources that cannot wrap u, None without such.
    nominal_message : largest that ``message_bits`` of the inputs among them announce.
    """

    bound: int | None
    ratio: float | None
    safe_steps: int | None
    safe_message: int | None
    nominal_message: int


@dataclass(frozen=True)
class PopulationSummary:
    """One population. parameters : name -> extremes, or a text. units : name -> what 1 means."""

    number: int
    name: str
    shape: tuple[int, ...]
    neuron: str
    parameters: Mapping[str, Range | str]
    units: Mapping[str, str]
    current: CurrentBound | None


@dataclass(frozen=True)
class Summary:
    """What `summarise` found. taps, nonzero : synapses. bytes : of all arrays as held in memory.

    findings : what a user should know before running it on a chip, one line each.
    """

    digest: str
    inputs: tuple[Mapping[str, Any], ...]
    populations: tuple[PopulationSummary, ...]
    connections: tuple[ConnectionSummary, ...]
    readout: Mapping[str, Any]
    neurons: int
    taps: int
    nonzero: int
    bytes: int
    findings: tuple[str, ...]
    metadata: Mapping[str, MetadataValue]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def summarise(program: Program) -> Summary:
    """Return the `Summary` of ``program``."""
    connections = tuple(
        _connection(program, index, name) for index, name in enumerate(program.connection_names)
    )
    populations = tuple(
        _population(program, number, population)
        for number, population in enumerate(program.populations)
    )
    return Summary(
        digest=program.digest,
        inputs=tuple(asdict(node) for node in program.inputs),
        populations=populations,
        connections=connections,
        readout=asdict(program.readout),
        neurons=program.neurons,
        taps=sum(entry.taps for entry in connections),
        nonzero=sum(entry.nonzero for entry in connections),
        bytes=sum(_bytes(c.synapse) for c in program.connections)
        + sum(_bytes(p.neuron) for p in program.populations),
        findings=(
            *_conditioning_findings(program),
            *(line for entry in connections for line in _weight_findings(entry)),
            *(line for entry in populations for line in _neuron_findings(entry)),
            *surprises(program),
        ),
        metadata=dict(program.metadata),
    )


def weight_use(weight: NDArray[np.int32]) -> WeightUse:
    """Return the `WeightUse` of an integer array."""
    low, high = int(weight.min()), int(weight.max())
    merged = int(np.bitwise_or.reduce(np.abs(weight.astype(np.int64)), axis=None))
    step = min(merged & -merged, 256)
    return WeightUse(
        low=low,
        high=high,
        distinct=len(np.unique(weight)),
        zeros=int(weight.size - np.count_nonzero(weight)),
        count=int(weight.size),
        step=step,
        bits=_width(low // max(step, 1), high // max(step, 1)),
    )


def _width(low: int, high: int) -> int:
    """Bits of the smallest integer that holds low..high, signed only if both signs occur."""
    if low < 0 < high:
        return 1 + max((-low - 1).bit_length(), high.bit_length())
    return max(-low, high).bit_length()


def current_bound(program: Program, population: Population) -> CurrentBound | None:
    """Bound |u| from the weights alone; None for a neuron without a current.

    ``|u| <= max_i 64 * S_i * 4096 / (4096 - |4096 - decay_i|)`` where S_i is the larger of the sum
    of positive and the sum of negative weights into neuron i; truncation only lowers it. Messages
    of either sign and size m count with ``m * sum |w|``.
    """
    neuron = population.neuron
    if neuron.family != "cuba":
        return None
    up, down, graded = _drive(program, population)
    events = np.maximum(up, down)
    decay = np.asarray(neuron.having("decay")["current_decay"], dtype=np.int64)
    loss = np.maximum(DECAY_ONE - np.abs(DECAY_ONE - decay), 0)
    worst = _steady(events, loss)
    per_unit = _steady(graded, loss)
    safe_message = None
    if graded.any():
        left = 0 if worst is None else max(M - worst, 0)
        safe_message = 0 if per_unit is None else int(left // per_unit)
    driven = int(events.max())
    return CurrentBound(
        bound=None if worst is None else math.ceil(worst),
        ratio=None if worst is None else float(worst / M),
        safe_steps=M // (driven << MANTISSA_SHIFT) if worst is None else None,
        safe_message=safe_message,
        nominal_message=_nominal(program, population),
    )


def _nominal(program: Program, population: Population) -> int:
    """Return 2^message_bits - 1 of the widest input that drives the population."""
    sources = [program.node(c.source) for c in program.connections if c.target == population.name]
    return max((2**s.message_bits - 1 for s in sources if isinstance(s, Input)), default=0)


def _drive(program: Program, population: Population) -> tuple[NDArray[np.int64], ...]:
    """Return (positive, negative, graded) input per neuron and step, for messages of size 1."""
    rank = len(population.shape)
    total = [np.zeros((1,) * rank, np.int64) for _ in range(3)]
    for connection in program.connections:
        if connection.target != population.name or connection.port != "a":
            continue
        up, down = _sums(connection, population)
        if not connection.synapse.binarises or program.is_graded(connection.source):
            total[2] = total[2] + up + down
        else:
            total[0], total[1] = total[0] + up, total[1] + down
    return tuple(total)


def _sums(
    connection: Connection, population: Population
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums of the positive and of the negative weights per neuron; borders are not credited."""
    synapse, rank = connection.synapse, len(population.shape)
    weight = synapse.rows
    if weight is None:
        return np.ones((1,) * rank, np.int64), np.zeros((1,) * rank, np.int64)
    shape = (-1, 1, 1) if synapse.layout == "kernel" else population.shape
    up = np.maximum(weight, 0).sum(axis=1, dtype=np.int64)
    down = -np.minimum(weight, 0).sum(axis=1, dtype=np.int64)
    return up.reshape(shape), down.reshape(shape)


def _steady(drive: NDArray[np.int64], loss: NDArray[np.int64]) -> float | None:
    """Largest ``64 * drive * 4096 / loss`` over the neurons; None where it grows without end."""
    drive, loss = np.broadcast_arrays(drive << MANTISSA_SHIFT, loss)
    if np.any((loss == 0) & (drive > 0)):
        return None
    return float((drive * DECAY_ONE / np.maximum(loss, 1)).max())


def _connection(program: Program, index: int, name: str) -> ConnectionSummary:
    connection = program.connections[index]
    synapse = connection.synapse
    fans = fan_out(program, index)
    weight = next(iter(synapse.having("weight").values()), None)
    delay = next(iter(synapse.having("delay").values()), None)
    return ConnectionSummary(
        name=name,
        source=connection.source,
        target=connection.target,
        synapse=type(synapse).__name__,
        shape=() if weight is None else weight.shape,
        geometry=_geometry(synapse),
        feedback=connection.feedback,
        port=connection.port,
        group=connection.group,
        weights=None if weight is None else weight_use(weight),
        delay=None if delay is None else (int(delay.min()), int(delay.max())),
        taps=int(fans.taps.sum()),
        nonzero=int(fans.nonzero.sum()),
    )


def _geometry(synapse: Synapse) -> str:
    """Return what differs from its default (stride 1, padding 0, one group ...), as text."""
    plain = {field.name: field.default for field in fields(synapse)}
    parts = []
    for name, value in synapse.having("geometry").items():
        if value == plain[name]:
            continue
        if isinstance(value, tuple):
            high, wide = value
            parts.append(f"{name} {high}" if high == wide else f"{name} {high}x{wide}")
        else:
            parts.append(f"{value} {name}")
    return ", ".join(parts)


def _population(program: Program, number: int, population: Population) -> PopulationSummary:
    neuron = population.neuron
    values = ((field.name, getattr(neuron, field.name)) for field in fields(neuron))
    given = {name: value for name, value in values if value is not None}
    return PopulationSummary(
        number=number,
        name=population.name,
        shape=population.shape,
        neuron=type(neuron).__name__,
        parameters={name: _parameter(value) for name, value in given.items()},
        units={name: neuron.roles[name].unit for name in given},
        current=current_bound(program, population),
    )


def _parameter(value: Any) -> Range | str:
    return value if isinstance(value, str) else (int(np.min(value)), int(np.max(value)))


def _bytes(record: Any) -> int:
    arrays = (getattr(record, field.name) for field in fields(record))
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def _conditioning_findings(program: Program) -> list[str]:
    """Where ``weights="exact"`` and ``"lava"`` differ."""
    result = []
    for members in dense_groups(program):
        names = [program.connection_names[index] for index in members]
        try:
            found = changes(group_weights(program, members))
        except NothingToCondition as error:
            result.append(f"connection {', '.join(names)}: {error}")
            continue
        result += [
            f"connection {name}: {change}"
            for name, change in zip(names, found, strict=True)
            if change is not None
        ]
    return result


def _weight_findings(entry: ConnectionSummary) -> list[str]:
    low, high = WEIGHT_RANGE
    if entry.weights is None or (entry.weights.low >= low and entry.weights.high <= high):
        return []
    outside = entry.weights.high if entry.weights.high > high else entry.weights.low
    if outside == 255 and entry.weights.low >= 0:
        return []
    return [f"connection {entry.name}: weights reach {outside}, a chip holds {low} to {high}"]


_LIMITS = {
    "current_decay": (0, DECAY_ONE),
    "voltage_decay": (0, DECAY_ONE),
    "threshold": (0, 2**THRESHOLD_BITS - 1),
    "bias": (-(2 ** (BIAS_BITS - 1)), 2 ** (BIAS_BITS - 1) - 1),
}
"""Ranges of a chip of the Loihi kind for CUBA neurons."""


def _neuron_findings(entry: PopulationSummary) -> list[str]:
    room = entry.current
    if room is None:
        return []
    result = []
    for name, (low, high) in _LIMITS.items():
        for value in entry.parameters.get(name, ()):
            if isinstance(value, int) and not low <= value <= high:
                result.append(f"{name} reaches {value}, a chip holds {low} to {high}")
                break
    if room.bound is None:
        result.append(f"u does not decay and may wrap after {room.safe_steps} steps of full input")
    elif room.bound > M:
        result.append(f"u may reach {room.bound}, it wraps beyond {M}")
    if room.safe_message is not None and room.safe_message < room.nominal_message:
        result.append(
            f"u may wrap for messages beyond {room.safe_message}, "
            f"the input announces up to {room.nominal_message}"
        )
    return [f"population {entry.name}: {line}" for line in result]
