"""What a user chooses when a NIR file is read or written."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurodeploy.converters.netx.options import READING as NETX
from neurodeploy.converters.option import number, word
from neurodeploy.errors import OptionError

RULES = ("euler", "exponential")
RESETS = ("zero", "subtract")
SYNAPSES = ("filter", "jump")

_SHARED = tuple(option for option in NETX if option.name in ("input_shape", "input_message_bits"))
READING = (
    *_SHARED,
    number(
        "dt",
        "SECONDS",
        "Seconds of one step. Default: as the file says; snnTorch and "
        "SpikingJelly export for 0.0001, norse for 0.000001.",
    ),
    word(
        "rule",
        "euler|exponential",
        "How time constants become decays: dt / tau, or "
        "1 - exp(-dt / tau). Default: as the file says, else euler.",
    ),
    word(
        "synapse",
        "filter|jump",
        "What a spike does to a synaptic current: w_in filtered over tau_syn as NIR writes it, or "
        "a jump by w_in, as norse means it. Default: filter.",
    ),
    word(
        "reset",
        "zero|subtract",
        "What a spike does to v: back to v_reset, or down by the "
        "threshold. Default: as the file says, else zero.",
    ),
)
WRITING = (
    number(
        "time_step",
        "SECONDS",
        "Seconds of one step in the file written. Default: as the network was read, else 0.001.",
    ),
)


@dataclass(frozen=True)
class ReadOptions:
    """Arguments of `neurodeploy.converters.nir.read`, checked; None leaves it to the file."""

    dt: float | None = None
    rule: str | None = None
    synapse: str | None = None
    reset: str | None = None
    input_shape: tuple[int, ...] | None = None
    input_message_bits: int | None = None

    def __post_init__(self) -> None:
        check_seconds("dt", self.dt)
        for name, allowed in (("rule", RULES), ("reset", RESETS), ("synapse", SYNAPSES)):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise OptionError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")
        bits = self.input_message_bits
        if bits is not None and not (
            isinstance(bits, int) and not isinstance(bits, bool) and 0 <= bits <= 32
        ):
            raise OptionError(f"input_message_bits is {bits!r}, allowed are 0 to 32")
        shape = self.input_shape
        if shape is not None and not (
            isinstance(shape, (tuple, list))
            and len(shape) in (1, 2, 3)
            and all(isinstance(n, int) and n > 0 for n in shape)
        ):
            raise OptionError(f"input_shape is {shape!r}, expected (N,), (C, L) or (C, H, W)")


def check_seconds(name: str, value: object) -> None:
    """Raise OptionError unless ``value`` is None or a positive finite number."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OptionError(f"{name} is {value!r}, expected seconds")
    if not 0 < value < math.inf:
        raise OptionError(f"{name} is {value!r}, expected seconds above 0")
