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
from neurodeploy.cli.seats import (
    Seat,
    contents,
    keep_placements,
    seated,
    show_seats,
    watch_of,
)
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import OptionError, ProfileError

if TYPE_CHECKING:
    from neurodeploy.answers import RunChoice
    from neurodeploy.energy import EnergyReport
    from neurodeploy.placement import Load
    from neurodeploy.profile import ChipProfile
    from neurodeploy.program import Program
    from neurodeploy.trace import Activity


Profiles = Annotated[
    list[str],
    typer.Option(metavar="P,..", help="A chip by name, or a profile of your own by path; several."),
]
EnergyData = Annotated[str | None, typer.Option(metavar="D", help=DATA_HELP)]
Columns = Annotated[
    Path | None,
    typer.Option("--input", metavar="X.npy", help="Instead of --data: columns, as in simulate."),
]
StepDuration = Annotated[
    float | None,
    typer.Option(
        metavar="US", help="Duration of a step in us. [default: as the profile's timing says]"
    ),
]
InferenceSteps = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Steps of one inference, where a sample of --input holds several. "
        "[default: the reset interval, else what the encoder makes of a datum, where they "
        "divide the sample; else the sample]",
    ),
]
PowerLog = Annotated[
    Path | None,
    typer.Option(
        metavar="LOG.csv",
        help="Power while the program ran on this data (time_s, power_mw or power_w): refine "
        "the profile by it. Needs --step-us and --fit-out.",
    ),
]
FittedProfile = Annotated[
    Path | None, typer.Option(metavar="P.toml", help="Where --fit writes the refined profile.")
]


OnCores = Annotated[
    bool,
    typer.Option(
        "--placed",
        help="Place the network on the chip's cores and count what each does in every step: exact "
        "messages, links and step times. With --out also placement.json.",
    ),
]


@reads_program
@runs_program
@takes_data
def energy(
    program: ProgramFile,
    profile: Profiles,
    data: EnergyData = None,
    input_file: Columns = None,
    step_us: StepDuration = None,
    inference_steps: InferenceSteps = None,
    fit: PowerLog = None,
    fit_out: FittedProfile = None,
    placed: OnCores = False,
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

    profiles = [load_profile(name) for name in _split(profile)]
    _check_fit(fit, fit_out, step_us, profiles)
    network = reading.program(program)
    check_folder(network, out)
    cores = [seated(network, chip) for chip in profiles] if placed else []
    activity, source = _activity(network, data, input_file, taken, flags.choice(engine), cores)
    run = {} if data is not None else source["run"]
    steps = inference_of(network, activity.steps, run, inference_steps)
    if fit is not None and fit_out is not None and step_us is not None:
        profiles = [_refined(profiles[0], network, activity, fit, fit_out, step_us, steps)]
    loads = [seat.load() for seat in cores] or [None] * len(profiles)
    entries = [
        estimated(network, activity, chip, step_us, steps, load)
        for chip, load in zip(profiles, loads, strict=True)
    ]
    source["inference_steps"] = steps
    content = energy_content(network, source, entries)
    if out is not None:
        claim_folder(network, out)
        _keep(out, content)
        if cores:
            keep_placements(out, network, source, cores)
    if json:
        print_json({**content, **({"placements": contents(cores)} if cores else {})})
    else:
        show_seats(cores)
        _show(entries)
    return failures.NO if any(isinstance(entry, tuple) for entry in entries) else failures.GOOD


def _check_fit(
    fit: Path | None, fit_out: Path | None, step_us: float | None, profiles: list[ChipProfile]
) -> None:
    """Raise OptionError unless --fit has what it needs."""
    if (fit is None) != (fit_out is None):
        raise OptionError("--fit LOG.csv and --fit-out P.toml go together")
    if fit is not None and step_us is None:
        raise OptionError("--fit needs --step-us, the duration of a step in the log")
    if fit is not None and len(profiles) > 1:
        raise OptionError(f"--fit refines one profile, {len(profiles)} are given")


def _refined(
    chip: ChipProfile,
    program: Program,
    activity: Activity,
    fit: Path,
    fit_out: Path,
    step_us: float,
    steps: int,
) -> ChipProfile:
    """Return the profile refined by the log, and write it."""
    from neurodeploy.energy.fit import fitted
    from neurodeploy.energy.log import read_log
    from neurodeploy.profile import write_profile

    log = read_log(fit)
    found = fitted(chip, program, activity, log, step_us=step_us, name=fit.stem, steps=steps)
    write_profile(found, fit_out)
    return found


def _split(names: list[str]) -> list[str]:
    """Return the profiles of ``a,b`` one by one; a file whose name holds a comma stays whole."""
    parts: list[str] = []
    for given in names:
        whole = "," not in given or Path(given).is_file()
        parts += [given] if whole else [part.strip() for part in given.split(",") if part.strip()]
    return list(dict.fromkeys(parts))


def inference_of(program: Program, held: int, run: dict[str, Any], asked: int | None) -> int:
    """Return the steps of one inference in a sample of ``held`` steps.

    What was asked for, else the interval after which the run is reset, else the steps of the
    program's encoder, each where it divides the sample; else the whole sample, as with samples of a
    data set (``run`` empty).

    Raises OptionError where what was asked for does not divide the sample.
    """
    if asked is not None:
        if asked < 1 or held % asked:
            raise OptionError(
                f"--inference-steps is {asked}, a sample has {held} steps; expected a divisor"
            )
        return asked
    known = (run.get("reset_interval"), program.metadata.get("encoder.steps")) if run else ()
    for steps in known:
        if isinstance(steps, int) and 0 < steps <= held and held % steps == 0:
            return steps
    return held


def estimated(
    program: Program,
    activity: Activity,
    chip: ChipProfile,
    step_us: float | None = None,
    steps: int | None = None,
    load: Load | None = None,
) -> EnergyReport | tuple[str, str]:
    """Return the estimate, or (profile name, reason) where the profile refuses one."""
    from neurodeploy.energy import estimate_energy

    try:
        return estimate_energy(program, activity, chip, step_us=step_us, steps=steps, load=load)
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
    cores: list[Seat],
) -> tuple[Activity, dict[str, Any]]:
    """Return the counts of the program on the data, one entry per sample, and what was run."""
    from neurodeploy.answers import settle

    if (data is None) == (input_file is None):
        raise OptionError("give the data with --data D or with --input X.npy, one of the two")
    if data is not None:
        from neurodeploy.verification.activity import measure

        samples = presented(program, data, taken, run.input_bits)
        recipe = settle(program, samples.data.steps, run)
        found = measure(program, samples.data, recipe=recipe, watch=watch_of(cores))
        return found.activity, {**samples.to_dict(), "run": recipe.to_dict()}
    from neurodeploy.cli.arrays import by_name, read_input
    from neurodeploy.cli.running import run as run_columns

    if input_file is None or taken != DataFlags():
        raise OptionError("--part, --samples and --encoder go with --data, not with --input")
    given = read_input(input_file, program, run.steps)
    recipe = settle(program, given.steps, run)
    trace, _ = run_columns(program, given, **recipe.options(), record=("s",) if cores else ())
    watch = watch_of(cores)
    if watch is not None:
        watch(by_name(program, given), trace)
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
