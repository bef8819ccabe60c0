"""The options of a run, the same ones on every verb that runs a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli.options import (
    RUN_PANEL,
    InputBits,
    ResetInterval,
    ResetOffset,
    Steps,
    Threads,
    Timing,
    Weights,
    whole,
)

if TYPE_CHECKING:
    from neurodeploy.answers import RunChoice
    from neurodeploy.program import Program


@dataclass(frozen=True)
class RunFlags:
    """How a program is run; None where the verb or the program decides."""

    timing: Timing = None
    weights: Weights = None
    steps: Steps = None
    reset_interval: ResetInterval = None
    reset_offset: ResetOffset = None
    input_bits: InputBits = None
    threads: Threads = None

    def choice(self, engine: str) -> RunChoice:
        """Return what was asked of a run on data; the program decides what was not."""
        from neurodeploy.answers import RunChoice

        return RunChoice(
            engine=engine,
            timing=self.timing,
            weights=self.weights or "exact",
            steps=self.steps,
            reset_interval=self.reset_interval,
            reset_offset=self.reset_offset,
            input_bits=self.input_bits,
            threads=self.threads,
        )

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


NO_FLAGS = RunFlags()
"""Nothing asked for."""


@dataclass(frozen=True)
class ReadoutFlags:
    """What is classified with, where it is not what the program says."""

    readout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:VAR]",
            help="Classify with this population and variable (s, u, v, ...). "
            "Default: as the program says.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None
    window: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole,
            help="Sum the read-out over the last N steps of a sample, 0: all.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None
    pool: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole,
            help="Outputs per class, neighbours in order (population code).",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None

    def applied(self, program: Program) -> Program:
        """Return ``program`` with the read-out that was asked for.

        Raises OptionError, with the option's name, for one that it does not have.
        """
        from dataclasses import replace

        from neurodeploy.errors import OptionError, ProgramError

        changes: dict[str, Any] = {}
        if self.readout is not None:
            name, _, variable = self.readout.partition(":")
            changes = {"population": name, "variable": variable or "s", "pool": 1}
        if self.window is not None:
            changes["window"] = self.window
        if self.pool is not None:
            changes["pool"] = self.pool
        if not changes:
            return program
        try:
            return replace(program, readout=replace(program.readout, **changes))
        except ProgramError as error:
            raise OptionError(f"--readout, --window, --pool: {error}") from error


AS_THE_PROGRAM_SAYS = ReadoutFlags()
"""No other read-out asked for."""
