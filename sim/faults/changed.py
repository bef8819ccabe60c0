"""Permanent faults of stored words: the Program with those words changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError, located
from neurodeploy.fixedpoint import MAX_DELAY_STEPS
from neurodeploy.program import Program
from neurodeploy.registry import ByType
from neurodeploy.sim.faults.places import check_index, connection_index, population_index
from neurodeploy.sim.faults.records import (
    DelayFlip,
    Fault,
    ParameterFlip,
    ParameterWord,
    WeightFlip,
    WeightWord,
)
from neurodeploy.sim.faults.words import Encoding, WordFormat
from neurodeploy.sim.plan import dense_groups


def faulty_program(program: Program, faults: Sequence[Fault]) -> Program:
    """Return ``program`` with every word of ``faults``, `STORED_FAULTS` all, changed in turn.

    Raises OptionError for a site that does not exist, a value that the encoding has no word for
    and a bit that the word does not have; ProgramError for a value that a record refuses.
    """
    if not faults:
        return program
    draft = _Draft(program)
    for fault in faults:
        with located(fault.text):
            STORED_FAULTS.of(fault)(draft, fault)
    return draft.finished()


def weight_format(program: Program, number: int, encoding: Encoding) -> WordFormat:
    """Return the word of the weights of a connection, whose group shares one exponent.

    Raises OptionError for a connection without weights and for weights that have no words.
    """
    if not program.connections[number].synapse.has_weight:
        raise OptionError(f"connection {program.connection_names[number]} has no weights")
    groups = (members for members in dense_groups(program) if number in members)
    members = next(groups, [number])
    rows = (program.connections[member].synapse.rows for member in members)
    return encoding.weights([row for row in rows if row is not None])


def delays_of(program: Program, number: int) -> NDArray[np.int8]:
    """Return the delays of a connection. Raises OptionError for one that has none."""
    delay: NDArray[np.int8] | None = getattr(program.connections[number].synapse, "delay", None)
    if delay is None:
        raise OptionError(f"connection {program.connection_names[number]} has no delays")
    return delay


def flipped_delay(delay: int, fault: DelayFlip) -> int:
    """Return what a delay reads once bits of its word flip, the longest one at most."""
    return min(fault.encoding.delay.flipped(delay, fault.bits), MAX_DELAY_STEPS)


class _Draft:
    """Words that have been changed so far, and the formats of the words as they were."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._weights: dict[int, NDArray[Any]] = {}
        self._delays: dict[int, NDArray[Any]] = {}
        self._parameters: dict[tuple[int, str], NDArray[Any]] = {}
        self._formats: dict[tuple[int, Encoding], WordFormat] = {}

    def weights(self, name: str) -> tuple[int, NDArray[Any]]:
        """Return a connection's number, and its weights to be written to, flat."""
        number = connection_index(self.program, name)
        if number not in self._weights:
            weight = getattr(self.program.connections[number].synapse, "weight", None)
            if weight is None:
                raise OptionError("the connection has no weights")
            self._weights[number] = weight.copy()
        return number, self._weights[number].reshape(-1)

    def delays(self, name: str) -> NDArray[Any]:
        """Return a connection's delays, to be written to, flat."""
        number = connection_index(self.program, name)
        if number not in self._delays:
            self._delays[number] = delays_of(self.program, number).copy()
        return self._delays[number].reshape(-1)

    def format(self, number: int, encoding: Encoding) -> WordFormat:
        """Return the word of a connection's weights, as they were."""
        key = number, encoding
        if key not in self._formats:
            self._formats[key] = weight_format(self.program, number, encoding)
        return self._formats[key]

    def parameter(self, name: str, field: str) -> NDArray[Any]:
        """Return a parameter's array to be written to, flat."""
        number = population_index(self.program, name)
        if (number, field) not in self._parameters:
            neuron = self.program.populations[number].neuron
            if field not in neuron.roles:
                raise OptionError(f"{type(neuron).__name__} has no {field}")
            self._parameters[number, field] = np.array(getattr(neuron, field))
        return self._parameters[number, field].reshape(-1)

    def finished(self) -> Program:
        """Return the program with the words as they are now."""
        connections, populations = list(self.program.connections), list(self.program.populations)
        for number, weight in self._weights.items():
            synapse: Any = connections[number].synapse
            changed = replace(synapse, weight=weight)
            connections[number] = replace(connections[number], synapse=changed)
        for number, delay in self._delays.items():
            wired: Any = connections[number].synapse
            connections[number] = replace(connections[number], synapse=replace(wired, delay=delay))
        for (number, field), value in self._parameters.items():
            neuron = replace(populations[number].neuron, **{field: value})
            populations[number] = replace(populations[number], neuron=neuron)
        return replace(self.program, connections=tuple(connections), populations=tuple(populations))


def _weight_flip(draft: _Draft, fault: WeightFlip) -> None:
    number, flat = draft.weights(fault.connection)
    check_index(fault.index, flat.size, "weight")
    form = draft.format(number, fault.encoding)
    flat[fault.index] = form.flipped(int(flat[fault.index]), fault.bits)


def _weight_word(draft: _Draft, fault: WeightWord) -> None:
    _, flat = draft.weights(fault.connection)
    check_index(fault.index, flat.size, "weight")
    flat[fault.index] = word_value(fault.value)


def _delay_flip(draft: _Draft, fault: DelayFlip) -> None:
    flat = draft.delays(fault.connection)
    check_index(fault.index, flat.size, "delay")
    flat[fault.index] = flipped_delay(int(flat[fault.index]), fault)


def _parameter_flip(draft: _Draft, fault: ParameterFlip) -> None:
    flat = draft.parameter(fault.population, fault.field)
    check_index(fault.index, flat.size, "word")
    form = fault.encoding.parameters()[fault.field]
    flat[fault.index] = form.flipped(int(flat[fault.index]), fault.bits)


def _parameter_word(draft: _Draft, fault: ParameterWord) -> None:
    flat = draft.parameter(fault.population, fault.field)
    check_index(fault.index, flat.size, "word")
    flat[fault.index] = word_value(fault.value)


def word_value(value: int) -> int:
    """Return a value of 32 bits. Raises OptionError for another."""
    if not -(2**31) <= value < 2**31:
        raise OptionError(f"value is {value}, allowed are {-(2**31)} to {2**31 - 1}")
    return value


STORED_FAULTS: ByType[Callable[[_Draft, Any], None]] = ByType(
    "change of words",
    Fault,
    {
        WeightFlip: _weight_flip,
        WeightWord: _weight_word,
        DelayFlip: _delay_flip,
        ParameterFlip: _parameter_flip,
        ParameterWord: _parameter_word,
    },
)
"""What each fault of a stored word does to it; other faults act while a program runs."""
