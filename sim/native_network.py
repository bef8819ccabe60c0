"""From a `Plan` to the compiled network: parameters by lane, weights, delays as lags.

A lag is the number of columns between sending and arrival, latency and delay together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import EngineError, located
from neurodeploy.fixedpoint import (
    BIAS_BITS,
    DECAY_ONE,
    MANTISSA_SHIFT,
    MAX_DELAY_STEPS,
    wrap,
)
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
from neurodeploy.registry import ByType
from neurodeploy.sim.dynamics import STATE_EXP
from neurodeploy.sim.native_module import _native
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

Int32 = NDArray[np.int32]
Fields = dict[str, Any]

FACTS = {model.name: model for model in _native.models()}
"""What the kernels say of each neuron model, by the name of its record."""


def build(network: _native.Network, plan: Plan, faultable: bool = False) -> list[str]:
    """Declare ``plan`` to ``network``, and return the connection of each of its operations.

    faultable : whether the network is to take faults of its connections.
    """
    edges: list[str] = []
    for node in plan.program.inputs:
        network.add_input(_map_shape(node.shape))
    for stage in plan.stages:
        with located(f"population {stage.population.name}"):
            _add_population(network, plan, stage)
    for edge in plan.edges:
        with located(f"connection {edge.name}"):
            _add_edge(network, plan, edge)
        edges += [edge.name] * (network.operations - len(edges))
        fan_out = plan.fan_outs[edge.index]
        network.add_fan_out(
            _source(plan, edge), fan_out.taps.astype(np.int32), fan_out.nonzero.astype(np.int32)
        )
        if faultable:
            _describe(network, plan, edge)
    network.seal()
    return edges


def linear(edge: Edge) -> bool:
    """Whether what arrives over ``edge`` changes by just what a change of a message is worth."""
    return edge.shift == 0 or _unshifted(edge)[1] == 0


def _describe(network: _native.Network, plan: Plan, edge: Edge) -> None:
    """Tell ``network`` of ``edge`` as a whole, whose weights and delays may break."""
    record = _record(plan, edge)
    delay = getattr(edge.synapse, "delay", None)
    for name, value in WHOLES.of(edge.synapse)(edge).items():
        setattr(record, name, value)
    network.describe(record, 0 if delay is None else MAX_DELAY_STEPS)


def _map_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (channels, height, width); a flat population is a map of one row."""
    channels, height, width = shape if len(shape) == 3 else (1, 1, *shape)
    return channels, height, width


def _source(plan: Plan, edge: Edge) -> int:
    """Return the node that ``edge`` starts at: inputs first, then populations."""
    return edge.source if edge.from_input else len(plan.program.inputs) + edge.source


def states(neuron: Neuron) -> list[str]:
    """Return the states of the kernels for ``neuron``, in their order."""
    return facts(neuron).states


def facts(neuron: Neuron) -> _native.Model:
    """Return the facts of the kernels; EngineError where they have no such model."""
    kind = type(neuron)
    if kind.__name__ not in FACTS or kind not in FIELDS:
        raise EngineError(FIELDS.refusal.format(name=kind.__name__))
    return FACTS[kind.__name__]


def _add_population(network: _native.Network, plan: Plan, stage: Stage) -> None:
    neuron, shape = stage.population.neuron, stage.population.shape
    record = _native.Population()
    record.model = facts(neuron).name
    record.shape = _map_shape(shape)
    record.by_rows = any(edge.synapse.layout == "kernel" for edge in stage.incoming)
    record.reset_interval = plan.options.reset_interval or 0
    record.reset_column = stage.reset_column or 0
    record.lead = stage.lead
    parameters, fields = FIELDS.of(neuron)(neuron)
    record.parameters = {name: _per_neuron(p, shape) for name, p in parameters.items()}
    for name, value in fields.items():
        setattr(record, name, value)
    network.add_population(record)


def _per_neuron(value: NDArray[Any], shape: tuple[int, ...]) -> Int32:
    """Return ``value`` as int32 of one element, or of one per neuron in C,H,W order."""
    if value.ndim == 0:
        return value.astype(np.int32).reshape(1)
    return np.ascontiguousarray(np.broadcast_to(value, shape), np.int32).reshape(-1)


def _bias(neuron: Any) -> NDArray[Any]:
    """Return the bias of the CUBA family in units of v: its mantissa wraps to 16 bits."""
    return wrap(neuron.bias.astype(np.int64), BIAS_BITS) << MANTISSA_SHIFT


def _cuba(neuron: Any, threshold: NDArray[Any]) -> Fields:
    """Return what all of the CUBA family have; threshold : mantissa."""
    return {
        "keep_u": DECAY_ONE - neuron.current_decay,
        "keep_v": DECAY_ONE - neuron.voltage_decay,
        "threshold": threshold << MANTISSA_SHIFT,
        "bias": _bias(neuron),
        "initial": neuron.initial,
    }


def _lif(neuron: CubaLif) -> tuple[Fields, Fields]:
    gain = None if neuron.gain is None else np.array(neuron.gain, np.int32)
    return _cuba(neuron, neuron.threshold), {"reset": neuron.reset, "gain": gain}


def _homeostatic(neuron: HomeostaticLif) -> tuple[Fields, Fields]:
    parameters, fields = _lif(neuron)
    moving: Fields = {
        "signature": np.array(neuron.signature, np.int32).reshape(-1),
        "theta_shift": neuron.shift,
        "low": neuron.low,
        "high": neuron.high,
    }
    return parameters | {"theta": neuron.theta}, fields | moving


def _integrator(neuron: Integrator) -> tuple[Fields, Fields]:
    return _cuba(neuron, np.zeros((), np.int32)), {}


def _sigma_delta(neuron: Delta | SigmaDelta | Sigma) -> tuple[Fields, Fields]:
    shift = neuron.spike_exp + STATE_EXP
    given = {"threshold": neuron.threshold, "bias": neuron.bias}
    parameters = {n: wrap(p.astype(np.int64) << np.int64(shift), 32) for n, p in given.items()}
    return parameters, {"message_shift": shift}


def _resonator(neuron: ResonateFire) -> tuple[Fields, Fields]:
    sin, cos = neuron.coefficients()
    return {"sin": sin, "cos": cos, "threshold": neuron.threshold << MANTISSA_SHIFT}, {}


FIELDS: ByType[Callable[[Any], tuple[Fields, Fields]]] = ByType(
    "native kernel",
    Neuron,
    {
        CubaLif: _lif,
        Integrator: _integrator,
        HomeostaticLif: _homeostatic,
        Delta: _sigma_delta,
        SigmaDelta: _sigma_delta,
        Sigma: _sigma_delta,
        ResonateFire: _resonator,
        ResonateFireIz: _resonator,
    },
    refusal="engine 'native' has no {name} neurons; use engine 'reference'",
)
"""Of a neuron record: parameters of the kernels by name, in units of the state, and other fields of
`_native.Population`."""


def _record(plan: Plan, edge: Edge) -> _native.Edge:
    """Return where an edge goes from and to, and how long that takes."""
    record = _native.Edge()
    record.population = edge.target
    record.port = facts(plan.stages[edge.target].population.neuron).ports.index(edge.port)
    record.source = _source(plan, edge)
    record.lag = edge.latency
    record.graded = not edge.binary
    return record


def _add_edge(network: _native.Network, plan: Plan, edge: Edge) -> None:
    for fields in PARTS.of(edge.synapse)(edge):
        record = _record(plan, edge)
        for name, value in fields.items():
            setattr(record, name, value)
        network.add_edge(record)


def _weight(edge: Edge) -> Int32:
    """Return the weights of an edge that has some."""
    return np.ascontiguousarray(edge.given, np.int32)


def _direct(edge: Edge) -> Iterator[Fields]:
    yield {"lag": 0, "graded": True}


def _convolution(edge: Edge) -> Iterator[Fields]:
    geometry = ("stride", "padding", "dilation", "groups")
    yield {"weight": _weight(edge)} | {name: getattr(edge.synapse, name) for name in geometry}


def _exceeds(edge: Edge) -> bool:
    """Whether a sum of a dense edge may leave 32 bits."""
    return not edge.binary or int(np.abs(_weight(edge)).sum(axis=1, dtype=np.int64).max()) >= 2**31


def _unshifted(edge: Edge) -> tuple[Int32, int]:
    """Return the weights and the shift of a dense edge, shifted already where nothing is lost."""
    weight, shift = _weight(edge), edge.shift
    if shift and not _exceeds(edge) and not np.any(weight & ((1 << shift) - 1)):
        return weight >> shift, 0  # no sum has a remainder to lose
    return weight, shift


def _dense(edge: Edge) -> Iterator[Fields]:
    """Choose the form of a dense edge by how its delays differ: not, by column, by row, freely.

    With delays, sums that are shifted are wide before the shift; only the last form has those.
    Weights that are multiples of the shift, as Lava's conditioning often leaves them, are shifted
    themselves.
    """
    weight, shift = _unshifted(edge)
    delay = cast(Dense, edge.synapse).delay
    full = np.zeros((1, 1), np.int32) if delay is None else delay.astype(np.int32)
    by_row = bool(np.all(full == full[:, :1]))
    exceeds = _exceeds(edge)
    whole: Fields = {"weight": weight, "shift": shift}
    freely = np.ascontiguousarray(np.broadcast_to(full, weight.shape))
    if delay is not None and shift and exceeds:
        yield whole | {"delays": freely}
    elif np.all(full == full[:1]):
        for d in np.unique(full):
            columns = [] if by_row else np.flatnonzero(full[0] == d).tolist()
            yield whole | {"lag": edge.latency + int(d), "columns": columns}
    elif by_row:
        yield whole | {"row_delays": full[:, 0].tolist()}
    else:
        yield whole | {"delays": freely}


def _whole_dense(edge: Edge) -> Fields:
    weight, delay = _unshifted(edge)[0], cast(Dense, edge.synapse).delay
    if delay is None:
        return {"weight": weight}
    full = np.broadcast_to(delay.astype(np.int32), weight.shape)
    return {"weight": weight, "delays": np.ascontiguousarray(full)}


WHOLES: ByType[Callable[[Edge], Fields]] = ByType(
    "native kernel",
    Synapse,
    {
        Dense: _whole_dense,
        Conv2d: lambda edge: next(_convolution(edge)),
        Direct: lambda edge: next(_direct(edge)),
    },
)
"""Of an edge as a whole: the fields of `_native.Edge`, by the type of its synapse."""

PARTS: ByType[Callable[[Edge], Iterator[Fields]]] = ByType(
    "native kernel",
    Synapse,
    {Dense: _dense, Conv2d: _convolution, Direct: _direct},
    refusal="engine 'native' has no {name} synapses; use engine 'reference'",
)
"""Of an edge: the fields of `_native.Edge` for each of its parts, by the type of its synapse."""
