"""The reference engine with faults that act while a program runs: the definition of each.

In every column, for every population: flips of its states, a due reset, the pinning of saturated
neurons, the step of `neurodeploy.sim.reference`, the pinning again, then what it sends is forced.
Lost messages vanish between what was sent and the connection, and are no events of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.draws import NORMAL_SEEDS, blocks
from neurodeploy.errors import OptionError, located
from neurodeploy.fixedpoint import STATE_BITS, IntArray, M, saturate, wrap
from neurodeploy.registry import ByType
from neurodeploy.sim.faults.changed import check_index, connection_index, population_index
from neurodeploy.sim.faults.records import DroppedSpikes, Fault, NeuronFault, StateFlip
from neurodeploy.sim.plan import Edge, Plan, Stage
from neurodeploy.sim.reference import ReferenceEngine, RunState

OWN_COUNTERS = 2**30
"""Highest counter word of losses, which no other draw has."""
_FORCED = {"dead": 0, "stuck-on": 1}
_READ: dict[str, Callable[[IntArray], IntArray]] = {
    "u": lambda state: np.where(state == -M, M, state),  # R2: u lies in (-2^23, 2^23]
    "v": saturate,
}


class FaultyEngine(ReferenceEngine):
    """Runs a `Plan` with a list of running faults for each sample of a batch."""

    def __init__(self, plan: Plan, faults: Sequence[Sequence[Fault]]) -> None:
        super().__init__(plan)
        self._flips: dict[tuple[int, int], list[tuple[str, int, int, int]]] = defaultdict(list)
        self._pinned: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._forced: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._losses: dict[int, dict[DroppedSpikes, list[int]]] = defaultdict(dict)
        for row, own in enumerate(faults):
            for fault in own:
                with located(fault.text):
                    RUNNING_FAULTS.of(fault)(self, row, fault)

    def _clear(self, stage: Stage, state: RunState) -> None:
        variables = state.neurons[stage.index].variables
        for name, row, cell, mask in self._flips.get((stage.index, state.column), ()):
            cells = variables[name].reshape(len(variables[name]), -1)
            word = (cells[row, cell] & (2**STATE_BITS - 1)) ^ mask
            cells[row, cell] = _READ[name](wrap(word, STATE_BITS))
        super()._clear(stage, state)
        self._pin(stage, state)

    def _step(self, stage: Stage, state: RunState) -> IntArray:
        s = super()._step(stage, state)
        self._pin(stage, state)
        sent = s.reshape(len(s), -1)
        if forced := self._forced.get(stage.index):
            rows, cells, values = np.array(forced).T
            sent[rows, cells] = values
        return sent.reshape(s.shape)

    def _pin(self, stage: Stage, state: RunState) -> None:
        if pinned := self._pinned.get(stage.index):
            rows, cells = np.array(pinned).T
            v = state.neurons[stage.index].variables["v"]
            v.reshape(len(v), -1)[rows, cells] = M - 1

    def _send(
        self, edge: Edge, state: RunState, messages: IntArray, events: list[IntArray]
    ) -> None:
        own = self._losses.get(edge.index)
        if own:
            messages = messages.copy()
            for fault, rows in own.items():
                lost = losses(fault, edge.index, state.column, messages.shape[1])
                messages[np.ix_(np.array(rows), np.flatnonzero(lost))] = 0
        super()._send(edge, state, messages, events)

    def add_flip(self, row: int, fault: StateFlip) -> None:
        """Take in a flip of a state of sample ``row``."""
        number = self._cell(fault.population, fault.index)
        self._require_state(number, fault.variable)
        mask = sum(1 << bit for bit in fault.bits)
        self._flips[number, fault.step].append((fault.variable, row, fault.index, mask))

    def add_neuron(self, row: int, fault: NeuronFault) -> None:
        """Take in a broken neuron of sample ``row``."""
        number = self._cell(fault.population, fault.index)
        if fault.kind in _FORCED:
            neuron = self.plan.stages[number].population.neuron
            if not (neuron.spikes or (neuron.sends and fault.kind == "dead")):
                raise OptionError(f"{type(neuron).__name__} sends no spikes")
            self._forced[number].append((row, fault.index, _FORCED[fault.kind]))
        else:
            self._require_state(number, "v")
            self._pinned[number].append((row, fault.index))

    def add_loss(self, row: int, fault: DroppedSpikes) -> None:
        """Take in lost messages of sample ``row``."""
        number = connection_index(self.plan.program, fault.connection)
        self._losses[number].setdefault(fault, []).append(row)

    def _cell(self, population: str, index: int) -> int:
        number = population_index(self.plan.program, population)
        check_index(index, self.plan.stages[number].population.size, "neuron")
        return number

    def _require_state(self, number: int, name: str) -> None:
        neuron = self.plan.stages[number].population.neuron
        if name not in neuron.states:
            raise OptionError(f"{type(neuron).__name__} has no state {name}")


def losses(fault: DroppedSpikes, edge: int, column: int, size: int) -> NDArray[np.bool_]:
    """Return which of ``size`` messages of a column are lost, see `DroppedSpikes`."""
    counter = np.zeros(((size + 3) // 4, 4), np.uint64)
    counter[:, 0] = np.arange(len(counter))
    counter[:, 1:] = column, edge, OWN_COUNTERS
    key = fault.seed % 2**32, (fault.seed + NORMAL_SEEDS) // 2**32
    words = blocks(counter, key).reshape(-1)[:size].astype(np.uint64)
    return np.asarray(words < np.uint64(round(fault.rate * 2**32)))


RUNNING_FAULTS: ByType[Callable[[FaultyEngine, int, Any], None]] = ByType(
    "running fault",
    Fault,
    {
        StateFlip: FaultyEngine.add_flip,
        NeuronFault: FaultyEngine.add_neuron,
        DroppedSpikes: FaultyEngine.add_loss,
    },
)
"""How the engine takes in each fault that acts while a program runs."""
