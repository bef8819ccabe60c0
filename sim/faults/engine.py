"""The reference engine with faults that act while a program runs: the definition of each.

In every column, for every population: flips of its states, a due reset, the pinning of saturated
neurons, the step of `neurodeploy.sim.reference`, the pinning again, then what it sends is forced.
Messages change between what was sent and the connection, which counts those that reach it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.draws import NORMAL_SEEDS, blocks
from neurodeploy.errors import located
from neurodeploy.fixedpoint import IntArray, M, saturate, wrap
from neurodeploy.registry import ByType
from neurodeploy.sim.faults.broken import (
    DeadCore,
    DeadRoute,
    DroppedSpikes,
    DuplicatedSpikes,
    LateSpikes,
    MessageFlip,
    MessagesAtRate,
    NeuronFault,
)
from neurodeploy.sim.faults.places import (
    MESSAGE_BITS,
    check_breaks,
    connection_index,
    message_mask,
    neuron_slice,
    require_state,
    route_slice,
)
from neurodeploy.sim.faults.records import STATES, Fault, StateFlip, mask_of
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.sim.reference import ReferenceEngine, RunState, currents_by_delay

OWN_COUNTERS = 2**30
"""Highest counter word of what happens to messages, which no other draw has."""
_FORCED = {"dead": 0, "stuck-on": 1}
_READ: dict[str, Callable[[IntArray], IntArray]] = {
    "u": lambda state: np.where(state == -M, M, state),  # R2: u lies in (-2^23, 2^23]
    "v": saturate,
    "re": saturate,
    "im": saturate,
}


@dataclass
class _Links:
    """What happens to the messages of one connection, by sample."""

    flips: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    struck: list[tuple[int, MessagesAtRate]] = field(default_factory=list)
    dead: list[tuple[int, slice]] = field(default_factory=list)


@dataclass
class _LateState(RunState):
    """A state with, per connection, the messages and the events to arrive in the next column."""

    late: dict[int, tuple[IntArray, IntArray]] = field(default_factory=dict)
    held: dict[tuple[int, int], IntArray] = field(default_factory=dict)


class FaultyEngine(ReferenceEngine):
    """Runs a `Plan` with a list of running faults for each sample of a batch."""

    def __init__(self, plan: Plan, faults: Sequence[Sequence[Fault]]) -> None:
        super().__init__(plan)
        self._flips: dict[tuple[int, int], list[tuple[str, int, int, int]]] = defaultdict(list)
        self._pinned: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._forced: dict[int, list[tuple[int, slice, str]]] = defaultdict(list)
        self._links: dict[int, _Links] = defaultdict(_Links)
        for row, own in enumerate(faults):
            for fault in own:
                with located(fault.text):
                    RUNNING_FAULTS.of(fault)(self, row, fault)

    def fresh(self, batch: int) -> _LateState:
        state = super().fresh(batch)
        return _LateState(state.column, state.neurons, state.transit)

    def _clear(self, stage: Stage, state: RunState) -> None:
        variables = state.neurons[stage.index].variables
        for name, row, cell, mask in self._flips.get((stage.index, state.column), ()):
            cells, bits = variables[name].reshape(len(variables[name]), -1), STATES[name]
            read = wrap((cells[row, cell] & (2**bits - 1)) ^ mask, bits)
            cells[row, cell] = _READ[name](read) if name in _READ else read
        super()._clear(stage, state)
        self._pin(stage, state)

    def _step(self, stage: Stage, state: RunState) -> IntArray:
        assert isinstance(state, _LateState)
        s = super()._step(stage, state)
        self._pin(stage, state)
        sent = s.reshape(len(s), -1)
        for number, (row, cells, kind) in enumerate(self._forced.get(stage.index, ())):
            if kind == "slow":
                late = sent[row, cells].copy()
                sent[row, cells] = state.held.get((stage.index, number), 0)
                state.held[stage.index, number] = late
            else:
                sent[row, cells] = _FORCED[kind]
        return sent.reshape(s.shape)

    def _pin(self, stage: Stage, state: RunState) -> None:
        if pinned := self._pinned.get(stage.index):
            rows, cells = np.array(pinned).T
            v = state.neurons[stage.index].variables["v"]
            v.reshape(len(v), -1)[rows, cells] = M - 1

    def _send(
        self, edge: Edge, state: RunState, messages: IntArray, events: list[IntArray]
    ) -> None:
        links = self._links.get(edge.index)
        if links is None:
            super()._send(edge, state, messages, events)
            return
        assert isinstance(state, _LateState)
        values, counts = self._changed(links, edge, state, messages)
        events[edge.index] += counts
        slots = state.transit[edge.index]
        for delay, current in currents_by_delay(self.plan, edge, values):
            slot = (state.column + edge.latency + delay) % len(slots)
            slots[slot] = wrap(slots[slot] + current, 32)

    def _changed(
        self, links: _Links, edge: Edge, state: _LateState, messages: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return the messages that arrive, and how many events each is, ``(batch, size)``."""
        values = (messages != 0).astype(np.int64) if edge.binary else messages.copy()
        for row, index, mask in links.flips.get(state.column, ()):
            values[row, index] = wrap(values[row, index] ^ mask, MESSAGE_BITS)
        lost = np.zeros(values.shape, bool)
        late = np.zeros(values.shape, bool)
        times = np.ones(values.shape, np.int64)
        for row, part in links.dead:
            lost[row, part] = True
        for row, fault in links.struck:
            hit = struck(fault, edge.index, state.column, values.shape[1])
            if fault.kind == DuplicatedSpikes.kind:
                times[row] += hit
            else:
                (lost if fault.kind == DroppedSpikes.kind else late)[row] |= hit
        times[lost] = 0
        counts = times * (values != 0)
        values = wrap(values * times, MESSAGE_BITS)
        nothing = np.zeros_like(values)
        held_values, held_counts = state.late.get(edge.index, (nothing, nothing))
        state.late[edge.index] = np.where(late, values, 0), np.where(late, counts, 0)
        arriving = wrap(np.where(late, 0, values) + held_values, MESSAGE_BITS)
        return arriving, np.where(late, 0, counts) + held_counts

    def add_flip(self, row: int, fault: StateFlip) -> None:
        """Take in a flip of a state of sample ``row``."""
        number, cells = neuron_slice(
            self.plan.program, fault.population, fault.index, fault.index + 1
        )
        require_state(self.plan.program, number, fault.variable)
        entry = (fault.variable, row, cells.start, mask_of(fault.bits))
        self._flips[number, fault.step].append(entry)

    def add_neuron(self, row: int, fault: NeuronFault) -> None:
        """Take in a broken neuron of sample ``row``."""
        program = self.plan.program
        number, cells = neuron_slice(program, fault.population, fault.index, fault.index + 1)
        check_breaks(program, number, fault.kind)
        if fault.kind == "saturated":
            self._pinned[number].append((row, fault.index))
        else:
            self._forced[number].append((row, cells, fault.kind))

    def add_core(self, row: int, fault: DeadCore) -> None:
        """Take in a dead core of sample ``row``."""
        for part in fault.neurons:
            number, cells = neuron_slice(self.plan.program, part.population, part.start, part.stop)
            self._forced[number].append((row, cells, "dead"))

    def add_route(self, row: int, fault: DeadRoute) -> None:
        """Take in a dead route of sample ``row``."""
        number, cells = route_slice(self.plan.program, fault.connection, fault.start, fault.stop)
        self._links[number].dead.append((row, cells))

    def add_message(self, row: int, fault: MessageFlip) -> None:
        """Take in a flip of a message of sample ``row``."""
        number, cells = route_slice(
            self.plan.program, fault.connection, fault.index, fault.index + 1
        )
        mask = message_mask(self.plan.edges[number].binary, fault.bits)
        self._links[number].flips[fault.step].append((row, cells.start, mask))

    def add_rate(self, row: int, fault: MessagesAtRate) -> None:
        """Take in what happens to messages of sample ``row``."""
        number = connection_index(self.plan.program, fault.connection)
        self._links[number].struck.append((row, fault))


def struck(fault: MessagesAtRate, edge: int, column: int, size: int) -> NDArray[np.bool_]:
    """Return which of ``size`` messages of a column are struck, see `MessagesAtRate`."""
    counter = np.zeros(((size + 3) // 4, 4), np.uint64)
    counter[:, 0] = np.arange(len(counter))
    counter[:, 1:] = column, edge, OWN_COUNTERS + fault.kind
    words = blocks(counter, rate_key(fault)).reshape(-1)[:size].astype(np.uint64)
    return np.asarray(words < np.uint64(rate_limit(fault)))


def rate_key(fault: MessagesAtRate) -> tuple[int, int]:
    """Return the key of the draws, low and high word."""
    return fault.seed % 2**32, (fault.seed + NORMAL_SEEDS) // 2**32


def rate_limit(fault: MessagesAtRate) -> int:
    """Return the number below which a word strikes, 0 to 2^32."""
    return round(fault.rate * 2**32)


RUNNING_FAULTS: ByType[Callable[[FaultyEngine, int, Any], None]] = ByType(
    "running fault",
    Fault,
    {
        StateFlip: FaultyEngine.add_flip,
        NeuronFault: FaultyEngine.add_neuron,
        DeadCore: FaultyEngine.add_core,
        DeadRoute: FaultyEngine.add_route,
        MessageFlip: FaultyEngine.add_message,
        DroppedSpikes: FaultyEngine.add_rate,
        DuplicatedSpikes: FaultyEngine.add_rate,
        LateSpikes: FaultyEngine.add_rate,
    },
)
"""How the engine takes in each fault that acts while a program runs."""
