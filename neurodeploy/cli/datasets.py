"""What the verbs share that measure a program on a data set and keep the result in a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.data.presentation import Presentation
    from neurodeploy.program import Program

DataName = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="D",
        help="digits, fashion-mnist, fashion-mnist:DIR, japanese-vowels, basic-motions, or an "
        ".npz with integer x (samples first) and y.",
    ),
]
Part = Annotated[
    str, typer.Option(metavar="train|validation|test", help="Part of the data set to use.")
]
Samples = Annotated[
    int | None, typer.Option(metavar="N", help="Use the first N samples. [default: all]")
]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="RUN", help="Keep the result in this run folder, for report."),
]

PARTS = ("train", "validation", "test")


def presented(
    program: Program, name: str, part: str, samples: int | None
) -> tuple[Presentation, str]:
    """Return that part of the data set as ``program`` takes it, and the name of the set.

    Raises OptionError for a part or number that does not exist, DataError for the data.
    """
    from neurodeploy.data import load_data
    from neurodeploy.data.presentation import present

    if part not in PARTS:
        raise OptionError(f"--part is {part!r}, expected one of {', '.join(PARTS)}")
    if samples is not None and samples < 1:
        raise OptionError(f"--samples is {samples}, expected 1 or more")
    dataset = load_data(name)
    data = present(program, getattr(dataset, part))
    return data if samples is None else data.first(samples), dataset.name


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
