"""The options of a run, validated once for every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.errors import OptionError, located
from neurodeploy.frozen import FrozenMapping
from neurodeploy.program import Program
from neurodeploy.threads import workers

ENGINES = ("native", "reference", "lava")
TIMINGS = ("aligned", "pipelined")
WEIGHTS = ("exact", "lava")
VARIABLES = ("s", "u", "v", "vth", "sigma", "act", "re", "im")
"""Names that may be asked of any program; one that a neuron does not have is absent there."""

Record = Sequence[str] | str | Mapping[str, Sequence[str] | str]


@dataclass(frozen=True)
class RunOptions:
    """How a Program is run.

    engine : ``"native"``, ``"reference"`` or ``"lava"``.
    timing : ``"aligned"`` (a forward connection delivers in the same step) or ``"pipelined"``
        (one step per connection, as Lava and the chip do).
    weights : ``"exact"`` (plain W.m) or ``"lava"`` (Lava's conditioning, faults included).
    steps : columns to simulate; shorter truncates the input, longer pads it with zeros.
    reset_interval, reset_offset : clear CUBA states every so many steps; None means never.
    input_bits : overrides ``message_bits`` of every input.
    record : variable names for all populations, or population -> names.
    threads : worker threads of the native engine, None for all cores.
    """

    engine: str = "native"
    timing: str = "aligned"
    weights: str = "exact"
    steps: int | None = None
    reset_interval: int | None = None
    reset_offset: int = 0
    input_bits: int | None = None
    record: Record = ("s",)
    threads: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", _kept(self.record))
        _choice("engine", self.engine, ENGINES)
        _choice("timing", self.timing, TIMINGS)
        _choice("weights", self.weights, WEIGHTS)
        _whole("steps", self.steps, 0)
        _whole("reset_interval", self.reset_interval, 1)
        _whole("reset_offset", self.reset_offset, -(2**31))
        if self.reset_offset is None:
            raise OptionError("reset_offset is None, expected a whole number")
        _whole("input_bits", self.input_bits, 0, 32)
        _whole("threads", self.threads, 1)
        if self.engine == "lava" and self.timing != "pipelined":
            raise OptionError("engine 'lava' runs pipelined only; use timing 'pipelined'")

    @property
    def workers(self) -> int:
        """Number of threads to use."""
        return workers(self.threads)

    def recorded(self, program: Program) -> tuple[tuple[str, ...], ...]:
        """Return the variables to record for each population; the read-out is always among them.

        Raises OptionError for a name that no neuron has and for an unknown population.
        """
        wanted = self._wanted(program)
        result = []
        for population in program.populations:
            names = set(wanted.get(population.name, ()))
            if population.name == program.readout.population:
                names.add(program.readout.variable)
            result.append(tuple(v for v in population.neuron.variables if v in names))
        return tuple(result)

    def _wanted(self, program: Program) -> dict[str, tuple[str, ...]]:
        own = [name for p in program.populations for name in p.neuron.variables]
        known = tuple(dict.fromkeys((*VARIABLES, *own)))
        if not isinstance(self.record, Mapping):
            return dict.fromkeys(program.names, _variables(self.record, known))
        with located("record"):
            for name in self.record:
                if name not in program.names:
                    there = ", ".join(program.names)
                    raise OptionError(f"no population {name!r}, there are {there}")
            return {name: _variables(value, known) for name, value in self.record.items()}


def _kept(record: Record) -> Record:
    """Return what to record as values that stay as they are."""
    if isinstance(record, Mapping):
        return FrozenMapping({name: _names(variables) for name, variables in record.items()})
    return _names(record)


def _names(variables: Sequence[str] | str) -> Sequence[str] | str:
    if not isinstance(variables, (str, Sequence)):
        raise OptionError(f"record is {variables!r}, expected names of variables")
    return variables if isinstance(variables, str) else tuple(variables)


def _variables(names: Sequence[str] | str, known: tuple[str, ...]) -> tuple[str, ...]:
    items = tuple(names.split(",")) if isinstance(names, str) else tuple(names)
    items = tuple(item for item in items if item != "")
    for item in items:
        if item not in known:
            raise OptionError(f"record: no variable {item!r}, known are {', '.join(known)}")
    return items


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")


def _whole(name: str, value: object, low: int, high: int = 2**31 - 1) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise OptionError(f"{name} is {value!r}, expected a whole number")
    if not low <= int(value) <= high:
        raise OptionError(f"{name} is {value}, allowed are {low} to {high}")
