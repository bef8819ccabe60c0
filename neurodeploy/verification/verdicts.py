"""All verdicts on one network and data set, as the content of ``verify.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.answers import RunChoice, settle
from neurodeploy.data import Dataset, load_data
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.errors import DataError, OptionError, located
from neurodeploy.program import Program
from neurodeploy.registry import ByName
from neurodeploy.run_folder import FORMAT, VERIFY, create, plain, versions, write_json
from neurodeploy.trace import Activity
from neurodeploy.verification.activity import Measured, measure
from neurodeploy.verification.attack_suite import AttackSuite
from neurodeploy.verification.campaign import Keeping, Report, Spread, conduct
from neurodeploy.verification.certify_suite import CertifySuite
from neurodeploy.verification.corruption_suite import CorruptionSuite
from neurodeploy.verification.cost_suite import CostSuite
from neurodeploy.verification.counts import mean_counts
from neurodeploy.verification.fault_suite import FaultSuite
from neurodeploy.verification.noise_suite import NoiseSuite
from neurodeploy.verification.overflow import OverflowSuite
from neurodeploy.verification.suites import Aside, Flags, Subject, Suite, Verdict

SUITES: ByName[type[Suite]] = ByName(
    "suite",
    {
        suite.name: suite
        for suite in (
            NoiseSuite,
            AttackSuite,
            CostSuite,
            CorruptionSuite,
            FaultSuite,
            CertifySuite,
            OverflowSuite,
        )
    },
)
"""Every suite, in the order in which they are offered."""
DEFAULT_SUITES = ("noise", "overflow")
ASIDE = 10_000
"""Samples of other parts that an attack may use: enough for a network to transfer from."""


@dataclass(frozen=True)
class Verification:
    """What is known about a network on some data.

    measured : accuracy and counts. verdicts : one for each suite. extra : records that stand
    beside them in ``verify.json``.
    """

    subject: Subject
    measured: Measured
    verdicts: tuple[Verdict, ...]
    extra: Mapping[str, Any]

    @property
    def activity(self) -> Activity:
        """The counts, one entry per sample."""
        return self.measured.activity

    def __getitem__(self, name: str) -> Verdict:
        """Return the verdict of a suite."""
        for verdict in self.verdicts:
            if verdict.suite.name == name:
                return verdict
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``verify.json``."""
        subject, found = self.subject, self.measured
        return {
            "format": FORMAT,
            "digest": subject.program.digest,
            "data": plain(subject.shown),
            "run": {**found.recipe.to_dict(), "answers_differing": found.differing},
            "accuracy": found.accuracy.to_dict(),
            "undecided": found.undecided.to_dict(),
            "activity": plain(mean_counts(subject.program, found.activity)),
            "seeds": {
                verdict.suite.name: verdict.suite.settings()["seed"]
                for verdict in self.verdicts
                if "seed" in verdict.suite.settings()
            },
            "suites": {verdict.suite.name: verdict.to_dict() for verdict in self.verdicts},
            **{name: plain(value) for name, value in self.extra.items()},
            "versions": versions(),
        }


def chosen(names: Sequence[str], flags: Flags | None = None) -> tuple[Suite, ...]:
    """Return the suites of those names, with the settings that the command line gives."""
    return tuple(SUITES.named(name).from_flags(flags or Flags()) for name in names)


def subject_of(
    program: Program,
    data: Presentation,
    *,
    name: str,
    part: str = "test",
    of: int | None = None,
    notes: Sequence[str] = (),
    run: RunChoice | None = None,
    aside: Aside | None = None,
) -> Subject:
    """Return what is asked about. of : samples that the part holds, None for those of ``data``."""
    recipe = settle(program, data.steps, run)
    count = len(data) if of is None else of
    return Subject(program, data, recipe, name, part, count, tuple(notes), aside or Aside())


def aside_of(
    program: Program, dataset: Dataset, encoder: str | None = None, input_bits: int | None = None
) -> Aside:
    """Return the first `ASIDE` samples of the parts that are not judged, as ``program`` takes them.

    None for a part that is empty or does not fit the program.
    """

    def shown(name: str) -> Presentation | None:
        split = getattr(dataset, name)
        try:
            return present(program, split.first(ASIDE), encoder, input_bits=input_bits)
        except DataError:
            return None

    return Aside(shown("train"), shown("validation"))


def ask(
    subject: Subject,
    suites: Sequence[Suite],
    *,
    out: Path | None = None,
    resume: bool = False,
    spread: Spread | None = None,
    report: Report | None = None,
) -> Verification:
    """Measure the network of ``subject`` on its samples and put every suite's question to it.

    out : run folder, in which results of single samples are kept as they come. resume : go on with
    those that are there. spread : where the work is done. report : is told how far it is.

    Raises what the suites refuse, before any work is done.
    """
    names = [suite.name for suite in suites]
    if len(set(names)) < len(names):
        raise OptionError(f"suites are {', '.join(names)}, expected each once")
    for suite in suites:
        suite.check(subject)
    measured = measure(subject.program, subject.data, recipe=subject.recipe, contrast=True)
    keeping = None if out is None else Keeping(out, resume)
    verdicts = tuple(
        conduct(suite, subject, keeping=keeping, spread=spread, report=report) for suite in suites
    )
    extra: dict[str, Any] = {}
    for verdict in verdicts:
        extra |= verdict.suite.more(subject, verdict.rows)
    return Verification(subject, measured, verdicts, extra)


def verify(
    program: Program,
    data: str | Dataset | Presentation,
    suites: Sequence[str | Suite] = DEFAULT_SUITES,
    *,
    part: str = "test",
    samples: int | None = None,
    encoder: str | None = None,
    run: RunChoice | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Verification:
    """Return what is known about ``program`` on ``data``: accuracy, counts, a verdict per suite.

    data : name of a data set or path of an ``.npz``, see `neurodeploy.data.load_data`; a `Dataset`,
        of which ``part`` is taken; or samples presented already. samples : the first so many.
    suites : names, or suites with settings of their own. encoder : for a program without one, see
        `neurodeploy.encode.encoder_from_text`. run : how samples are run, what is not chosen is
        decided by the program. out : folder in which results are kept as they come, with
        ``verify.json`` at the end. resume : go on with what is there. jobs, scheduler : processes,
        or address of a Dask scheduler.

    Raises NeurodeployError, before any work is done, for what cannot be asked.
    """
    shown, name, of, notes, aside = _presented(program, data, part, encoder, run)
    if samples is not None:
        if samples < 1:
            raise OptionError(f"samples is {samples}, expected 1 or more")
        shown = shown.first(samples)
    subject = subject_of(
        program,
        shown,
        name=name,
        part=shown.split.part or part,
        of=of,
        notes=notes,
        run=run,
        aside=aside,
    )
    asked = tuple(chosen([s])[0] if isinstance(s, str) else s for s in suites)
    folder = None if out is None else Path(out)
    if folder is not None:
        create(folder)
    found = ask(subject, asked, out=folder, resume=resume, spread=Spread(jobs, scheduler))
    if folder is not None:
        write_json(folder / VERIFY, found.to_dict())
    return found


def _presented(
    program: Program,
    data: str | Dataset | Presentation,
    part: str,
    encoder: str | None,
    run: RunChoice | None,
) -> tuple[Presentation, str, int, tuple[str, ...], Aside]:
    """Return the samples, the name of their set, how many the part holds, notes, and others."""
    if isinstance(data, Presentation):
        return data, "samples", len(data), (), Aside()
    dataset = load_data(data) if isinstance(data, str) else data
    split = dataset.part(part)
    bits = None if run is None else run.input_bits
    with located(dataset.name):
        shown = present(program, split, encoder, input_bits=bits)
    return shown, dataset.name, len(split), dataset.notes, aside_of(program, dataset, encoder, bits)
