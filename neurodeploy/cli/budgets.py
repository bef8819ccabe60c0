"""The options of ``verify`` that say how much may be changed, and how hard that is tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurodeploy.cli.options import in_place_of, parameter
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.program import Program

PANEL = "Attacks"


@dataclass(frozen=True)
class Budgets:
    """Budgets of attacks and certificates, and the chip of faults; None where not given.

    transfer, iterations : see `neurodeploy.verification.suites.Flags`.
    """

    eps: tuple[float, ...] | None = None
    flips: tuple[int, ...] | None = None
    shifts: tuple[int, ...] | None = None
    strength: str = "standard"
    time_limit_s: float | None = None
    profile: str | None = None
    transfer: tuple[Program, ...] = ()
    iterations: int | None = None


def budgets_of(
    eps: str | None,
    flips: str | None,
    shift: str | None,
    strength: str | None,
    time_limit: float | None,
    profile: str | None,
    transfer_from: str | None,
    iterations: int | None,
) -> Budgets:
    """Return the options as numbers and programs. Raises OptionError for text that is none."""
    if time_limit is not None and not 0 < time_limit < math.inf:
        raise OptionError(f"--time-limit is {time_limit:g}, expected a positive number of seconds")
    return Budgets(
        None if eps is None else tuple(_number("--eps", word) for word in eps.split(",")),
        None if flips is None else tuple(_count("--flips", word) for word in flips.split(",")),
        None if shift is None else tuple(_count("--shift", word) for word in shift.split(",")),
        strength or "standard",
        time_limit,
        profile,
        () if transfer_from is None else tuple(map(_program, transfer_from.split(","))),
        iterations,
    )


def _program(path: str) -> Program:
    from neurodeploy.converters import load

    return load(path)


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise OptionError(f"{option} holds {word!r}, expected numbers such as 2,8") from None


def _count(option: str, word: str) -> int:
    try:
        count = int(word)
    except ValueError:
        raise OptionError(f"{option} holds {word!r}, expected whole numbers such as 1,4") from None
    if count < 1:
        raise OptionError(f"{option} holds {count}, expected 1 or more")
    return count


takes_budgets = in_place_of(
    "budgets",
    [
        parameter(
            "eps",
            str,
            PANEL,
            "E,E,...",
            "Budgets in 1/255 of the peak (steps of graded columns). Default: 2,8.",
        ),
        parameter("flips", str, PANEL, "K,K,...", "Budgets of binary columns: events flipped."),
        parameter("shift", str, PANEL, "S,S,...", "Budgets of binary columns: steps moved."),
        parameter("strength", str, PANEL, "quick|standard|strong", "How hard. Default: standard."),
        parameter(
            "transfer_from", str, PANEL, "P,P,...", "Programs whose gradients attacks follow, too."
        ),
        parameter(
            "iterations", int, PANEL, "N", "Of SA-PGD and Auto-PGD. Default: the strength's."
        ),
        parameter("time_limit", float, PANEL, "SECONDS", "Of one sample, where a suite has one."),
        parameter("profile", str, "Faults", "NAME", "Chip whose words break. Default: loihi1."),
    ],
    lambda values: budgets_of(**values),
)
"""Gives a verb the options of budgets in place of its keyword ``budgets``."""
