"""What a user chooses when a NetX file is read or written, under the names of netx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from neurodeploy.converters.netx.remarks import Remarks
from neurodeploy.converters.option import sizes, whole_number, word
from neurodeploy.errors import OptionError

T = TypeVar("T")

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
        "Shape of the input where the file does not say it: W,H,C of NetX, C,H,W of NIR.",
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
SPIKE_EXP = 6
"""Default of netx."""
LIMITS = (
    ("input_message_bits", 0, 32),
    ("skip_layers", 0, 2**31 - 1),
    ("spike_exp", 0, 24),
    ("num_layers", 1, 2**31 - 1),
)
"""Option, lowest, highest."""


@dataclass(frozen=True)
class Settings:
    """`LoadOptions` in which nothing is left open."""

    input_message_bits: int
    input_drive: str
    input_shape: tuple[int, ...] | None
    skip_layers: int
    num_layers: int | None
    spike_exp: int


@dataclass(frozen=True)
class LoadOptions:
    """Arguments of `neurodeploy.converters.netx.read`, checked; None leaves it to the file.

    Raises OptionError that names the option, its value and what is allowed.
    """

    input_message_bits: int | None = None
    input_drive: str | None = None
    input_shape: tuple[int, ...] | None = None
    skip_layers: int = 0
    num_layers: int | None = None
    spike_exp: int | None = None

    def __post_init__(self) -> None:
        for name, low, high in LIMITS:
            if (value := getattr(self, name)) is not None:
                _whole(name, value, low, high)
        if self.input_drive not in (None, *DRIVES):
            raise OptionError(
                f"input_drive is {self.input_drive!r}, expected one of {', '.join(DRIVES)}"
            )
        if self.input_shape is not None:
            self._check_input_shape(self.input_shape)

    def completed(self, remarks: Remarks) -> Settings:
        """Return the options with what ``remarks`` of the file say, then netx's defaults.

        The input of a file whose first layers are skipped is not the one that is remarked on.
        """
        whole = self.skip_layers == 0
        bits = _allowed("input_message_bits", remarks.message_bits) if whole else None
        drive = remarks.input_drive if whole and remarks.input_drive in DRIVES else None
        exponent = _allowed("spike_exp", remarks.spike_exp)
        return Settings(
            input_message_bits=_first(self.input_message_bits, bits, 0),
            input_drive=_first(self.input_drive, drive, DRIVES[0]),
            input_shape=self.input_shape,
            skip_layers=self.skip_layers,
            num_layers=self.num_layers,
            spike_exp=_first(self.spike_exp, exponent, SPIKE_EXP),
        )

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


def _allowed(name: str, value: int | None) -> int | None:
    low, high = next(limits for option, *limits in LIMITS if option == name)
    return value if value is not None and low <= value <= high else None


def _first(*values: T | None) -> T:
    """Return the first that is not None."""
    return next(value for value in values if value is not None)
