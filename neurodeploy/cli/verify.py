"""``neurodeploy verify``: what a network does on data, under noise, and how near overflow is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli.budgets import Budgets, takes_budgets
from neurodeploy.cli.datasets import (
    DataFlags,
    DataName,
    OutFolder,
    check_folder,
    claim_folder,
    presented,
    takes_data,
)
from neurodeploy.cli.options import AsJson, JudgingEngine, ProgramFile
from neurodeploy.cli.output import columns, console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program
from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from neurodeploy.program import Program
    from neurodeploy.verification.suites import Subject
    from neurodeploy.verification.verdicts import Verification


@reads_program
@runs_program
@takes_data
@takes_budgets
def verify(
    program: ProgramFile,
    data: DataName,
    suite: Annotated[
        str,
        typer.Option(
            metavar="A,B,...", help="noise, attack, cost, corruption, fault, certify, overflow."
        ),
    ] = "noise,overflow",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of noise and attacks.")] = 2024,
    engine: JudgingEngine = "native",
    complete: Annotated[
        bool, typer.Option("--complete", help="Of faults, every flip of a stored word.")
    ] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes to work in.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Work on the workers of this Dask scheduler."),
    ] = None,
    out: OutFolder = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what --out holds already.")
    ] = False,
    json: AsJson = False,
    *,
    budgets: Budgets,
    taken: DataFlags,
    flags: RunFlags,
    reading: Reading,
) -> None:
    """Measure accuracy on a data set, and what noise, attacks and faults leave of it."""
    from neurodeploy.cli.progress import progress
    from neurodeploy.verification.campaign import Spread
    from neurodeploy.verification.suites import Flags
    from neurodeploy.verification.verdicts import ask, chosen

    if resume and out is None:
        raise OptionError("--resume goes on with results in a run folder; name it with --out")
    spread = Spread(jobs, scheduler)
    suites = chosen(
        [name for name in suite.split(",") if name], Flags(seed, complete=complete, **vars(budgets))
    )
    network = reading.program(program)
    subject = _subject(network, data, taken, flags, engine)
    check_folder(network, out)
    if out is not None:
        claim_folder(network, out)
    with progress("samples") as report:
        found = ask(subject, suites, out=out, resume=resume, spread=spread, report=report)
    if out is not None:
        keep(found, out)
    if json:
        print_json(found.to_dict())
    else:
        for part in rendered(found):
            console().print(part)


def _subject(
    network: Program, data: str, taken: DataFlags, flags: RunFlags, engine: str
) -> Subject:
    """Return what is asked about: the samples that were asked for, as ``network`` takes them."""
    from neurodeploy.verification.verdicts import aside_of, subject_of

    samples = presented(network, data, taken, flags.input_bits)
    return subject_of(
        network,
        samples.data,
        name=samples.name,
        part=samples.part,
        of=samples.of,
        notes=samples.notes,
        run=flags.choice(engine),
        aside=aside_of(network, samples.dataset, taken.encoder, flags.input_bits),
    )


def keep(found: Verification, folder: Path) -> None:
    """Write verify.json and sample.npz into a run folder."""
    from neurodeploy.run_folder import SAMPLE, VERIFY, write_json
    from neurodeploy.verification.sample import record_sample, write_sample

    subject = found.subject
    sample = record_sample(subject.program, subject.data, recipe=subject.recipe)
    write_sample(sample, subject.program.digest, subject.shown, folder / SAMPLE)
    write_json(folder / VERIFY, found.to_dict())


def rendered(found: Verification) -> list[RenderableType]:
    """Return what a terminal shows of a verification."""
    notes = [f"{found.subject.name}: {note}" for note in found.subject.notes]
    parts: list[RenderableType] = [_accuracy(found), *notes, *_manner(found)]
    for verdict in found.verdicts:
        parts += ["", *verdict.suite.remarks(found.subject, verdict.rows)]
        parts.append(verdict.suite.table(verdict.rows))
        parts += verdict.suite.footnotes(verdict.rows, found.extra)
    return [*parts, "", _activity(found)]


def _accuracy(found: Verification) -> str:
    entry, subject = found.measured.accuracy, found.subject
    low, high = entry.interval
    count = f"{entry.samples:,}"
    if entry.samples != subject.of:
        count = f"the first {entry.samples:,} of {subject.of:,}"
    if entry.ties == entry.samples:
        return (
            f"no accuracy: not one of {count} samples of {subject.name} {subject.part} is decided"
        )
    return (
        f"accuracy {entry.rate:.1%} ({low:.1%} to {high:.1%}) on {count} samples of "
        f"{subject.name} {subject.part}, {entry.ties} ties counted as wrong"
    )


def _manner(found: Verification) -> list[str]:
    """How the samples were run, and what a user should know about their answers."""
    measured = found.measured
    lines = [f"run: {measured.recipe.sentence()}"]
    if measured.differing is not None:
        lines.append(
            f"{measured.differing:,} of {measured.accuracy.samples:,} answers differ from those "
            "of aligned samples, which a chip does not give"
        )
    undecided = measured.undecided.sentence()
    return [*lines, f"[bold]{undecided}[/]"] if undecided else lines


def _activity(found: Verification) -> RenderableType:
    from neurodeploy.verification.counts import mean_counts

    numbers = ("neurons", "events", "rate")
    table = columns("activity per sample", *numbers, right=numbers)
    for layer in mean_counts(found.subject.program, found.activity).layers:
        table.add_row(layer.name, f"{layer.neurons:,}", f"{layer.events:,.1f}", f"{layer.rate:.2%}")
    return table
