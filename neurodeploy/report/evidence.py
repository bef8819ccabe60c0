"""What a run folder holds, read into records and checked to be about one and the same network."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neurodeploy import container
from neurodeploy.errors import FormatError, PlacementError
from neurodeploy.program import Program
from neurodeploy.results.attack import ATTACKED, Fooled, parse_fooled
from neurodeploy.results.comparison import Compared
from neurodeploy.results.energy import Energies
from neurodeploy.results.outcome import Epoch, Outcome
from neurodeploy.results.placement import Placements
from neurodeploy.results.sample import SampleArrays, parse_sample, read_arrays
from neurodeploy.results.tested import Tested
from neurodeploy.results.verification import Measurements
from neurodeploy.run_folder import (
    COMPARE,
    ENERGY,
    METRICS,
    PLACEMENT,
    PROGRAM,
    RESULT,
    SAMPLE,
    VERIFY,
    as_record,
    read_json,
)


@dataclass(frozen=True)
class Evidence:
    """The files of a run folder as records; None or empty where a file is missing.

    ignored : one sentence for each file, or part of one, that speaks of another network.
    """

    folder: Path
    program: Program
    result: Outcome | None = None
    history: tuple[Epoch, ...] = ()
    verify: Measurements | None = None
    sample: SampleArrays | None = None
    fooled: Fooled | None = None
    comparisons: tuple[Compared, ...] = ()
    energy: Energies | None = None
    placements: Placements | None = None
    ignored: tuple[str, ...] = field(default=())

    @property
    def title(self) -> str:
        """The name of the training, else of the folder."""
        return (self.result and self.result.name) or self.folder.resolve().name or "run"

    @property
    def trained_on(self) -> Tested | None:
        """The samples that the torch model and the integers answered after training."""
        if self.result is None:
            return None
        return self.result.data.tested("test", self.result.lowering.samples)

    @property
    def verified_on(self) -> Tested | None:
        """The samples that verify ran."""
        return None if self.verify is None else self.labelled(self.verify.data)

    def labelled(self, data: Tested) -> Tested:
        """Return the label with what other results on the same part know: its size, its seed.

        A label without a part, of a file, stays as it is.
        """
        if data.part is None:
            return data
        if self.verify is not None:
            data = data.filled(self.verify.data)
        if self.result is not None:
            data = data.filled(self.result.data.tested(data.part or ""))
        return data


def read_evidence(folder: Path) -> Evidence:
    """Read the run folder ``folder``.

    Raises FormatError when there is no program.h5 in it, or a file is damaged or too new.
    """
    path = folder / PROGRAM
    if not path.is_file():
        raise FormatError(
            f"{folder}: holds no {PROGRAM}; make one with 'neurodeploy train' or "
            "'neurodeploy verify PROGRAM --data D --out RUN'"
        )
    reader = _Reader(folder, container.read(path))
    result = reader.record(RESULT, Outcome, "program_sha256")
    verify = reader.record(VERIFY, Measurements)
    return Evidence(
        folder=folder,
        program=reader.program,
        result=result,
        history=_history(folder / METRICS) if result else (),
        verify=verify,
        comparisons=reader.comparisons(),
        energy=reader.energy(verify),
        placements=reader.placements(verify),
        sample=reader.sample(verify),
        fooled=reader.fooled(verify),
        ignored=tuple(reader.ignored),
    )


class _Reader:
    """Reads the files of a folder that speak of one program, and remembers the others."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.folder, self.program = folder, program
        self.ignored: list[str] = []

    def record(self, name: str, kind: type[Any], key: str = "digest") -> Any:
        """Return a JSON file as ``kind``, None where it is missing or of another network."""
        value = read_json(self.folder / name)
        if value is None or not self._is_own(value.get(key), name):
            return None
        return as_record(kind, value, str(self.folder / name))

    def energy(self, verify: Measurements | None) -> Energies | None:
        """Return energy.json, None where its data contradict those that verify ran."""
        found: Energies | None = self.record(ENERGY, Energies)
        if found is None or found.data is None or verify is None:
            return found
        if not found.data.contradicts(verify.data):
            return found
        self.ignored.append(
            f"{ENERGY} was counted on other samples than {VERIFY} under the name "
            f"{found.data.set_name} ({found.data.digest[:12]}, not {verify.data.digest[:12]}); it "
            "is left out"
        )
        return None

    def placements(self, verify: Measurements | None) -> Placements | None:
        """Return placement.json, without loads whose data contradict those that verify ran.

        Raises FormatError for a placement that contradicts itself.
        """
        try:
            found: Placements | None = self.record(PLACEMENT, Placements)
        except PlacementError as error:
            raise FormatError(f"{self.folder / PLACEMENT}: {error}") from error
        if found is None or found.data is None or verify is None:
            return found
        if not found.data.contradicts(verify.data):
            return found
        self.ignored.append(f"the loads of {PLACEMENT} were counted on other samples than {VERIFY}")
        chips = tuple(replace(chip, load=None) for chip in found.chips)
        return Placements(chips)

    def comparisons(self) -> tuple[Compared, ...]:
        """Return what compare.json holds: a list, or one comparison alone."""
        path = self.folder / COMPARE
        value = read_json(path)
        entries = [] if value is None else value.get("comparisons", [value])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise FormatError(f"{path}: comparisons is no list of objects")
        return tuple(
            as_record(Compared, entry, f"{path}: comparison {number}")
            for number, entry in enumerate(entries)
            if self._is_own(entry.get("digest"), COMPARE)
        )

    def sample(self, verify: Measurements | None) -> SampleArrays | None:
        """Return the arrays of sample.npz, None where it is missing, of another network or data."""
        path = self.folder / SAMPLE
        if not path.is_file():
            return None
        arrays = read_arrays(path)
        if not self._is_own(str(arrays.get("digest", "no network")), SAMPLE):
            return None
        found = parse_sample(arrays, self.program, str(path))
        if verify is None or not found.tested or not found.tested.other_data(verify.data):
            return found
        self.ignored.append(
            f"{SAMPLE} is of {found.tested.set_name} ({found.data_digest[:12]}), {VERIFY} of "
            f"{verify.data.set_name} ({verify.data.digest[:12]}); it is left out"
        )
        return None

    def fooled(self, verify: Measurements | None) -> Fooled | None:
        """Return the arrays of verify/attack.npz, None where there are none of verify's run."""
        path = self.folder / ATTACKED
        if verify is None or verify.suites.attack is None or not path.is_file():
            return None
        arrays = read_arrays(path)
        if not self._is_own(str(arrays.get("digest", "no network")), ATTACKED):
            return None
        return parse_fooled(arrays, verify.suites.attack, str(path))

    def _is_own(self, digest: object, name: str) -> bool:
        own = self.program.digest
        if digest == own:
            return True
        found = "no network" if digest is None else str(digest)[:12]
        self.ignored.append(f"{name} speaks of {found}, not of {own[:12]}; it is left out")
        return False


def _history(path: Path) -> tuple[Epoch, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is not UTF-8 text") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise FormatError(f"{path}: line {number} is not JSON") from error
            rows.append(as_record(Epoch, value, f"{path}: line {number}"))
    return tuple(rows)
