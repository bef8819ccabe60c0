"""``neurodeploy doctor``: what is installed and what will run."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli.datasets import DataFlags, presented, takes_data
from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import amount, columns, console, facts, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import NeurodeployError, OptionError

if TYPE_CHECKING:
    from neurodeploy.program import Program
    from neurodeploy.verification.silence import Silence

_PACKAGES = ("numpy", "h5py", "scikit-learn", "torch")
_LAVA = ("lava-nc", "lava-dl")
_ASK_SECONDS = 60


@reads_program
@takes_data
def doctor(
    silent: Annotated[
        Path | None,
        typer.Option(metavar="PROGRAM", help="Find neurons of this program that never spike."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="D", help=f"For --silent. {DATA_HELP}")
    ] = None,
    json: AsJson = False,
    *,
    taken: DataFlags,
    reading: Reading,
) -> int:
    """Show what is installed and which engines will run, or why a program is silent."""
    if silent is not None:
        if data is None:
            raise OptionError("--silent needs data that the program should answer: --data D")
        return _silent(reading.program(silent), data, taken, json)
    if data is not None:
        raise OptionError(f"--data is {data!r}, which is for --silent PROGRAM")
    found = {
        "neurodeploy": _version("neurodeploy"),
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": {name: _version(name) for name in _PACKAGES},
        "engines": {"native": _native(), "reference": {"available": True}, "lava": _lava()},
        "data": _data(),
    }
    if json:
        print_json(found)
    else:
        console().print(facts(_lines(found)))
    return 0


def _silent(program: Program, name: str, taken: DataFlags, json: bool) -> int:
    """Show silent neurons; 1 where a whole population never spikes."""
    from neurodeploy.verification.silence import first_dead, silence

    samples = presented(program, name, taken, None)
    found = silence(program, samples.data)
    dead = first_dead(found)
    if json:
        layers = [layer.to_dict() for layer in found]
        print_json({"first_dead": dead and dead.population, "layers": layers})
        return int(dead is not None)
    numbers = ("neurons", "silent", "share", "v / threshold", "bias / threshold", "scale")
    table = columns("population", *numbers, right=numbers)
    for layer in found:
        ratios = (_ratio(value) for value in (layer.reach, layer.bias, layer.factor))
        count, quiet = f"{layer.neurons:,}", f"{layer.silent:,}"
        table.add_row(layer.population, count, quiet, f"{layer.share:.1%}", *ratios)
    console().print(f"neurons that never spike on {amount(len(samples.data), 'sample')}")
    console().print(table)
    for line in _cure(dead):
        console().print(line, markup=False)
    return int(dead is not None)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _cure(dead: Silence | None) -> list[str]:
    """Say which population is dead first and what would wake it."""
    if dead is None:
        return []
    line = f"first dead population: {dead.population}"
    if dead.factor is None:
        return [f"{line}; its v never rises above 0: look at the signs of its weights and bias"]
    return [
        f"{line}; weights times {dead.factor:.3g}, or thresholds divided by it, let half of its "
        "neurons that rise reach the threshold"
    ]


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _native() -> dict[str, Any]:
    """Return the instruction sets of the native engine, or why it does not run."""
    try:
        from neurodeploy.sim import native

        return {
            "available": True,
            "in_use": native.instruction_set(),
            "instruction_sets": list(native.instruction_sets()),
        }
    except (ImportError, NeurodeployError) as error:
        return _missing(error)


def _lava() -> dict[str, Any]:
    """Return the interpreter that runs Lava and its versions, or why there is none."""
    from neurodeploy.sim.lava_job import interpreter

    try:
        python = interpreter()
        return {"available": True, "interpreter": str(python), "versions": _lava_versions(python)}
    except (NeurodeployError, OSError, subprocess.SubprocessError) as error:
        return _missing(error)


def _lava_versions(python: Path) -> dict[str, str | None]:
    """Ask ``python`` for the versions of Lava's packages."""
    if python == Path(sys.executable):
        return {name: _version(name) for name in _LAVA}
    code = f"from importlib.metadata import version; print(*map(version, {_LAVA!r}))"
    answer = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
    )
    return dict(zip(_LAVA, answer.stdout.split(), strict=True))


def _missing(error: Exception) -> dict[str, Any]:
    return {"available": False, "reason": " ".join(str(error).split())}


def _data() -> dict[str, str | None]:
    """Return where each data set comes from, None for those that are not here."""
    from neurodeploy.data.fashion import DEFAULT_DIRECTORY
    from neurodeploy.data.series import PROBLEMS

    series = "sktime" if importlib.util.find_spec("sktime") else None
    return {
        "digits": "scikit-learn" if importlib.util.find_spec("sklearn") else None,
        "fashion-mnist": str(DEFAULT_DIRECTORY) if DEFAULT_DIRECTORY.is_dir() else None,
        **dict.fromkeys(PROBLEMS, series),
    }


def _lines(found: dict[str, Any]) -> dict[str, object]:
    engines = found["engines"]
    native, lava = engines["native"], engines["lava"]
    rows = {
        "neurodeploy": found["neurodeploy"] or "not installed, run from the source tree",
        "python": f"{found['python']}, {found['interpreter']}",
        "machine": found["machine"],
        **{name: version or "not installed" for name, version in found["packages"].items()},
    }
    if native["available"]:
        sets = ", ".join(native["instruction_sets"])
        rows["native"] = f"ready, runs {native['in_use']}; this processor has {sets}"
    if lava["available"]:
        versions = ", ".join(f"{name} {version}" for name, version in lava["versions"].items())
        rows["lava"] = f"ready, {versions}, {lava['interpreter']}"
    for name, engine in (("native", native), ("lava", lava)):
        rows.setdefault(name, f"not available: {engine.get('reason')}")
    return rows | {name: source or "not found" for name, source in found["data"].items()}
