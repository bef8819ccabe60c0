"""What a run folder holds, read and checked to be about one and the same network."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import container
from neurodeploy.errors import FormatError
from neurodeploy.program import Program
from neurodeploy.run_folder import (
    COMPARE,
    ENERGY,
    METRICS,
    PROGRAM,
    RESULT,
    SAMPLE,
    VERIFY,
    read_json,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """The files of a run folder; None or empty where a file is missing.

    ignored : one sentence for each file, or part of one, that speaks of another network.
    """

    folder: Path
    program: Program
    result: Json | None = None
    history: tuple[Json, ...] = ()
    verify: Json | None = None
    sample: dict[str, NDArray[Any]] | None = None
    comparisons: tuple[Json, ...] = ()
    energy: tuple[Json, ...] = ()
    ignored: tuple[str, ...] = field(default=())


def read_evidence(folder: Path) -> Evidence:
    """Read the run folder ``folder``.

    Raises FormatError when there is no program.h5 in it, or a file is damaged.
    """
    path = folder / PROGRAM
    if not path.is_file():
        raise FormatError(
            f"{folder}: holds no {PROGRAM}; make one with 'neurodeploy train' or "
            "'neurodeploy verify PROGRAM --data D --out RUN'"
        )
    program = container.read(path)
    ignored: list[str] = []
    result = _of(read_json(folder / RESULT), "program_sha256", program, RESULT, ignored)
    verify = _of(read_json(folder / VERIFY), "digest", program, VERIFY, ignored)
    comparisons = [
        entry
        for entry in _comparisons(folder / COMPARE)
        if _of(entry, "digest", program, COMPARE, ignored) is not None
    ]
    energy = _of(read_json(folder / ENERGY), "digest", program, ENERGY, ignored)
    return Evidence(
        folder=folder,
        program=program,
        result=result,
        history=_history(folder / METRICS) if result else (),
        verify=verify,
        sample=_sample(folder / SAMPLE, program, ignored),
        comparisons=tuple(comparisons),
        energy=tuple(_objects(energy, "profiles", folder / ENERGY)),
        ignored=tuple(ignored),
    )


def _of(
    value: Json | None, key: str, program: Program, name: str, ignored: list[str]
) -> Json | None:
    """Return ``value`` if it names this program, else None, and say so in ``ignored``."""
    if value is None or value.get(key) == program.digest:
        return value
    found = str(value.get(key, "no network"))[:12]
    ignored.append(f"{name} speaks of {found}, not of {program.digest[:12]}; it is left out")
    return None


def _objects(value: Json | None, key: str, path: Path) -> list[Json]:
    """Return the list of objects under ``key``, empty without a file."""
    if value is None:
        return []
    items = value.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FormatError(f"{path}: {key} is missing, expected a list of objects")
    return items


def _comparisons(path: Path) -> list[Json]:
    value = read_json(path)
    if value is None or "comparisons" in value:
        return _objects(value, "comparisons", path)
    return [value]


def _history(path: Path) -> tuple[Json, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return tuple(json.loads(line) for line in lines if line.strip())
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise FormatError(f"{path}: is not one JSON object per line") from error


def _sample(path: Path, program: Program, ignored: list[str]) -> dict[str, NDArray[Any]] | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: is not an .npz of plain arrays") from error
    digest = str(arrays.get("digest", ""))
    if _of({"digest": digest}, "digest", program, SAMPLE, ignored) is None:
        return None
    for k in range(len(program.populations)):
        for part in ("s", "v", "neurons"):
            if f"layer{k}_{part}" not in arrays:
                raise FormatError(f"{path}: holds no layer{k}_{part}; run verify again")
    return arrays
