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
STATES = ("u", "v")
NEURON_KINDS = ("dead", "stuck-on", "saturated")


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
        _check_bits(self, self.bits)

    @property
    def text(self) -> str:
        return f"{self.connection} weight {self.index} {_bits(self.bits)}"


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
        _check_bits(self, self.bits)

    @property
    def text(self) -> str:
        return f"{self.population} {self.field} {self.index} {_bits(self.bits)}"


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
class StateFlip(Fault):
    """Inverted bits of a state, once: at the start of column ``step``, before a due reset.

    variable : ``"u"`` or ``"v"`` of a neuron of the CUBA family. The word is the state modulo
    2^24; ``1000...0`` reads 2^23 in u and -(2^23 - 1) in v, as far as each one goes.
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
        _check_bits(self, self.bits)
        if max(self.bits) >= STATE_BITS:
            raise OptionError(
                f"{self.text}: bit is {max(self.bits)}, the word has bits 0 to {STATE_BITS - 1}"
            )
        if self.step < 0:
            raise OptionError(f"{self.text}: step is {self.step}, expected 0 or more")

    @property
    def text(self) -> str:
        return f"{self.population} {self.variable} {self.index} {_bits(self.bits)} step {self.step}"


@dataclass(frozen=True)
class NeuronFault(Fault):
    """A neuron that is broken in all steps.

    kind : ``"dead"``, what it sends is 0. ``"stuck-on"``, what it sends is 1: both act behind the
    spike test, on whose outcome the reset goes on to depend. ``"saturated"``: v is 2^23 - 1 at the
    start of every step, a due reset notwithstanding, and again behind the reset of a spike.
    """

    population: str
    index: int
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in NEURON_KINDS:
            raise OptionError(
                f"fault: kind is {self.kind!r}, expected one of {', '.join(NEURON_KINDS)}"
            )

    @property
    def text(self) -> str:
        return f"{self.population} neuron {self.index} {self.kind}"


@dataclass(frozen=True)
class DroppedSpikes(Fault):
    """Messages that a connection loses, each with probability ``rate``.

    Neuron j's message of column c is lost where word ``j mod 4`` of the Philox block with key
    ``seed + 2^63`` and counter ``(j // 4, c, number of the connection, 2^30)`` is below
    ``round(rate * 2^32)``: the same cells in every sample that has this fault.
    """

    connection: str
    rate: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise OptionError(f"{self.text}: rate is {self.rate}, allowed are 0 to 1")
        if not 0 <= self.seed < 2**63:
            raise OptionError(f"{self.text}: seed is {self.seed}, allowed are 0 to {2**63 - 1}")

    @property
    def text(self) -> str:
        return f"{self.connection} drops {self.rate:g} seed {self.seed}"


def _check_field(field: str) -> None:
    if field not in PARAMETERS:
        raise OptionError(f"fault: field is {field!r}, expected one of {', '.join(PARAMETERS)}")


def _check_bits(fault: Fault, bits: Sequence[int]) -> None:
    if not bits or len(set(bits)) < len(bits) or min(bits) < 0:
        given = ", ".join(map(str, bits)) or "none"
        raise OptionError(f"{fault.text}: bits are {given}, expected each once, from 0")


def _bits(bits: Sequence[int]) -> str:
    return f"{'bit' if len(bits) == 1 else 'bits'} {'+'.join(map(str, bits))}"
