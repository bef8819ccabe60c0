"""The reference engine: plain numpy, step by step. It defines what a Program means.

Every edge holds the currents that are still under way, one slot per column; a message sent in
column c over an edge of latency l and delay d is added to slot c + l + d. With latency 0 the
target, later in topological order, finds it in the same column: that is aligned time. With
latency 1 it finds it in the next: that is pipelined time, Lava's order of send, update, receive.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import located
from neurodeploy.fixedpoint import IntArray, wrap
from neurodeploy.registry import ByType
from neurodeploy.sim.dynamics import DYNAMICS, State, clear, fresh_state, update
from neurodeploy.sim.engine import Recording, plain_bytes
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

Delayed = list[tuple[int, IntArray]]
"""Pairs of a delay and the current ``(batch, target size)`` that arrives after it."""
_FLOAT_EXACT = 2**53
"""Sums of integers below this are exact in float64, whatever the order."""


@dataclass
class RunState:
    """Everything that outlives a column.

    column : the next column. neurons : per stage. transit : per edge ``(slots, batch, size)``,
    slot ``column mod slots`` is due now.
    """

    column: int
    neurons: list[State]
    transit: list[IntArray]

    def become(self, other: RunState) -> None:
        """Take over all of ``other`` in one step, which no signal handler can come between."""
        self.__dict__.update(other.__dict__)


class ReferenceEngine:
    """Runs a `Plan` with `neurodeploy.sim.dynamics`, all samples of a batch at once."""

    def __init__(self, plan: Plan) -> None:
        check(plan)
        self.plan = plan
        self.column_bytes = plain_bytes(plan)

    def fresh(self, batch: int) -> RunState:
        """Return the state before column 0: zeros everywhere."""
        stages = self.plan.stages
        sizes = [stages[edge.target].population.size for edge in self.plan.edges]
        slots = [edge.latency + edge.synapse.max_delay + 1 for edge in self.plan.edges]
        return RunState(
            0,
            [fresh_state(s.population.neuron, batch, s.population.shape) for s in stages],
            [np.zeros((n, batch, size), np.int64) for n, size in zip(slots, sizes, strict=True)],
        )

    def advance(self, state: RunState, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run all columns of ``inputs``; see `neurodeploy.sim.engine.Engine`.

        ``state`` changes only when the call returns: an interrupt leaves it as it was.
        """
        moving = copy.deepcopy(state)
        recording = self._run(moving, inputs)
        state.become(moving)
        return recording

    def _run(self, state: RunState, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run all columns of ``inputs`` and move ``state`` along."""
        batch, steps = inputs[0].shape[:2]
        arrays = [_allocate(stage, batch, steps) for stage in self.plan.stages]
        events = [np.zeros((batch, edge_source(self.plan, e)), np.int64) for e in self.plan.edges]
        input_events = np.array([np.count_nonzero(x, axis=(1, 2)) for x in inputs])
        spikes = np.zeros((len(self.plan.stages), batch), np.int64)
        for c in range(steps):
            for edge in self.plan.edges:
                if edge.from_input:
                    self._send(edge, state, inputs[edge.source][:, c].astype(np.int64), events)
            for stage in self.plan.stages:
                s = self._step(stage, state)
                spikes[stage.index] += np.count_nonzero(s.reshape(batch, -1), axis=1)
                for edge in stage.outgoing:
                    self._send(edge, state, s.reshape(batch, -1), events)
                for name, array in arrays[stage.index].items():
                    variables = state.neurons[stage.index].variables
                    array[:, c] = s if name == "s" else variables[name]
            state.column += 1
        return self._recording(state, arrays, input_events, spikes, events)

    def run(self, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run independent samples from fresh states and keep none."""
        return self._run(self.fresh(inputs[0].shape[0]), inputs)

    def _step(self, stage: Stage, state: RunState) -> IntArray:
        """Update one population in the present column."""
        neuron, own = stage.population.neuron, state.neurons[stage.index]
        self._clear(stage, state)
        batch = len(own.u_wraps)
        currents = {
            port: np.zeros((batch, *stage.population.shape), np.int64) for port in neuron.ports
        }
        for edge in stage.incoming:
            arriving = _collect(state, edge).reshape(currents[edge.port].shape)
            currents[edge.port] = wrap(currents[edge.port] + arriving, 32)
        interval = self.plan.options.reset_interval
        return update(neuron, own, currents, stage.sample_step(state.column, interval))

    def _clear(self, stage: Stage, state: RunState) -> None:
        """Bring one population back to its start where a reset is due."""
        if stage.is_reset(state.column, self.plan.options.reset_interval):
            clear(stage.population.neuron, state.neurons[stage.index])

    def _send(
        self, edge: Edge, state: RunState, messages: IntArray, events: list[IntArray]
    ) -> None:
        """Put the currents that ``messages`` (batch, size) cause into the edge's slots."""
        events[edge.index] += messages != 0
        messages = (messages != 0).astype(np.int64) if edge.binary else messages
        slots = state.transit[edge.index]
        for delay, current in currents_by_delay(self.plan, edge, messages):
            slot = (state.column + edge.latency + delay) % len(slots)
            slots[slot] = wrap(slots[slot] + current, 32)

    def _recording(
        self,
        state: RunState,
        arrays: list[dict[str, NDArray[Any]]],
        input_events: IntArray,
        spikes: IntArray,
        events: list[IntArray],
    ) -> Recording:
        fans = self.plan.fan_outs
        wraps = np.array([own.u_wraps for own in state.neurons])
        saturations = np.array([own.v_saturations for own in state.neurons])
        for own in state.neurons:
            own.u_wraps = np.zeros_like(own.u_wraps)
            own.v_saturations = np.zeros_like(own.v_saturations)
        taps = [e @ f.taps for e, f in zip(events, fans, strict=True)]
        nonzero = [e @ f.nonzero for e, f in zip(events, fans, strict=True)]
        counts = np.array([*input_events, *spikes, *wraps, *saturations, *taps, *nonzero])
        return Recording(arrays, counts)


def check(plan: Plan) -> None:
    """Raise ModelError, naming the item, unless every neuron and synapse is known here."""
    for stage in plan.stages:
        with located(f"population {stage.population.name}"):
            DYNAMICS.of(stage.population.neuron)
    for edge in plan.edges:
        with located(f"connection {edge.name}"):
            CURRENTS.of(edge.synapse)


def edge_source(plan: Plan, edge: Edge) -> int:
    """Return the number of values that the source of ``edge`` sends."""
    nodes = plan.program.inputs if edge.from_input else plan.program.populations
    return nodes[edge.source].size


def _allocate(stage: Stage, batch: int, steps: int) -> dict[str, NDArray[Any]]:
    shape = (batch, steps, *stage.population.shape)
    spikes = np.int32 if stage.population.neuron.graded else np.uint8
    return {name: np.zeros(shape, spikes if name == "s" else np.int32) for name in stage.recorded}


def _collect(state: RunState, edge: Edge) -> IntArray:
    """Take what is due in the present column out of the edge's slots."""
    slots = state.transit[edge.index]
    due: IntArray = slots[state.column % len(slots)].copy()
    slots[state.column % len(slots)] = 0
    return due


def currents_by_delay(plan: Plan, edge: Edge, messages: IntArray) -> Delayed:
    """Return (delay, current) pairs, current int64 ``(batch, target size)``.

    Dense: ``wrap32(sum_j weight[i, j] * m[j]) >> shift``.
    Dense with delays, for each delay that occurs:
    ``wrap32((sum_j wrap32(weight[i, j] * m[j])) >> shift)``; the sum itself is wide, as in Lava.
    Conv2d: ``wrap24(conv(m, weight))``. Direct: the messages themselves.
    """
    shape = plan.program.node(plan.program.connections[edge.index].source).shape
    return CURRENTS.of(edge.synapse)(edge.synapse, edge, messages.reshape(-1, *shape))


def _direct(_: Direct, edge: Edge, messages: IntArray) -> Delayed:
    return [(0, messages.reshape(len(messages), -1))]


def _conv(synapse: Conv2d, edge: Edge, messages: IntArray) -> Delayed:
    return [(0, wrap(convolve(messages, synapse, edge.weight), edge.bits))]


def _dense(synapse: Dense, edge: Edge, messages: IntArray) -> Delayed:
    weight, flat, delay = edge.weight, messages.reshape(len(messages), -1), synapse.delay
    if delay is None:
        return [(0, wrap(multiply(flat, weight), edge.bits) >> edge.shift)]
    if delay.shape[1] == 1:  # one delay for a whole row: one product serves all delays
        rows = wrap(multiply_wide(flat, weight) >> edge.shift, edge.bits)
        return [(int(d), rows * (delay[:, 0] == d)) for d in np.unique(delay)]
    full = np.broadcast_to(delay, weight.shape)
    return [
        (int(d), wrap(multiply_wide(flat, weight * (full == d)) >> edge.shift, edge.bits))
        for d in np.unique(full)
    ]


def multiply(messages: IntArray, weight: IntArray) -> IntArray:
    """Return ``messages @ weight.T`` modulo 2^64; through float64 where that is exact."""
    largest = int(np.abs(messages).max(initial=0))
    if largest * int(np.abs(weight).sum(axis=1).max()) < _FLOAT_EXACT:
        return np.asarray(messages.astype(np.float64) @ weight.T.astype(np.float64)).astype(
            np.int64
        )
    return np.asarray(messages @ weight.T)


def multiply_wide(messages: IntArray, weight: IntArray) -> IntArray:
    """Return ``sum_j wrap32(messages[b, j] * weight[i, j])``, int64 ``(batch, out)``."""
    if int(np.abs(messages).max(initial=0)) * int(np.abs(weight).max()) < 2**31:
        return multiply(messages, weight)
    products = wrap(messages[:, None, :] * weight[None], 32)
    return np.asarray(products.sum(axis=2))


def convolve(messages: IntArray, synapse: Conv2d, weight: IntArray) -> IntArray:
    """Cross-correlate ``(batch, C, H, W)``; return int64 ``(batch, Cout * Hout * Wout)``."""
    channels, height, width = synapse.output_shape(messages.shape[1:])
    (ph, pw), (sh, sw), (dh, dw) = synapse.padding, synapse.stride, synapse.dilation
    padded = np.pad(messages, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    _, per_group, rows, cols = weight.shape
    patches = np.stack(
        [
            padded[:, :, r * dh : r * dh + sh * height : sh, q * dw : q * dw + sw * width : sw][
                :, :, :height, :width
            ]
            for r in range(rows)
            for q in range(cols)
        ],
        axis=2,
    )  # (batch, C, taps, Hout, Wout)
    batch, groups = len(messages), synapse.groups
    patches = patches.reshape(batch, groups, per_group * rows * cols, height * width)
    kernels = weight.reshape(groups, channels // groups, -1)
    result = np.stack(
        [
            multiply(patches[:, g].transpose(0, 2, 1).reshape(batch * height * width, -1), kernel)
            for g, kernel in enumerate(kernels)
        ],
        axis=1,
    )  # (batch * cells, groups, channels per group)
    cells = result.reshape(batch, height * width, channels)
    return np.ascontiguousarray(cells.transpose(0, 2, 1)).reshape(batch, -1)


CURRENTS: ByType[Callable[[Any, Edge, IntArray], Delayed]] = ByType(
    "currents", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)
"""What each synapse makes of messages ``(batch, *source shape)``: see `currents_by_delay`."""
