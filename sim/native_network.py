"""From a `Plan` to the compiled network: parameters by lane, weights, delays as lags.

A lag is the number of columns between sending and arrival, latency and delay together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import located
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, wrap
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
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

if TYPE_CHECKING:
    from neurodeploy.sim import _native

Int32 = NDArray[np.int32]
Wiring = tuple[int, int, int]
"""Target population, its port, and the node that a connection starts at."""

MODELS: ByType[int] = ByType(
    "kernel",
    Neuron,
    {
        kind: number
        for number, kind in enumerate(
            (
                CubaLif,
                Integrator,
                HomeostaticLif,
                Delta,
                SigmaDelta,
                Sigma,
                ResonateFire,
                ResonateFireIz,
            )
        )
    },
    refusal="engine 'native' has no {name} neurons; use engine 'reference'",
)
"""Numbers of the models in the compiled `Model`."""
_RESETS = {"zero": 0, "subtract": 1, "none": 2}
_NO_SPIKE = 3
_NONE = np.zeros(0, np.int32)
_ZERO = np.zeros(1, np.int32)


def build(network: _native.Network, plan: Plan) -> list[str]:
    """Declare ``plan`` to ``network``, and return the connection of each of its operations."""
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
    network.seal()
    return edges


def _map_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (channels, height, width); a flat population is a map of one row."""
    channels, height, width = shape if len(shape) == 3 else (1, 1, *shape)
    return channels, height, width


def _source(plan: Plan, edge: Edge) -> int:
    """Return the node that ``edge`` starts at: inputs first, then populations."""
    return edge.source if edge.from_input else len(plan.program.inputs) + edge.source


def _add_population(network: _native.Network, plan: Plan, stage: Stage) -> None:
    neuron, shape = stage.population.neuron, stage.population.shape
    moving = neuron if isinstance(neuron, HomeostaticLif) else None
    gain = getattr(neuron, "gain", None)
    network.add_population(
        shape=_map_shape(shape),
        by_rows=any(isinstance(edge.synapse, Conv2d) for edge in stage.incoming),
        model=MODELS.of(neuron),
        parameters=[_per_neuron(p, shape) for p in _parameters(neuron)],
        bias_mantissa=_per_neuron(_bias(neuron), shape),
        gain=_NONE if gain is None else np.array(gain, np.int32),
        signature=moving.signature.reshape(-1) if moving else _NONE,
        reset=_RESETS[neuron.reset] if isinstance(neuron, CubaLif) else _NO_SPIKE,
        theta_shift=moving.shift if moving else 0,
        low=moving.low if moving else 0,
        high=moving.high if moving else 0,
        message_shift=getattr(neuron, "spike_exp", 0) + STATE_EXP,
        reset_interval=plan.options.reset_interval or 0,
        reset_column=stage.reset_column or 0,
        lead=stage.lead,
    )


def _per_neuron(value: NDArray[Any], shape: tuple[int, ...]) -> Int32:
    """Return ``value`` as int32 of one element, or of one per neuron in C,H,W order."""
    if value.ndim == 0:
        return value.astype(np.int32).reshape(1)
    return np.ascontiguousarray(np.broadcast_to(value, shape), np.int32).reshape(-1)


def _bias(neuron: Neuron) -> NDArray[Any]:
    """Return the bias mantissa of the CUBA family, wrapped to 16 bits."""
    if isinstance(neuron, (CubaLif, Integrator)):
        return wrap(neuron.bias.astype(np.int64), BIAS_BITS)
    return _ZERO


def _parameters(neuron: Neuron) -> list[NDArray[Any]]:
    """Return the kernels' parameters, thresholds and biases in units of the state."""
    if isinstance(neuron, (CubaLif, Integrator)):
        keep = [DECAY_ONE - d for d in (neuron.current_decay, neuron.voltage_decay)]
        threshold = getattr(neuron, "threshold", np.int32(0)) << MANTISSA_SHIFT
        theta = [neuron.theta] if isinstance(neuron, HomeostaticLif) else []
        return [*keep, threshold, _bias(neuron) << MANTISSA_SHIFT, neuron.initial, *theta]
    if isinstance(neuron, ResonateFire):
        return [*neuron.coefficients(), neuron.threshold << MANTISSA_SHIFT]
    if isinstance(neuron, (Delta, SigmaDelta)):
        shift = np.int64(neuron.spike_exp + STATE_EXP)
        return [wrap(p.astype(np.int64) << shift, 32) for p in (neuron.threshold, neuron.bias)]
    return []


def _add_edge(network: _native.Network, plan: Plan, edge: Edge) -> None:
    port = plan.stages[edge.target].population.neuron.ports.index(edge.port)
    wiring = (edge.target, port, _source(plan, edge))
    SYNAPSES.of(edge.synapse)(network, wiring, edge, edge.synapse)


def _add_direct(network: _native.Network, wiring: Wiring, edge: Edge, _: Direct) -> None:
    network.add_direct(*wiring)


def _add_convolution(network: _native.Network, wiring: Wiring, edge: Edge, synapse: Conv2d) -> None:
    network.add_convolution(
        *wiring,
        edge.latency,
        not edge.binary,
        np.asarray(edge.given, np.int32),
        synapse.stride,
        synapse.padding,
        synapse.dilation,
        synapse.groups,
    )


def _add_dense(network: _native.Network, wiring: Wiring, edge: Edge, synapse: Dense) -> None:
    """Choose the form of a dense edge by how its delays differ: not, by column, by row, freely.

    With delays, sums that are shifted are wide before the shift; only the last form has those.
    Weights that are multiples of the shift, as Lava's conditioning often leaves them, are shifted
    themselves.
    """
    graded, lag, shift = not edge.binary, edge.latency, edge.shift
    weight, delay = np.asarray(edge.given, np.int32), synapse.delay
    full = np.zeros((1, 1), np.int32) if delay is None else delay.astype(np.int32)
    by_row = bool(np.all(full == full[:, :1]))
    exceeds = graded or int(np.abs(weight).sum(axis=1, dtype=np.int64).max()) >= 2**31
    if shift and not exceeds and not np.any(weight & ((1 << shift) - 1)):
        weight, shift = weight >> shift, 0  # no sum has a remainder to lose
    if delay is not None and shift and exceeds:
        full = np.ascontiguousarray(np.broadcast_to(full, weight.shape))
        network.add_delayed_synapses(*wiring, lag, graded, weight, full, shift)
    elif np.all(full == full[:1]):
        for d in np.unique(full):
            columns = [] if by_row else np.flatnonzero(full[0] == d).tolist()
            network.add_dense(*wiring, lag + int(d), graded, weight, columns, shift)
    elif by_row:
        delays = full[:, 0].tolist()
        network.add_delayed_rows(*wiring, lag, graded, weight, delays, shift)
    else:
        network.add_delayed_synapses(*wiring, lag, graded, weight, full, shift)


SYNAPSES: ByType[Callable[[_native.Network, Wiring, Edge, Any], None]] = ByType(
    "kernel",
    Synapse,
    {Dense: _add_dense, Conv2d: _add_convolution, Direct: _add_direct},
    refusal="engine 'native' has no {name} synapses; use engine 'reference'",
)
"""How a connection is declared to the network."""
