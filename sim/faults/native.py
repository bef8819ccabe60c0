"""Faults as the native engine takes them: rows of numbers, one for each thing that is otherwise.

A row is ``(kind, place, five numbers)``, place the number of a connection or population; the engine
has the number of the list between kind and place. The kinds and their numbers:

    weight     index of the weight, delay, change, and 1 / -1 / 0 where it is now / no longer /
               as before other than 0
    parameter  number of the kernel's parameter, first neuron, last + 1, value
    state      number of the state, neuron, column, mask, how the word reads
    neuron     how it is broken, first neuron, last + 1
    message    what happens, first source value, last + 1, column and mask, or key and limit
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError, located
from neurodeploy.program import Program
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
from neurodeploy.sim.faults.changed import delays_of, flipped_delay, weight_format, word_value
from neurodeploy.sim.faults.engine import rate_key, rate_limit
from neurodeploy.sim.faults.places import (
    check_breaks,
    check_index,
    connection_index,
    message_mask,
    neuron_slice,
    population_index,
    require_state,
    route_slice,
)
from neurodeploy.sim.faults.records import (
    DelayFlip,
    Fault,
    ParameterFlip,
    ParameterWord,
    StateFlip,
    WeightFlip,
    WeightWord,
    mask_of,
)
from neurodeploy.sim.faults.words import Encoding, WordFormat
from neurodeploy.sim.native_network import FIELDS, facts, states
from neurodeploy.sim.plan import Plan

Row = tuple[int, int, int, int, int, int, int]
"""Kind, place and five numbers."""
Rows = NDArray[np.int64]

_WEIGHT, _PARAMETER, _STATE, _NEURON, _MESSAGE = range(5)
_FLIPPED, _STRUCK = 0, 1
_BROKEN = {"dead": 0, "stuck-on": 1, "slow": 2, "saturated": 3}
_READINGS = {"u": 0, "v": 1, "re": 1, "im": 1, "vth": 2, "sigma": 3, "act": 3, "residue": 3}
_KERNEL_NAMES = {"current_decay": "keep_u", "voltage_decay": "keep_v"}
"""Names of the kernels' parameters, where they are not those of the records."""
_ALWAYS = 2**32


class FaultTable:
    """Makes rows of faults for one `Plan`, with what is looked up for them kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.program: Program = plan.program
        self._formats: dict[tuple[int, Encoding], WordFormat] = {}
        self._words: dict[tuple[int, str], tuple[list[int], list[tuple[int, int]]]] = {}
        self._values: dict[tuple[int, str, int], int] = {}
        self._weights: dict[int, NDArray[Any]] = {}

    def rows(self, faults: Sequence[Fault]) -> list[Row]:
        """Return the rows of the faults of one sample.

        Raises OptionError for a site that does not exist, a value that the encoding has no word
        for and a bit that the word does not have; ProgramError for a value that a record refuses.
        """
        draft = _Draft(self)
        for fault in faults:
            try:
                INJECTIONS.of(fault)(draft, fault)
            except OptionError:
                with located(fault.text):
                    raise
        return draft.finished()

    def format(self, number: int, encoding: Encoding) -> WordFormat:
        """Return the word of a connection's weights."""
        key = number, encoding
        if key not in self._formats:
            self._formats[key] = weight_format(self.program, number, encoding)
        return self._formats[key]

    def weights(self, number: int) -> NDArray[Any]:
        """Return a connection's weights, flat."""
        if number not in self._weights:
            weight = getattr(self.program.connections[number].synapse, "weight", None)
            if weight is None:
                raise OptionError("the connection has no weights")
            self._weights[number] = weight.reshape(-1)
        return self._weights[number]

    def words(self, number: int, field: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the words of a parameter, and of each the neurons that share it, as a range."""
        key = number, field
        if key not in self._words:
            population = self.program.populations[number]
            if field not in population.neuron.roles:
                raise OptionError(f"{type(population.neuron).__name__} has no {field}")
            value = np.asarray(getattr(population.neuron, field))
            own = np.arange(value.size).reshape(value.shape)
            owner = np.broadcast_to(own, population.shape).reshape(-1)
            ends = np.searchsorted(owner, np.arange(value.size + 1)).tolist()
            self._words[key] = value.reshape(-1).tolist(), list(pairwise(ends))
        return self._words[key]

    def kernel_value(self, number: int, field: str, value: int) -> int:
        """Return a parameter in the units of the kernels; ProgramError where its record refuses."""
        key = number, field, value
        if key not in self._values:
            neuron = self.program.populations[number].neuron
            changed = replace(neuron, **{field: np.int32(value)})
            parameters, _ = FIELDS.of(changed)(changed)
            self._values[key] = int(parameters[_KERNEL_NAMES.get(field, field)])
        return self._values[key]

    def parameter_number(self, number: int, field: str) -> int:
        """Return the number of the kernel's parameter."""
        names = facts(self.program.populations[number].neuron).parameters
        return names.index(_KERNEL_NAMES.get(field, field))


class _Draft:
    """Words of one sample that have been changed so far, and rows."""

    def __init__(self, table: FaultTable) -> None:
        self.table = table
        self._rows: list[Row] = []
        self._weights: dict[tuple[int, int], int] = {}
        self._parameters: dict[tuple[int, str, int], int] = {}
        self._delays: dict[tuple[int, int], int] = {}

    def add(self, *row: int) -> None:
        """Take a row, padded with zeros."""
        self._rows.append((*row, *(0,) * (7 - len(row))))  # type: ignore[arg-type]

    def weight(self, number: int, index: int) -> int:
        """Return a weight as it is now."""
        flat = self.table.weights(number)
        check_index(index, len(flat), "weight")
        return self._weights.get((number, index), int(flat[index]))

    def set_weight(self, number: int, index: int, value: int) -> None:
        """Make a weight another."""
        self._weights[number, index] = value

    def parameter(self, name: str, field: str, index: int) -> tuple[int, int]:
        """Return the number of a population, and a word of its as it is now."""
        number = population_index(self.table.program, name)
        values, _ = self.table.words(number, field)
        check_index(index, len(values), "word")
        return number, self._parameters.get((number, field, index), values[index])

    def set_parameter(self, number: int, field: str, index: int, value: int) -> None:
        """Make a word of a parameter another."""
        self._parameters[number, field, index] = value

    def delay(self, number: int, index: int) -> int:
        """Return a delay as it is now."""
        flat = delays_of(self.table.program, number).reshape(-1)
        check_index(index, flat.size, "delay")
        return self._delays.get((number, index), int(flat[index]))

    def set_delay(self, number: int, index: int, value: int) -> None:
        """Make a delay another."""
        self._delays[number, index] = value

    def finished(self) -> list[Row]:
        """Return all rows."""
        table = self.table
        for (number, field, index), value in self._parameters.items():
            first, last = table.words(number, field)[1][index]
            own = table.kernel_value(number, field, value)
            self.add(_PARAMETER, number, table.parameter_number(number, field), first, last, own)
        moved = self._moved()
        for (number, index), value in self._weights.items():
            if (number, index) not in moved:
                old, delay = int(table.weights(number)[index]), self._delay_of(number, index)
                present = (value != 0) - (old != 0)
                self.add(_WEIGHT, number, index, delay, _change(old, value), present)
        return self._rows

    def _moved(self) -> set[tuple[int, int]]:
        """Add the rows of weights whose delay is another, and return which those are."""
        found: set[tuple[int, int]] = set()
        for number in {number for number, _ in self._delays}:
            flat = self.table.weights(number)
            before = delays_of(self.table.program, number)
            after = before.copy()
            for (other, word), value in self._delays.items():
                if other == number:
                    after.reshape(-1)[word] = value
            shape = self.table.program.connections[number].synapse.rows.shape  # type: ignore[union-attr]
            old, new = (np.broadcast_to(d, shape).reshape(-1) for d in (before, after))
            for index in np.flatnonzero(old != new).tolist():
                was = int(flat[index])
                value = self._weights.get((number, index), was)
                present = (value != 0) - (was != 0)
                self.add(_WEIGHT, number, index, int(old[index]), _change(was, 0), 0)
                self.add(_WEIGHT, number, index, int(new[index]), _change(0, value), present)
                found.add((number, index))
        return found

    def _delay_of(self, number: int, index: int) -> int:
        synapse: Any = self.table.program.connections[number].synapse
        delay = getattr(synapse, "delay", None)
        if delay is None:
            return 0
        row, column = divmod(index, synapse.weight.shape[1])
        return int(np.broadcast_to(delay, synapse.weight.shape)[row, column])


def _change(old: int, new: int) -> int:
    return _signed(new - old)


def _signed(value: int) -> int:
    """Return ``value`` modulo 2^32, two's complement."""
    return (value + 2**31) % 2**32 - 2**31


def _weight_flip(draft: _Draft, fault: WeightFlip) -> None:
    number = connection_index(draft.table.program, fault.connection)
    value = draft.weight(number, fault.index)
    form = draft.table.format(number, fault.encoding)
    draft.set_weight(number, fault.index, form.flipped(value, fault.bits))


def _weight_word(draft: _Draft, fault: WeightWord) -> None:
    number = connection_index(draft.table.program, fault.connection)
    draft.weight(number, fault.index)
    draft.set_weight(number, fault.index, word_value(fault.value))


def _parameter_flip(draft: _Draft, fault: ParameterFlip) -> None:
    number, value = draft.parameter(fault.population, fault.field, fault.index)
    changed = fault.encoding.parameters()[fault.field].flipped(value, fault.bits)
    draft.set_parameter(number, fault.field, fault.index, changed)


def _parameter_word(draft: _Draft, fault: ParameterWord) -> None:
    number, _ = draft.parameter(fault.population, fault.field, fault.index)
    draft.set_parameter(number, fault.field, fault.index, word_value(fault.value))


def _delay_flip(draft: _Draft, fault: DelayFlip) -> None:
    number = connection_index(draft.table.program, fault.connection)
    value = draft.delay(number, fault.index)
    draft.set_delay(number, fault.index, flipped_delay(value, fault))


def _state_flip(draft: _Draft, fault: StateFlip) -> None:
    program = draft.table.program
    number, cells = neuron_slice(program, fault.population, fault.index, fault.index + 1)
    require_state(program, number, fault.variable)
    state = states(program.populations[number].neuron).index(fault.variable)
    mask, reading = mask_of(fault.bits), _READINGS[fault.variable]
    draft.add(_STATE, number, state, cells.start, fault.step, mask, reading)


def _neuron(draft: _Draft, fault: NeuronFault) -> None:
    program = draft.table.program
    number, cells = neuron_slice(program, fault.population, fault.index, fault.index + 1)
    check_breaks(program, number, fault.kind)
    draft.add(_NEURON, number, _BROKEN[fault.kind], cells.start, cells.stop)


def _core(draft: _Draft, fault: DeadCore) -> None:
    for part in fault.neurons:
        program = draft.table.program
        number, cells = neuron_slice(program, part.population, part.start, part.stop)
        draft.add(_NEURON, number, _BROKEN["dead"], cells.start, cells.stop)


def _route(draft: _Draft, fault: DeadRoute) -> None:
    program = draft.table.program
    number, cells = route_slice(program, fault.connection, fault.start, fault.stop)
    lost = _STRUCK + DroppedSpikes.kind
    draft.add(_MESSAGE, number, lost, cells.start, cells.stop, 0, _ALWAYS)


def _message(draft: _Draft, fault: MessageFlip) -> None:
    program = draft.table.program
    number, cells = route_slice(program, fault.connection, fault.index, fault.index + 1)
    mask = message_mask(draft.table.plan.edges[number].binary, fault.bits)
    draft.add(_MESSAGE, number, _FLIPPED, cells.start, cells.stop, fault.step, mask)


def _rate(draft: _Draft, fault: MessagesAtRate) -> None:
    program = draft.table.program
    number, cells = route_slice(program, fault.connection, 0, None)
    low, high = rate_key(fault)
    key = _signed(high) * 2**32 + low
    struck = _STRUCK + fault.kind
    draft.add(_MESSAGE, number, struck, cells.start, cells.stop, key, rate_limit(fault))


INJECTIONS: ByType[Callable[[_Draft, Any], None]] = ByType(
    "native injection",
    Fault,
    {
        WeightFlip: _weight_flip,
        WeightWord: _weight_word,
        ParameterFlip: _parameter_flip,
        ParameterWord: _parameter_word,
        DelayFlip: _delay_flip,
        StateFlip: _state_flip,
        NeuronFault: _neuron,
        DeadCore: _core,
        DeadRoute: _route,
        MessageFlip: _message,
        DroppedSpikes: _rate,
        DuplicatedSpikes: _rate,
        LateSpikes: _rate,
    },
)
"""How each fault becomes rows."""


def stacked(lists: Sequence[Sequence[Row]]) -> Rows:
    """Return lists of rows as one array, int64 ``(rows, 8)``: the number of the list behind the
    kind."""
    counts = [len(own) for own in lists]
    flat = np.array([row for own in lists for row in own], np.int64).reshape(-1, 7)
    owner = np.repeat(np.arange(len(lists), dtype=np.int64), counts)
    return np.ascontiguousarray(np.insert(flat, 1, owner, axis=1))
