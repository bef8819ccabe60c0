"""The options of a run, the same ones on every verb that runs a program.

A verb that is decorated with `runs_program` has a keyword ``flags`` in their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurodeploy.cli.options import RUN_PANEL, in_place_of, parameter

if TYPE_CHECKING:
    from neurodeploy.answers import RunChoice


@dataclass(frozen=True)
class RunFlags:
    """How a program is run; None where the verb or the program decides."""

    timing: str | None = None
    weights: str | None = None
    steps: int | None = None
    reset_interval: int | None = None
    reset_offset: int | None = None
    input_bits: int | None = None
    threads: int | None = None

    def choice(self, engine: str) -> RunChoice:
        """Return what was asked of a run on data; the program decides what was not."""
        from neurodeploy.answers import RunChoice

        asked = {**vars(self), "weights": self.weights or "exact"}
        return RunChoice(engine=engine, **asked)

    def options(self, lava: bool) -> dict[str, Any]:
        """Return options of `neurodeploy.simulate` without ``steps``; as Lava runs if ``lava``."""
        return {
            "timing": self.timing or ("pipelined" if lava else "aligned"),
            "weights": self.weights or ("lava" if lava else "exact"),
            "reset_interval": None if self.reset_interval == -1 else self.reset_interval,
            "reset_offset": self.reset_offset or 0,
            "input_bits": self.input_bits,
            "threads": self.threads,
        }


_HELP: tuple[tuple[str, type, str, str], ...] = (
    (
        "timing",
        str,
        "aligned|pipelined",
        "A connection delivers in the same step, or in the next as in Lava and on the chip. "
        "Default: aligned, pipelined with Lava; on labelled data, pipelined also for a program "
        "of which the chip gives other answers than aligned time.",
    ),
    (
        "weights",
        str,
        "exact|lava",
        "As the file says, or as Lava's conditioning leaves them. "
        "Default: exact, lava when comparing with Lava.",
    ),
    ("steps", int, "N", "Cut the input, or pad it with zeros, to N steps (of each sample)."),
    (
        "reset_interval",
        int,
        "N",
        "Clear CUBA states every N steps; -1 never. "
        "Default: never; in a stream of labelled samples, once per sample.",
    ),
    (
        "reset_offset",
        int,
        "N",
        "Step of the first reset, as in NetX: 1 where a dense or conv layer comes first. "
        "Default: 0; in a stream of labelled samples, what the program needs.",
    ),
    (
        "input_bits",
        int,
        "N",
        "0: any non-zero value is one event; above 0: the values count. "
        "Default: as the program says.",
    ),
    ("threads", int, "N", "Threads of the native engine. Default: all cores."),
)

runs_program = in_place_of(
    "flags",
    [parameter(name, kind, RUN_PANEL, metavar, text) for name, kind, metavar, text in _HELP],
    lambda values: RunFlags(**values),
)
"""Gives a verb the options of a run in place of its keyword ``flags``."""
