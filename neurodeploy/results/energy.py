"""``energy.json``: energy per inference on each chip, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.answers import Recipe
from neurodeploy.data.shown import Shown
from neurodeploy.energy import estimate_energy
from neurodeploy.energy.ceilings import Ceiling
from neurodeploy.energy.counts import PerSample
from neurodeploy.energy.report import EnergyReport
from neurodeploy.energy.workload import Workload, workload
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.placement import Load
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.results.tested import Tested
from neurodeploy.results.verification import Measurements
from neurodeploy.run_folder import ENERGY, FORMAT, VERIFY, as_record, plain, read_json, write_json
from neurodeploy.trace import Activity


@dataclass(frozen=True)
class ChipEnergy:
    """One chip: its report, or the reason why it was refused."""

    profile: str
    report: EnergyReport | None = None
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the report, or the refusal."""
        found = {"report": self.report} if self.report is not None else {"refused": self.refused}
        return {"profile": self.profile, **plain(found)}


@dataclass(frozen=True)
class Energies:
    """``energy.json``. data : what was run. workload : of any chip. Older files lack both."""

    profiles: tuple[ChipEnergy, ...]
    data: Tested | None = None
    workload: Workload | None = None


@dataclass(frozen=True)
class GivenColumns:
    """Columns that were given as a file. name : of the file. samples : that it holds."""

    name: str
    samples: int


@dataclass(frozen=True)
class Priced:
    """What was run to be priced.

    source : samples of a data set, or columns. run : how. inference_steps : columns of one
    inference.
    """

    source: Shown | GivenColumns
    run: Recipe
    inference_steps: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        run = {"run": self.run.to_dict(), "inference_steps": self.inference_steps}
        return {**plain(self.source), **run}


@dataclass(frozen=True)
class Estimates:
    """What ``energy.json`` is written from. digest : of the program. workload : of any chip."""

    digest: str
    priced: Priced
    chips: tuple[ChipEnergy, ...]
    workload: Workload

    @property
    def refused(self) -> bool:
        """Whether a profile refused its estimate."""
        return any(chip.report is None for chip in self.chips)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``energy.json``."""
        return {
            "format": FORMAT,
            "digest": self.digest,
            "data": plain(self.priced),
            "workload": plain(self.workload),
            "profiles": plain(self.chips),
        }


def estimate_all(
    program: Program,
    activity: Activity,
    priced: Priced,
    profiles: Sequence[ChipProfile],
    step_us: float | None = None,
    active: Mapping[str, PerSample] | None = None,
    ceilings: Sequence[Ceiling] = (),
    loads: Mapping[str, Load] | None = None,
) -> Estimates:
    """Return the estimate of each profile, or its refusal.

    step_us : duration of a step. active, ceilings : as `neurodeploy.estimate_energy` takes them.
    loads : what the cores did, by profile; a chip without one is priced unplaced.

    Raises what `neurodeploy.estimate_energy` raises for the activity or the duration.
    """
    chips = []
    for profile in profiles:
        try:
            report = estimate_energy(
                program,
                activity,
                profile,
                step_us=step_us,
                steps=priced.inference_steps,
                active=active,
                ceilings=ceilings,
                load=(loads or {}).get(profile.name),
            )
            chips.append(ChipEnergy(profile.name, report))
        except ProfileError as error:
            chips.append(ChipEnergy(profile.name, refused=str(error)))
    return Estimates(program.digest, priced, tuple(chips), workload(program, activity))


def known_ceilings(folder: Path | None, program: Program, priced: Priced) -> tuple[Ceiling, ...]:
    """Return what attacks on the cost found and certificates bound, none where there are none.

    Those of ``verify.json`` in ``folder`` count where it speaks of the same samples and of an
    inference of as many steps.

    Raises FormatError for a damaged file.
    """
    path = None if folder is None else folder / VERIFY
    held = None if path is None else read_json(path)
    if held is None or held.get("digest") != program.digest:
        return ()
    found = as_record(Measurements, held, str(path))
    same = isinstance(priced.source, Shown) and found.data.digest == priced.source.digest
    if not same or found.activity.steps != priced.inference_steps:
        return ()
    known = (found.suites.cost, found.worst_case)
    return tuple(ceiling for one in known if one is not None for ceiling in one.ceilings())


def inference_of(program: Program, held: int, run: Recipe | None, asked: int | None) -> int:
    """Return the steps of one inference in a sample of ``held`` steps.

    What was asked for, else the interval after which ``run`` is reset, else the steps of the
    program's encoder, each where it divides the sample; else the whole sample, as with samples of a
    data set (``run`` None).

    Raises OptionError where what was asked for does not divide the sample.
    """
    if asked is not None:
        if asked < 1 or held % asked:
            raise OptionError(
                f"--inference-steps is {asked}, a sample has {held} steps; expected a divisor"
            )
        return asked
    known = (run.reset_interval, program.metadata.get("encoder.steps")) if run else ()
    for steps in known:
        if isinstance(steps, int) and 0 < steps <= held and held % steps == 0:
            return steps
    return held


def keep_energies(folder: Path, found: Estimates) -> None:
    """Write energy.json; other profiles that it held for this program and data stay."""
    content = found.to_dict()
    new = {chip.profile for chip in found.chips}
    held = read_json(folder / ENERGY) or {}
    same = held.get("digest") == content["digest"] and held.get("data") == content["data"]
    kept = [e for e in held.get("profiles", []) if same and e["profile"] not in new]
    write_json(folder / ENERGY, {**content, "profiles": kept + content["profiles"]})
