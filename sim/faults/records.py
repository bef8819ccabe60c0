"""Faults as records: where a chip deviates from its program, how, and when.

A word is stored once: a parameter that a whole population or channel shares is one word, and its
fault reaches all of them. Records say what is wanted; that a site exists is checked against a
Program when it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurodeploy.errors import OptionError
from neurodeploy.fixedpoint import STATE_BITS
from neurodeploy.sim.faults.words import LOIHI, Encoding

PARAMETERS = ("threshold", "current_decay", "voltage_decay", "bias")
STATES = {
    **dict.fromkeys(("u", "v", "vth", "re", "im"), STATE_BITS),
    **dict.fromkeys(("sigma", "act", "residue"), 32),
}
"""Bits of the word of each state."""


@dataclass(frozen=True)
class Fault:
    """Base of all faults."""

    @property
    def text(self) -> str:
        """The fault in words."""
        raise NotImplementedError


@dataclass(frozen=True)
class WeightFlip(Fault):
    """Inverted bits of a weight, in all steps.

    connection : its text in `Program.connection_names`. index : of the weight, C order. bits : of
    the stored word, 0 the lowest.
    """

    connection: str
    index: int
    bits: tuple[int, ...]
    encoding: Encoding = LOIHI

    def __post_init__(self) -> None:
        check_bits(self, self.bits)

    @property
    def text(self) -> str:
        return f"{self.connection} weight {self.index} {bits_text(self.bits)}"


@dataclass(frozen=True)
class WeightWord(Fault):
    """A weight that reads ``value`` in all steps, whatever was stored."""

    connection: str
    index: int
    value: int

    @property
    def text(self) -> str:
        return f"{self.connection} weight {self.index} reads {self.value}"


@dataclass(frozen=True)
class ParameterFlip(Fault):
    """Inverted bits of a parameter, in all steps.

    field : one of `PARAMETERS`. index : of the word in the record's own array, C order. bits : of
    the stored word.
    """

    population: str
    field: str
    index: int
    bits: tuple[int, ...]
    encoding: Encoding = LOIHI

    def __post_init__(self) -> None:
        _check_field(self.field)
        check_bits(self, self.bits)

    @property
    def text(self) -> str:
        return f"{self.population} {self.field} {self.index} {bits_text(self.bits)}"


@dataclass(frozen=True)
class ParameterWord(Fault):
    """A parameter that reads ``value`` in all steps."""

    population: str
    field: str
    index: int
    value: int

    def __post_init__(self) -> None:
        _check_field(self.field)

    @property
    def text(self) -> str:
        return f"{self.population} {self.field} {self.index} reads {self.value}"


@dataclass(frozen=True)
class DelayFlip(Fault):
    """Inverted bits of a delay of a `Dense` connection, in all steps.

    index : of the word in the record's own array, C order: a delay that a whole row or column
    shares is one word. bits : of the stored word.
    """

    connection: str
    index: int
    bits: tuple[int, ...]
    encoding: Encoding = LOIHI

    def __post_init__(self) -> None:
        check_bits(self, self.bits)

    @property
    def text(self) -> str:
        return f"{self.connection} delay {self.index} {bits_text(self.bits)}"


@dataclass(frozen=True)
class StateFlip(Fault):
    """Inverted bits of a state, once: at the start of column ``step``, before a due reset.

    variable : one of `STATES`. Words of u, v, the moving threshold vth, re and im are the state
    modulo 2^24; ``1000...0`` reads 2^23 in u, -(2^23 - 1) in v, re and im, as far as each one goes,
    and -2^23 in vth. Those of the sigma-delta family have 32 bits.
    """

    population: str
    variable: str
    index: int
    bits: tuple[int, ...]
    step: int

    def __post_init__(self) -> None:
        if self.variable not in STATES:
            raise OptionError(
                f"fault: state is {self.variable!r}, expected one of {', '.join(STATES)}"
            )
        check_bits(self, self.bits)
        width = STATES[self.variable]
        if max(self.bits) >= width:
            raise OptionError(
                f"{self.text}: bit is {max(self.bits)}, the word has bits 0 to {width - 1}"
            )
        check_step(self, self.step)

    @property
    def text(self) -> str:
        what = f"{self.population} {self.variable} {self.index}"
        return f"{what} {bits_text(self.bits)} step {self.step}"


def _check_field(field: str) -> None:
    if field not in PARAMETERS:
        raise OptionError(f"fault: field is {field!r}, expected one of {', '.join(PARAMETERS)}")


def check_step(fault: Fault, step: int) -> None:
    """Raise OptionError for a column before the first."""
    if step < 0:
        raise OptionError(f"{fault.text}: step is {step}, expected 0 or more")


def check_bits(fault: Fault, bits: Sequence[int]) -> None:
    """Raise OptionError unless ``bits`` are some bits, each once."""
    if not bits or len(set(bits)) < len(bits) or min(bits) < 0:
        given = ", ".join(map(str, bits)) or "none"
        raise OptionError(f"{fault.text}: bits are {given}, expected each once, from 0")


def mask_of(bits: Sequence[int]) -> int:
    """Return the word with those bits set."""
    return sum(1 << bit for bit in bits)


def bits_text(bits: Sequence[int]) -> str:
    """Return bits in words."""
    return f"{'bit' if len(bits) == 1 else 'bits'} {'+'.join(map(str, bits))}"
