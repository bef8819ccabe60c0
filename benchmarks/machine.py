"""What figures depend on: processor, load, versions, threads; and writing them down."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.sim.native import instruction_set, instruction_sets

PACKAGES = ("torch", "norse", "snntorch", "spikingjelly", "lava-nc", "lava-dl")
_FLAGS = ("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8")


def machine() -> dict[str, Any]:
    """Return processor, load, versions and commit."""
    return {
        "cpu": _cpu("model name") or platform.processor() or platform.machine(),
        "cpu_flags": [flag for flag in _FLAGS if flag in _cpu("flags").split()],
        "cores": os.cpu_count(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else [],
        "instruction_set": instruction_set(),
        "instruction_sets": list(instruction_sets()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "neurodeploy": nd.__version__,
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "commit": _commit(),
        "command": " ".join(sys.argv),
    }


def heading() -> str:
    """Return one line about the machine, for the head of a table."""
    here = machine()
    load = f", load {here['load'][0]:.1f}" if here["load"] else ""
    return f"{here['cpu']}, {here['cores']} cores, {here['instruction_set']}{load}"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Limit OpenMP, BLAS and torch, where it is loaded, to ``count`` threads."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(limits=count):
        if torch:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables, and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def save(path: Path | None, result: dict[str, Any]) -> None:
    """Write ``result`` with the machine's facts as JSON, if there is a ``path``."""
    if path is None:
        return
    with replacing(path) as file:
        file.write(f"{json.dumps(result | {'machine': machine()}, indent=2)}\n".encode())


def _cpu(field: str) -> str:
    """Return a field of the first processor of ``/proc/cpuinfo``, empty where there is none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    """Return the commit of the sources, with a plus where files differ from it; else nothing."""
    folder = Path(__file__).parent
    found = [
        subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    ]
    head, changes = (process.stdout.strip() for process in found)
    return f"{head}{'+' if changes else ''}"
