"""``neurodeploy energy``: what an inference costs on a chip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.chips import Profiles, chosen_profiles
from neurodeploy.cli.cores import cores_shown
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
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.answers import Recipe, RunChoice
    from neurodeploy.answers.runner import Samples
    from neurodeploy.data.presentation import Presentation
    from neurodeploy.data.shown import Shown
    from neurodeploy.energy.counts import PerSample
    from neurodeploy.profile import ChipProfile
    from neurodeploy.program import Program
    from neurodeploy.results.energy import Estimates, GivenColumns
    from neurodeploy.results.placement import Seat
    from neurodeploy.trace import Activity


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
    from neurodeploy.results.energy import (
        Priced,
        estimate_all,
        inference_of,
        keep_energies,
        known_ceilings,
    )
    from neurodeploy.results.placement import keep_placements, loads_of, seated, with_rules

    profiles = chosen_profiles(profile)
    _check_fit(fit, fit_out, step_us, profiles, placed)
    network = reading.program(program)
    check_folder(network, out)
    seats = [seated(network, chip) for chip in profiles] if placed else []
    run = _run(network, data, input_file, taken, flags.choice(engine), seats)
    activity = run.activity
    given = None if data is not None else run.recipe
    steps = inference_of(network, activity.steps, given, inference_steps)
    if fit is not None and fit_out is not None and step_us is not None:
        profiles = [_refined(profiles[0], network, activity, fit, fit_out, step_us, steps)]
    priced = Priced(run.source, run.recipe, steps)
    active = run.active(network) if any(_tells_active(chip) for chip in profiles) else None
    ceilings = known_ceilings(out, network, priced)
    loads = loads_of(seats)
    found = estimate_all(network, activity, priced, profiles, step_us, active, ceilings, loads)
    chips = [
        with_rules(seat.placed(), network, chip, run.data, run.shown, flags.choice(engine))
        for seat, chip in zip(seats, profiles, strict=False)
    ]
    if out is not None:
        claim_folder(network, out)
        keep_energies(out, found)
        if chips:
            keep_placements(out, network, priced.to_dict(), chips)
    if json:
        more = {"placements": [chip.to_dict() for chip in chips]} if chips else {}
        print_json({**found.to_dict(), **more})
    else:
        console().print(cores_shown(chips))
        _show(found)
    return failures.NO if found.refused else failures.GOOD


def _check_fit(
    fit: Path | None,
    fit_out: Path | None,
    step_us: float | None,
    profiles: list[ChipProfile],
    placed: bool,
) -> None:
    """Raise OptionError unless --fit has what it needs."""
    if (fit is None) != (fit_out is None):
        raise OptionError("--fit LOG.csv and --fit-out P.toml go together")
    if fit is not None and placed:
        raise OptionError("--fit and --placed do not go together: give the refined profile then")
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


@dataclass(frozen=True)
class _Run:
    """What was run, what it is called, how, and the counts, one entry per sample.

    samples : None for a stream and for several inputs, which are not run again. data, shown : of a
    data set.
    """

    samples: Samples | None
    source: Shown | GivenColumns
    recipe: Recipe
    activity: Activity
    data: Presentation | None = None
    shown: Shown | None = None

    def active(self, program: Program) -> Mapping[str, PerSample] | None:
        """Return the active updates of each population, None where samples are not run again."""
        from neurodeploy.energy.active import active_updates

        if self.samples is None:
            return None
        return active_updates(program, self.samples, self.recipe)


def _run(
    program: Program,
    data: str | None,
    input_file: Path | None,
    taken: DataFlags,
    run: RunChoice,
    seats: Sequence[Seat],
) -> _Run:
    """Run the program on the data or the columns that were asked for; ``seats`` count it."""
    from neurodeploy.answers import settle
    from neurodeploy.results.placement import watch_of

    watch = watch_of(seats)

    if (data is None) == (input_file is None):
        raise OptionError("give the data with --data D or with --input X.npy, one of the two")
    if data is not None:
        from neurodeploy.verification.activity import measure

        samples = presented(program, data, taken, run.input_bits)
        recipe = settle(program, samples.data.steps, run)
        found = measure(program, samples.data, recipe=recipe, watch=watch)
        shown = samples.shown
        return _Run(samples.data, shown, recipe, found.activity, samples.data, shown)
    from neurodeploy.answers.runner import as_samples
    from neurodeploy.cli.arrays import by_name, read_input
    from neurodeploy.cli.running import run as run_columns
    from neurodeploy.results.energy import GivenColumns

    if input_file is None or taken != DataFlags():
        raise OptionError("--part, --samples and --encoder go with --data, not with --input")
    given = read_input(input_file, program, run.steps)
    recipe = settle(program, given.steps, run)
    trace, _ = run_columns(program, given, **recipe.options(), record=("s",) if watch else ())
    if watch is not None:
        watch(by_name(program, given), trace)
    source = GivenColumns(input_file.name, trace.activity.samples)
    alone = given.batched and len(given.arrays) == 1
    again = as_samples(given.arrays[0]) if alone and not recipe.streamed else None
    return _Run(again, source, recipe, trace.activity)


def _tells_active(chip: ChipProfile) -> bool:
    """Whether a profile has a constant for active updates and another one for inactive ones."""
    names = ("neuron_update_active_pj", "neuron_update_inactive_pj")
    return all(chip.energy.quantity(name) is not None for name in names)


def _show(found: Estimates) -> None:
    from neurodeploy.energy.table import renderable, workload_lines

    screen = console()
    for number, chip in enumerate(found.chips):
        if number:
            screen.print()
        if chip.report is None:
            screen.print(f"[bold]{chip.refused}[/]")
        else:
            screen.print(renderable(chip.report))
    screen.print(workload_lines(found.workload))
