"""A run folder: the files that hold what is known about one network, each written by one verb.

    program.h5      the integer network (train, verify)
    network.net     the same as NetX (demo, convert)
    result.json     outcome of training, with metrics.jsonl and config.toml (train)
    verify.json     accuracy, noise, MPPD, headroom and activity (verify)
    sample.npz      one sample in full, for the plots (verify)
    compare.json    comparisons of engines, ``{"comparisons": [...]}`` (compare --out, demo) or one
                    alone (compare --json)
    energy.json     energy per profile, or why it was refused (energy)
    placement.json  cores of each chip and what they do, or why there are none (energy --placed)
    report.html, report.json    all of it on one page (report)

Each file carries the digest of the network that it speaks of, so that a report never joins
results of different networks. A JSON file carries its ``format``, 1 where it is missing; a newer
one than `FORMAT` is refused.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from neurodeploy.atomic import replacing
from neurodeploy.errors import FormatError, OptionError

FORMAT = 1
PROGRAM, NETX = "program.h5", "network.net"
RESULT, METRICS = "result.json", "metrics.jsonl"
VERIFY, SAMPLE, COMPARE, ENERGY = "verify.json", "sample.npz", "compare.json", "energy.json"
PLACEMENT = "placement.json"
REPORT_HTML, REPORT_JSON = "report.html", "report.json"

T = TypeVar("T")

_PACKAGES = ("neurodeploy", "numpy", "torch", "lava-nc", "lava-dl")


def create(folder: Path) -> None:
    """Make ``folder`` if it is not there. Raises OptionError where a file is in the way."""
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder}: is a file, expected a folder for the run")
    folder.mkdir(parents=True, exist_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write(text.encode() + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in ``path``, or None where there is no such file.

    Raises FormatError for a file that is not a JSON object, holds NaN or an infinity, or has a
    newer ``format`` than `FORMAT`.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: is not JSON: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{path}: holds a {type(value).__name__}, expected a JSON object")
    version = value.get("format", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= FORMAT:
        raise FormatError(
            f"{path}: format is {version!r}, this neurodeploy reads up to {FORMAT}; "
            "read it with the neurodeploy that wrote it, or run its verb again"
        )
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def as_record(kind: type[T], value: object, where: str) -> T:
    """Return the plain JSON ``value`` as the dataclass ``kind``, nested dataclasses included.

    A field without default must be there; what the record does not know is passed over. Types are
    those of JSON: a text is no number. where : what an error names, such as the file.

    Raises FormatError with the place of the first problem.
    """
    from pydantic import ValidationError

    adapter: Any = _adapter(cast(Hashable, kind))
    try:
        found: T = adapter.validate_json(json.dumps(value), strict=True)
        return found
    except ValidationError as problem:
        entry: Any = problem.errors(include_url=False)[0]
        place = ".".join(str(part) for part in entry["loc"]) or "file"
        if entry["type"] == "missing":
            raise FormatError(f"{where}: {place} is missing; run its verb again") from None
        if entry["type"] == "value_error":
            raise FormatError(f"{where}: {place}: {entry['ctx']['error']}") from None
        given = " ".join(repr(entry["input"]).split())
        expected = entry["msg"][:1].lower() + entry["msg"][1:]
        raise FormatError(f"{where}: {place} is {given[:60]}, {expected}") from None


@cache
def _adapter(kind: Any) -> Any:
    """Return what makes records of ``kind``; it takes long to prepare."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def plain(value: Any) -> Any:
    """Return a record as plain values for JSON, by its own ``to_dict`` where it has one."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def versions() -> dict[str, str]:
    """Return the versions of what computes: Python, this package and those it may use."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
