"""What a user chooses when a NetX file is read or written, under the names of netx."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.converters.option import sizes, whole_number, word
from neurodeploy.errors import OptionError

READING = (
    whole_number("num_layers", "N", "Read the first N layers only."),
    whole_number("skip_layers", "N", "Leave out the first N layers.", 0),
    word(
        "input_drive",
        "current|bias",
        "Port through which an Input block is driven. Default: as the file says, else current.",
    ),
    sizes(
        "input_shape",
        "W,H,C",
        "Shape of the input where the file does not say it, in the order of netx.",
        "28,28,1",
    ),
    whole_number(
        "input_message_bits",
        "N",
        "Bits of an input value, 0 for binary events. Default: as the file says, else 0.",
    ),
    whole_number(
        "spike_exp",
        "N",
        "Fraction bits of sigma-delta messages. Default: as the file says, else 6.",
    ),
)
WRITING = (
    whole_number("reset_interval", "N", "Steps of a sample, for the run script beside the file."),
    word(
        "repair",
        "none|nearest",
        "Refuse weights that Lava's conditioning would damage, or change them by as little as "
        "avoids it.",
        "none",
    ),
)

DRIVES = ("current", "bias")


@dataclass(frozen=True)
class LoadOptions:
    """Arguments of `neurodeploy.converters.netx.read`, checked.

    Raises OptionError that names the option, its value and what is allowed.
    """

    input_message_bits: int = 0
    input_drive: str = "current"
    input_shape: tuple[int, ...] | None = None
    skip_layers: int = 0
    num_layers: int | None = None
    spike_exp: int = 6

    def __post_init__(self) -> None:
        _whole("input_message_bits", self.input_message_bits, 0, 32)
        _whole("skip_layers", self.skip_layers, 0, 2**31 - 1)
        _whole("spike_exp", self.spike_exp, 0, 24)
        if self.num_layers is not None:
            _whole("num_layers", self.num_layers, 1, 2**31 - 1)
        if self.input_drive not in DRIVES:
            raise OptionError(
                f"input_drive is {self.input_drive!r}, expected one of {', '.join(DRIVES)}"
            )
        if self.input_shape is not None:
            self._check_input_shape(self.input_shape)

    def _check_input_shape(self, shape: object) -> None:
        if not isinstance(shape, (tuple, list)) or len(shape) not in (1, 3):
            raise OptionError(
                f"input_shape is {shape!r}, expected (N,) or, as in netx, (width, height, channels)"
            )
        for item in shape:
            _whole("input_shape", item, 1, 2**31 - 1)
        object.__setattr__(self, "input_shape", tuple(int(item) for item in shape))


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise OptionError(f"{name} is {value!r}, expected a whole number")
    if not low <= value.__index__() <= high:
        raise OptionError(f"{name} is {value!r}, allowed are {low} to {high}")
