"""Ours against Lava's CPU back end: wall clock, two threads, the same program and the same steps.

Lava runs in its own Python 3.10 (this one, or the one that NEURODEPLOY_LAVA_PYTHON names) through
the project's engine 'lava'. Results of both are compared first. Then Lava's network is started
once, and the time that it takes for the steps of one sample, warm, takes turns with a batch of
ours. Lava has no batch; its start-up is given apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from equality import Oracle, Unequal
from numpy.typing import NDArray
from scores import Row
from timing import seconds, wall_clock
from workloads import STEPS, mlp

import neurodeploy as nd
from neurodeploy import sim
from neurodeploy.converters import netx
from neurodeploy.errors import EngineError
from neurodeploy.sim.lava_job import _numbers, describe, interpreter
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare

STEPPER = Path(__file__).with_name("lava_stepper.py")
NETWORK_MODULE = Path(sim.__file__).resolve().with_name("lava_network.py")
OPTIONS = {"timing": "pipelined", "weights": "lava"}
COMPARED_SAMPLES = 2
THREADS = 2
TARGETS = {"MLP": (1200.0, 1500.0), "pilotnet_lif": (700.0, 1000.0)}
BATCHES = {"MLP": 100, "pilotnet_lif": 8}
CALLS = {"MLP": 50, "pilotnet_lif": 2}
"""Calls of ours in one turn."""

Data = NDArray[Any]


def race_lava(repeats: int) -> tuple[list[Row], dict[str, Any]]:
    """Return a row and the raw times for each network; without Lava, rows that say why."""
    rows: list[Row] = []
    raw: dict[str, Any] = {}
    for name, make in NETWORKS.items():
        what = f"{name} vs Lava CPU, wall, two threads"
        try:
            row, raw[name] = _race(name, what, *make(), repeats)
        except (EngineError, OSError, subprocess.SubprocessError) as error:
            row = Row(what, None, *TARGETS[name], remark=str(error).splitlines()[0])
        rows.append(row)
    return rows, raw


def _mlp() -> tuple[nd.Program, Data]:
    work = mlp(BATCHES["MLP"])
    return work.program, work.x


def _pilotnet() -> tuple[nd.Program, Data]:
    """Return the network that lava-dl ships, without its Input block, and its recorded spikes.

    Sample n starts n columns later in the record, which begins again at its end.
    """
    found = subprocess.run(
        [interpreter(), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(found.stdout.strip()) / "tests/lava/lib/dl/netx/gts/pilotnet_lif"
    program = netx.read(folder / "network.net", skip_layers=1)
    spikes = np.load(folder / "input.npy", allow_pickle=False).T.astype(np.uint8)
    count = BATCHES["pilotnet_lif"]
    x = np.stack([np.roll(spikes, -n, axis=0)[:STEPS] for n in range(count)])
    return program, np.ascontiguousarray(x)


NETWORKS: dict[str, Callable[[], tuple[nd.Program, Data]]] = {
    "MLP": _mlp,
    "pilotnet_lif": _pilotnet,
}


def _race(
    name: str, what: str, program: nd.Program, x: Data, repeats: int
) -> tuple[Row, dict[str, Any]]:
    """Compare, then let Lava's steps of one sample and a batch of ours take turns."""
    _check_lava(name, program, x[:COMPARED_SAMPLES])
    ours = nd.compile(program, record=(), threads=THREADS, **OPTIONS)
    oracle = Oracle(program, x[:COMPARED_SAMPLES], **OPTIONS)
    oracle.check(ours, name)
    ours.run(x)
    theirs, own = [], []
    with _stepper(program, x[:1]) as (start_up, step):
        step()
        for _ in range(repeats):
            theirs.append(step())
            own.append(seconds(lambda: ours.run(x), wall_clock, CALLS[name]) / len(x))
    ratios = [a / b for a, b in zip(theirs, own, strict=True)]
    best = min(theirs) / min(own)
    remark = (
        f"Lava {1e3 * float(np.median(theirs)):.1f} ms a sample warm (start-up {start_up:.1f} s), "
        f"ours {1e6 * float(np.median(own)):.0f} us, batch {len(x)}; of the shortest {best:.0f}x"
    )
    raw = {"lava_seconds": theirs, "own_seconds": own, "lava_start_up_seconds": start_up}
    return Row(what, float(np.median(ratios)), *TARGETS[name], remark=remark), raw


def _check_lava(name: str, program: nd.Program, x: Data) -> None:
    """Compare Lava's spikes of all populations with the native engine's; raises Unequal."""
    theirs = nd.simulate(program, x, engine="lava", record="s", **OPTIONS)
    own = nd.simulate(program, x, record="s", **OPTIONS)
    for population in program.names:
        differing = int(np.count_nonzero(theirs[population].s != own[population].s))
        if differing:
            raise Unequal(f"{name}: {population}: {differing} spikes differ from Lava's")


@contextmanager
def _stepper(program: nd.Program, x: Data) -> Iterator[tuple[float, Callable[[], float]]]:
    """Start Lava with one sample; gives (start-up seconds, a function that steps and times)."""
    plan = prepare(program, RunOptions(engine="lava", record=(), **OPTIONS))
    inputs = [x.reshape(*x.shape[:2], -1)]
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-race-") as folder:
        directory = Path(folder)
        (directory / "job.json").write_text(json.dumps(describe(plan, *x.shape[:2])))
        np.savez(directory / "arrays.npz", **_numbers(plan, inputs))
        with (directory / "log.txt").open("wb") as log:
            child = subprocess.Popen(
                [interpreter(), STEPPER, directory, NETWORK_MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=directory,
                start_new_session=True,
                env=_environment(),
            )
        try:
            yield _answer(child, directory), lambda: _step(child, directory)
        finally:
            _end(child)


def _environment() -> dict[str, str]:
    """Return the environment for the other interpreter: nothing of this one's Python."""
    if Path(sys.executable) == interpreter():
        return dict(os.environ)
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _step(child: subprocess.Popen[str], directory: Path) -> float:
    assert child.stdin is not None
    child.stdin.write("step\n")
    child.stdin.flush()
    return _answer(child, directory)


def _answer(child: subprocess.Popen[str], directory: Path) -> float:
    """Return the number that the child prints; raises EngineError when it ended instead."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        log = (directory / "log.txt").read_text(errors="replace").strip().splitlines()
        raise EngineError(f"Lava ended: {log[-1] if log else 'without a word'}")
    return float(line)


def _end(child: subprocess.Popen[str]) -> None:
    """Ask Lava to stop; end its process group if it does not."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
