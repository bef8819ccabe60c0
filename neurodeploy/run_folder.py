"""A run folder: the files that hold what is known about one network, each written by one verb.

    program.h5      the integer network (train, verify)
    network.net     the same as NetX (demo, convert)
    result.json     outcome of training, with metrics.jsonl and config.toml (train)
    verify.json     accuracy, noise, MPPD, headroom and activity (verify)
    sample.npz      one sample in full, for the plots (verify)
    compare.json    comparisons of engines, ``{"comparisons": [...]}`` or one alone (compare --json)
    energy.json     energy per profile, or why it was refused (energy)
    report.html, report.json    all of it on one page (report)

Each file carries the digest of the network that it speaks of, so that a report never joins
results of different networks.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from neurodeploy.atomic import replacing
from neurodeploy.errors import FormatError, OptionError

FORMAT = 1
PROGRAM, NETX = "program.h5", "network.net"
RESULT, METRICS = "result.json", "metrics.jsonl"
VERIFY, SAMPLE, COMPARE, ENERGY = "verify.json", "sample.npz", "compare.json", "energy.json"
REPORT_HTML, REPORT_JSON = "report.html", "report.json"

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

    Raises FormatError for a file that is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: is not JSON: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{path}: holds a {type(value).__name__}, expected a JSON object")
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
