"""Where faults can be: connections, populations, neurons and words of a Program, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim.faults.records import mask_of

MESSAGE_BITS = 32
"""Of the word of a message that counts by value."""


def connection_index(program: Program, name: str) -> int:
    """Return the number of a connection. Raises OptionError for a name that there is not."""
    if name not in program.connection_names:
        there = ", ".join(program.connection_names)
        raise OptionError(f"no connection {name!r}, there are {there}")
    return program.connection_names.index(name)


def population_index(program: Program, name: str) -> int:
    """Return the number of a population. Raises OptionError for a name that there is not."""
    if name not in program.names:
        raise OptionError(f"no population {name!r}, there are {', '.join(program.names)}")
    return program.index(name)


def check_index(index: int, size: int, what: str) -> None:
    """Raise OptionError for an index outside of ``size`` items."""
    if not 0 <= index < size:
        raise OptionError(f"{what} is {index}, allowed are 0 to {size - 1}")


def neuron_slice(
    program: Program, population: str, start: int, stop: int | None
) -> tuple[int, slice]:
    """Return the number of a population and some of its neurons; OptionError where they are not."""
    number = population_index(program, population)
    return number, _slice(start, stop, program.populations[number].size)


def route_slice(
    program: Program, connection: str, start: int, stop: int | None
) -> tuple[int, slice]:
    """Return the number of a connection and some values of its source."""
    number = connection_index(program, connection)
    return number, _slice(start, stop, program.node(program.connections[number].source).size)


def _slice(start: int, stop: int | None, size: int) -> slice:
    check_index(start, size, "neuron")
    end = size if stop is None else stop
    if not start < end <= size:
        raise OptionError(f"neurons end at {end}, allowed are {start + 1} to {size}")
    return slice(start, end)


def require_state(program: Program, number: int, name: str) -> None:
    """Raise OptionError unless the neurons of a population have that state."""
    neuron = program.populations[number].neuron
    if name not in neuron.states:
        raise OptionError(f"{type(neuron).__name__} has no state {name}")


def check_breaks(program: Program, number: int, kind: str) -> None:
    """Raise OptionError unless neurons of a population can break in that way."""
    neuron = program.populations[number].neuron
    if kind == "saturated":
        require_state(program, number, "v")
    elif not (neuron.spikes or (neuron.sends and kind != "stuck-on")):
        raise OptionError(f"{type(neuron).__name__} sends no spikes")


def message_mask(binary: bool, bits: Sequence[int]) -> int:
    """Return the word of flipped bits of a message. Raises OptionError for one that it lacks."""
    width = 1 if binary else MESSAGE_BITS
    if max(bits) >= width:
        there = "a spike has bit 0 only" if binary else f"the word has bits 0 to {width - 1}"
        raise OptionError(f"bit is {max(bits)}, {there}")
    return mask_of(bits)
