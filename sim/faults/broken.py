"""Faults of what runs: broken neurons and cores, messages lost, doubled, late or flipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodeploy.errors import OptionError
from neurodeploy.sim.faults.records import Fault, bits_text, check_bits, check_step

NEURON_KINDS = ("dead", "stuck-on", "slow", "saturated")


@dataclass(frozen=True)
class NeuronFault(Fault):
    """A neuron that is broken in all steps.

    kind : ``"dead"``, what it sends is 0. ``"stuck-on"``, what it sends is 1. ``"slow"``, what it
    sends is what it would have sent in the column before, 0 in the first. These act behind the
    spike test, on whose outcome the reset goes on to depend, one after the other in the order of
    the list. ``"saturated"``: v is 2^23 - 1 at the start of every step, a due reset
    notwithstanding, and again behind the reset of a spike.
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
class Slice:
    """Neurons ``start`` to ``stop - 1`` of a population, C order; stop None for all from there."""

    population: str
    start: int = 0
    stop: int | None = None

    @property
    def text(self) -> str:
        """The neurons in words."""
        return f"{self.population} {_span(self.start, self.stop)}"


@dataclass(frozen=True)
class DeadCore(Fault):
    """A core that sends nothing in all steps: every neuron on it is dead.

    neurons : the slices of populations that the core holds, as a placement gives them.

    Raises OptionError for a core without neurons.
    """

    neurons: tuple[Slice, ...]

    def __post_init__(self) -> None:
        if not self.neurons:
            raise OptionError(
                "fault: a dead core holds no neurons; give the slices of populations on it, or a "
                "placement that tells them"
            )

    @property
    def text(self) -> str:
        return f"core of {', '.join(part.text for part in self.neurons)} dead"


@dataclass(frozen=True)
class DeadRoute(Fault):
    """A route that carries nothing in all steps: the messages of some source neurons of a
    connection, ``start`` to ``stop - 1``, None for all from there.
    """

    connection: str
    start: int = 0
    stop: int | None = None

    @property
    def text(self) -> str:
        return f"{self.connection} route of {_span(self.start, self.stop)} dead"


@dataclass(frozen=True)
class MessageFlip(Fault):
    """Inverted bits of one message in transit: what source neuron ``index`` sends over a connection
    in column ``step``.

    bits : a spike is bit 0, its flip loses one or makes one; a message that counts by value is a
    word of 32 bits, two's complement.
    """

    connection: str
    index: int
    bits: tuple[int, ...]
    step: int

    def __post_init__(self) -> None:
        check_bits(self, self.bits)
        check_step(self, self.step)

    @property
    def text(self) -> str:
        return f"{self.connection} message {self.index} {bits_text(self.bits)} step {self.step}"


@dataclass(frozen=True)
class MessagesAtRate(Fault):
    """Base of what happens to messages of a connection, to each with probability ``rate``.

    It happens to neuron j's message of column c where word ``j mod 4`` of the Philox block with key
    ``seed + 2^63`` and counter ``(j // 4, c, number of the connection, 2^30 + number of the kind)``
    is below ``round(rate * 2^32)``: the same cells in every sample that has this fault.

    Of several such faults: bits flip first, then a message is lost if any says so, arrives once
    more for each that doubles it, and late if any makes it late. An event that arrives twice is
    two events.
    """

    connection: str
    rate: float
    seed: int

    kind: ClassVar[int]
    verb: ClassVar[str]

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise OptionError(f"{self.text}: rate is {self.rate}, allowed are 0 to 1")
        if not 0 <= self.seed < 2**63:
            raise OptionError(f"{self.text}: seed is {self.seed}, allowed are 0 to {2**63 - 1}")

    @property
    def text(self) -> str:
        return f"{self.connection} {self.verb} {self.rate:g} seed {self.seed}"


@dataclass(frozen=True)
class DroppedSpikes(MessagesAtRate):
    """Messages that a connection loses."""

    kind: ClassVar[int] = 0
    verb: ClassVar[str] = "drops"


@dataclass(frozen=True)
class DuplicatedSpikes(MessagesAtRate):
    """Messages that a connection delivers twice."""

    kind: ClassVar[int] = 1
    verb: ClassVar[str] = "doubles"


@dataclass(frozen=True)
class LateSpikes(MessagesAtRate):
    """Messages that a connection delivers one column late; a rate of 1 is a slow synapse."""

    kind: ClassVar[int] = 2
    verb: ClassVar[str] = "delays"


def _span(start: int, stop: int | None) -> str:
    return f"{start} to {'the end' if stop is None else stop - 1}"
