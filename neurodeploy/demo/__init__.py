"""The main job on handwritten digits: train, lower, export, compare, try, cost, show.

Needs nothing but the package; without torch it takes a network that was trained by the same
configuration before, without Lava it compares the engines that are here, and says so.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from neurodeploy import container
from neurodeploy.answers import RunChoice
from neurodeploy.converters import save
from neurodeploy.data import Split, load_data
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.energy.active import active_updates
from neurodeploy.energy.units import energy_range
from neurodeploy.errors import EngineError, NeurodeployWarning, OptionError
from neurodeploy.profile import load_profile, profile_names
from neurodeploy.program import Program
from neurodeploy.report import write_report
from neurodeploy.report.evidence import read_evidence
from neurodeploy.report.verdict import Verdict, verdict
from neurodeploy.results.comparison import NewComparison, keep_comparison
from neurodeploy.results.energy import (
    ChipEnergy,
    Estimates,
    Priced,
    estimate_all,
    keep_energies,
    known_ceilings,
)
from neurodeploy.results.outcome import Outcome
from neurodeploy.run_folder import (
    COMPARE,
    ENERGY,
    NETX,
    PROGRAM,
    RESULT,
    SAMPLE,
    VERIFY,
    create,
    write_json,
)
from neurodeploy.sim.compare import compare
from neurodeploy.verification.sample import record_sample, write_sample
from neurodeploy.verification.suites import Flags
from neurodeploy.verification.verdicts import (
    DEFAULT_SUITES,
    Verification,
    ask,
    chosen,
    subject_of,
)

CONFIG, SHIPPED = "demo.toml", "digits.h5"
EPS = (16.0, 32.0)
"""Budgets of the attacks: one and two of the 16 steps of a pixel."""
STREAM_SAMPLES = 20
"""Test samples that run as one stream in every engine, Lava included."""

Say = Callable[[str], None]


@dataclass
class Demo:
    """One run of the demonstration.

    folder : where everything is left. say : is told what happens, a line at a time. reporter : of
    the training, see `neurodeploy.train.progress`.
    """

    folder: Path
    say: Say
    reporter: Any = None
    comparisons: list[NewComparison] = field(default_factory=list)

    def run(self) -> tuple[list[str], Path, bool]:
        """Do it all; return the lines that matter, the page, and whether the verdict is good.

        Raises OptionError when the folder holds something else.
        """
        began = time.perf_counter()
        create(self.folder)
        program = self._train() if has_torch() else self._shipped()
        self.engine = _engine(self.say)
        data = present(program, load_data("digits").test)
        self._export(program, data)
        self._compare(program, data)
        verified = self._verify(program, load_data("digits").test)
        cost = self._cost(verified)
        page = write_report(self.folder)
        self.say(f"done in {time.perf_counter() - began:.0f} s")
        evidence = read_evidence(self.folder)
        found = verdict(evidence)
        lines = self._lines(found, evidence.result, verified, cost)
        return lines, page, found.good is not False

    def _train(self) -> Program:
        """Train as the shipped configuration says; an interrupted run is resumed."""
        from neurodeploy.runs.training import train

        text = configuration()
        resume = self._is_interrupted(text)
        self.say("1 train: handwritten digits, under attack, on the chip's integers")
        return train(text, self.folder, resume=resume, reporter=self.reporter).program

    def _is_interrupted(self, text: str) -> bool:
        """Whether the folder holds an interrupted run of the configuration ``text``.

        What a finished demonstration left is cleared away, so that the next one starts anew.

        Raises OptionError where the folder holds anything else.
        """
        from neurodeploy.train.checkpoint import FILE_NAME

        config, result = self.folder / "config.toml", self.folder / RESULT
        if config.exists() and config.read_text(encoding="utf-8") != text:
            raise OptionError(f"{self.folder}: holds another run; choose another folder")
        if config.exists() and not result.exists():
            return (self.folder / FILE_NAME).exists()
        if not config.exists():
            self._check_program(shipped_program())
        for name in (FILE_NAME, RESULT, PROGRAM, VERIFY, SAMPLE, COMPARE, ENERGY):
            (self.folder / name).unlink(missing_ok=True)
        return False

    def _shipped(self) -> Program:
        """Take the network that was trained before."""
        self.say(
            "1 torch is not installed, so nothing is trained: pip install 'neurodeploy[train]'"
        )
        self.say("  the shipped network of the same configuration is used instead")
        program = shipped_program()
        self._check_program(program)
        container.write(program, self.folder / PROGRAM)
        return program

    def _check_program(self, program: Program) -> None:
        """Raise OptionError where the folder holds a program other than ``program``."""
        held = self.folder / PROGRAM
        if held.exists() and container.read(held).digest != program.digest:
            raise OptionError(f"{self.folder}: holds another run; choose another folder")

    def _export(self, program: Program, data: Presentation) -> None:
        interval = data.columns(slice(0, 1)).shape[1]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NeurodeployWarning)
            save(program, self.folder / NETX, reset_interval=interval)
        self.say(f"2 export: {PROGRAM}, and {NETX} with a run script for Lava")
        for warning in caught:
            self.say(f"  {str(warning.message).removeprefix(f'{self.folder / NETX}: ')}")

    def _compare(self, program: Program, data: Presentation) -> None:
        """Compare the engines on every test sample, and in one stream with Lava as well."""
        columns = data.columns(slice(0, len(data)))
        own = ("native", "reference") if self.engine == "native" else ()
        if own:
            found = compare(program, columns, own)
            self._compared(NewComparison(found, "digits", len(data), "test"))
        stream = columns[:STREAM_SAMPLES]
        interval = stream.shape[1]
        samples = len(stream) * interval
        try:
            found = compare(
                program,
                stream.reshape(samples, *stream.shape[2:]),
                (*(own or ("reference",)), "lava"),
                timing="pipelined",
                weights="exact",
                steps=samples + len(program.populations) + 1,
                reset_interval=interval,
                reset_offset=1,
            )
            self._compared(NewComparison(found, "digits", len(stream), "test", len(stream)))
        except EngineError as error:
            self.say(f"  Lava is left out: {error}")

    def _compared(self, new: NewComparison) -> None:
        found = new.found
        names = ", ".join(found.engines)
        outcome = "identical" if found.equal else f"{found.differing:,} differ"
        self.say(f"3 compare: {names}: {found.compared:,} values, {outcome}")
        self.comparisons.append(new)
        keep_comparison(self.folder, new)

    def _verify(self, program: Program, split: Split) -> Verification:
        run = RunChoice(engine=self.engine)
        data = present(program, split)
        subject = subject_of(program, data, name="digits", of=len(split), run=run)
        suites = chosen((*DEFAULT_SUITES, "attack", "certify"), Flags(eps=EPS, strength="quick"))
        asked = suites if self.engine == "native" else chosen(DEFAULT_SUITES)
        found = ask(subject, asked, out=self.folder)
        write_json(self.folder / VERIFY, found.to_dict())
        sample = record_sample(program, data, recipe=subject.recipe)
        write_sample(sample, program.digest, subject.shown, self.folder / SAMPLE)
        _, *levels = found["noise"].rows
        shown = ", ".join(f"{row.sigma:g}: {row.rate:.1%}" for row in levels)
        self.say(f"4 try: accuracy under noise {shown}")
        if self.engine == "native":
            self.say("  attacks and certificates: one and two grey steps a pixel")
        return found

    def _cost(self, verified: Verification) -> Estimates:
        subject, chips = verified.subject, map(load_profile, profile_names())
        priced = Priced(subject.shown, subject.recipe, verified.activity.steps)
        profiles = [chip for chip in chips if chip.identity.status != "limits"]
        active = active_updates(subject.program, subject.data, subject.recipe)
        ceilings = known_ceilings(self.folder, subject.program, priced)
        found = estimate_all(
            subject.program,
            verified.activity,
            priced,
            profiles,
            active=active,
            ceilings=ceilings,
        )
        keep_energies(self.folder, found)
        self.say(f"5 cost: profiles {', '.join(chip.name for chip in profiles)}")
        return found

    def _lines(
        self,
        found: Verdict,
        outcome: Outcome | None,
        verified: Verification,
        cost: Estimates,
    ) -> list[str]:
        """Return the lines that matter."""
        entry = verified.measured.accuracy
        low, high = entry.interval
        accuracy = (
            f"accuracy  {100 * entry.rate:.1f} % ({100 * low:.1f} to {100 * high:.1f}) of "
            f"{entry.samples} test digits"
        )
        if outcome is not None:
            lost = outcome.lowering
            accuracy += (
                f"; torch to integers: {lost.score_differences} scores, "
                f"{lost.spike_differences} spikes differ"
            )
        engines = sorted({name for run in self.comparisons for name in run.found.engines})
        exact = f"fidelity  {found.level}: {', '.join(engines) or 'one engine'}"
        proof = _proof_lines(verified) if self.engine == "native" else []
        return [accuracy, *proof, exact, f"energy    {'; '.join(map(_cost_line, cost.chips))}"]


def _proof_lines(verified: Verification) -> list[str]:
    """Return what is proved at each budget, and what attacks left of it."""
    proved, left = verified["certify"].rows, verified["attack"].rows
    shown = "; ".join(
        f"{100 * row.certified:.1f} % at {row.steps} of 16 grey steps "
        f"({100 * attacked.robust:.1f} % withstand quick attacks)"
        for row, attacked in zip(proved, left, strict=True)
    )
    return [f"certified {shown}"]


def has_torch() -> bool:
    """Whether networks can be trained here."""
    return importlib.util.find_spec("torch") is not None


def configuration() -> str:
    """Return the text of the shipped training configuration."""
    return resources.files("neurodeploy.train").joinpath(CONFIG).read_text(encoding="utf-8")


def shipped_program() -> Program:
    """Return the network that was trained with the shipped configuration."""
    with resources.as_file(resources.files("neurodeploy.demo") / SHIPPED) as path:
        return container.read(path)


def _cost_line(chip: ChipEnergy) -> str:
    entry = chip.report
    if entry is None:
        return f"{chip.profile} refused"
    kind = "" if entry.total_pj is not None else f"{entry.quantity.split()[0]} "
    whole = f"{entry.profile} {kind}{energy_range(entry.headline_pj.mean)}"
    network = None if entry.parts is None else entry.parts.network
    return whole if network is None else f"{whole}, of it the network {energy_range(network)}"


def _engine(say: Say) -> str:
    """Return the native engine where it is built, else the reference."""
    try:
        from neurodeploy.sim import native

        return "native" if native else "reference"
    except ImportError as error:
        say(f"  the native engine is not built, the reference is used: {error}")
        return "reference"
