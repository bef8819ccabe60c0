"""``neurodeploy energy``: what an inference costs on a chip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.datasets import (
    DataFlags,
    OutFolder,
    check_folder,
    claim_folder,
    presented,
    takes_data,
)
from neurodeploy.cli.options import AsJson, JudgingEngine, ProgramFile
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import OptionError, ProfileError

if TYPE_CHECKING:
    from neurodeploy.answers import RunChoice
    from neurodeploy.energy import EnergyReport
    from neurodeploy.profile import ChipProfile
    from neurodeploy.program import Program
    from neurodeploy.trace import Activity


@reads_program
@runs_program
@takes_data
def energy(
    program: ProgramFile,
    profile: Annotated[
        list[str],
        typer.Option(
            metavar="P", help="A chip by name, or a profile of your own by path; several."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="D", help=DATA_HELP),
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="X.npy", help="Instead of --data: columns, as in simulate."
        ),
    ] = None,
    step_us: Annotated[
        float | None,
        typer.Option(
            metavar="US", help="Duration of a step in us. [default: as the profile's timing says]"
        ),
    ] = None,
    engine: JudgingEngine = "native",
    out: OutFolder = None,
    json: AsJson = False,
    *,
    taken: DataFlags,
    flags: RunFlags,
    reading: Reading,
) -> int:
    """Estimate the energy per inference on a chip, as an interval."""
    from neurodeploy.profile import load_profile

    profiles = [load_profile(name) for name in profile]
    network = reading.program(program)
    check_folder(network, out)
    activity, source = _activity(network, data, input_file, taken, flags.choice(engine))
    entries = [estimated(network, activity, chip, step_us) for chip in profiles]
    content = energy_content(network, source, entries)
    if out is not None:
        claim_folder(network, out)
        _keep(out, content)
    if json:
        print_json(content)
    else:
        _show(entries)
    return failures.NO if any(isinstance(entry, tuple) for entry in entries) else failures.GOOD


def estimated(
    program: Program, activity: Activity, chip: ChipProfile, step_us: float | None = None
) -> EnergyReport | tuple[str, str]:
    """Return the estimate, or (profile name, reason) where the profile refuses one."""
    from neurodeploy.energy import estimate_energy

    try:
        return estimate_energy(program, activity, chip, step_us=step_us)
    except ProfileError as error:
        return chip.name, str(error)


def energy_content(
    program: Program, source: dict[str, Any], entries: list[EnergyReport | tuple[str, str]]
) -> dict[str, Any]:
    """Return the content of ``energy.json``."""
    from neurodeploy.run_folder import FORMAT

    profiles: list[dict[str, Any]] = [
        {"profile": entry[0], "refused": entry[1]}
        if isinstance(entry, tuple)
        else {"profile": entry.profile, "report": entry.to_dict()}
        for entry in entries
    ]
    return {"format": FORMAT, "digest": program.digest, "data": source, "profiles": profiles}


def _activity(
    program: Program,
    data: str | None,
    input_file: Path | None,
    taken: DataFlags,
    run: RunChoice,
) -> tuple[Activity, dict[str, Any]]:
    """Return the counts of the program on the data, one entry per sample, and what was run."""
    from neurodeploy.answers import settle

    if (data is None) == (input_file is None):
        raise OptionError("give the data with --data D or with --input X.npy, one of the two")
    if data is not None:
        from neurodeploy.verification.activity import measure

        samples = presented(program, data, taken, run.input_bits)
        recipe = settle(program, samples.data.steps, run)
        found = measure(program, samples.data, recipe=recipe)
        return found.activity, {**samples.to_dict(), "run": recipe.to_dict()}
    from neurodeploy.cli.arrays import read_input
    from neurodeploy.cli.running import run as run_columns

    if input_file is None or taken != DataFlags():
        raise OptionError("--part, --samples and --encoder go with --data, not with --input")
    given = read_input(input_file, program, run.steps)
    recipe = settle(program, given.steps, run)
    trace, _ = run_columns(program, given, **recipe.options(), record=())
    return trace.activity, {
        "name": input_file.name,
        "samples": trace.activity.samples,
        "run": recipe.to_dict(),
    }


def _keep(folder: Path, content: dict[str, Any]) -> None:
    """Write energy.json; other profiles that it held for this program stay."""
    from neurodeploy.run_folder import ENERGY, read_json, write_json

    new = {entry["profile"] for entry in content["profiles"]}
    held = read_json(folder / ENERGY) or {}
    same = held.get("digest") == content["digest"] and held.get("data") == content["data"]
    kept = [e for e in held.get("profiles", []) if same and e["profile"] not in new]
    write_json(folder / ENERGY, {**content, "profiles": kept + content["profiles"]})


def _show(entries: list[EnergyReport | tuple[str, str]]) -> None:
    from neurodeploy.energy.table import renderable

    screen = console()
    for number, entry in enumerate(entries):
        if number:
            screen.print()
        if isinstance(entry, tuple):
            screen.print(f"[bold]{entry[1]}[/]")
        else:
            screen.print(renderable(entry))
