"""What the verbs share that measure a program on a data set and keep the result in a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli.options import in_place_of, parameter
from neurodeploy.data import DATA_HELP, PARTS
from neurodeploy.encode import ENCODER_HELP
from neurodeploy.errors import OptionError, located

if TYPE_CHECKING:
    from neurodeploy.data import Dataset
    from neurodeploy.data.presentation import Presentation
    from neurodeploy.data.shown import Shown
    from neurodeploy.program import Program

DataName = Annotated[str, typer.Option("--data", metavar="D", help=DATA_HELP)]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="RUN", help="Keep the result in this run folder, for report."),
]

DATA_PANEL = "Data"


@dataclass(frozen=True)
class DataFlags:
    """Which samples of a data set are taken, and how they become columns."""

    part: str | None = None
    samples: int | None = None
    encoder: str | None = None


takes_data = in_place_of(
    "taken",
    [
        parameter(
            "part",
            str,
            DATA_PANEL,
            "train|validation|test|all",
            "Part of the data set to use. Default: test.",
        ),
        parameter("samples", int, DATA_PANEL, "N", "Use the first N samples. Default: all."),
        parameter("encoder", str, DATA_PANEL, "E", ENCODER_HELP),
    ],
    lambda values: DataFlags(**values),
)
"""Gives a verb the options of the data in place of its keyword ``taken``."""


@dataclass(frozen=True)
class Taken:
    """Samples as a program takes them.

    name, part : of the data set. of : samples in the part. notes : how the data were read.
    dataset : all of it.
    """

    data: Presentation
    name: str
    part: str
    of: int
    notes: tuple[str, ...]
    dataset: Dataset

    @property
    def shown(self) -> Shown:
        """Which samples they are."""
        return self.data.shown(self.name, self.part, self.of, self.notes)


def presented(program: Program, name: str, flags: DataFlags, input_bits: int | None) -> Taken:
    """Return the samples that were asked for, as ``program`` takes them.

    Raises OptionError for a part or number that does not exist, DataError for the data.
    """
    from neurodeploy.data import load_data
    from neurodeploy.data.presentation import present

    if flags.samples is not None and flags.samples < 1:
        raise OptionError(f"--samples is {flags.samples}, expected 1 or more")
    if (flags.part or "test") not in PARTS:
        raise OptionError(f"--part is {flags.part!r}, expected one of {', '.join(PARTS)}")
    dataset = load_data(name)
    split = dataset.part(flags.part or "test")
    with located(dataset.name):
        data = present(program, split, flags.encoder, input_bits=input_bits)
    shown = data if flags.samples is None else data.first(flags.samples)
    return Taken(shown, dataset.name, split.part, len(split), dataset.notes, dataset)


def check_folder(program: Program, folder: Path | None) -> None:
    """Raise OptionError when ``folder`` is a file or belongs to another program; write nothing."""
    from neurodeploy import container
    from neurodeploy.run_folder import PROGRAM

    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise OptionError(f"{folder}: is a file, expected a folder for the run")
    if (folder / PROGRAM).exists():
        held = container.read(folder / PROGRAM)
        if held.digest != program.digest:
            raise OptionError(
                f"{folder}: holds the program {held.digest[:12]}, this one is "
                f"{program.digest[:12]}; choose another folder"
            )


def claim_folder(program: Program, folder: Path) -> None:
    """Make ``folder`` a run folder of ``program``: store it there unless it is there already.

    Raises OptionError as `check_folder` does.
    """
    from neurodeploy import container
    from neurodeploy.run_folder import PROGRAM, create

    check_folder(program, folder)
    create(folder)
    if not (folder / PROGRAM).exists():
        container.write(program, folder / PROGRAM)
