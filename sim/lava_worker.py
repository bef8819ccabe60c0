"""Runs one job in Lava and records every neuron's state; started by `neurodeploy.sim.lava`.

    python lava_worker.py JOB

This file is a script for the Python 3.10 interpreter that has Lava: with `lava_network`, beside
it, it needs Lava and numpy only, and nothing of neurodeploy. JOB is a directory that holds
``job.json`` (the network), ``arrays.npz`` (its numbers and the input), and the files to fill:
``{population}_{variable}.npy`` of shape ``(batch, steps, *shape)`` and ``progress.npy`` (sample,
step). If something goes wrong, ``failure.txt`` says what.

The process that is started only supervises. The work is done in a process group of its own, where
Lava starts one process per neuron population and synapse. When the work ends, or when the starter
writes to our standard input (time-out, Ctrl-C) or dies, that group is ended and reaped.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

GRACE_SECONDS = 5.0
"""How long the group may take to end after SIGTERM, before SIGKILL."""
_PR_SET_CHILD_SUBREAPER = 36
_STATES = {
    "LIF": {"u": "u", "v": "v"},
    "Delta": {"act": "act"},
    "SigmaDelta": {"sigma": "sigma", "act": "act"},
    "Sigma": {"sigma": "sigma"},
    "RF": {"re": "real", "im": "imag"},
    "RF_IZ": {"re": "real", "im": "imag"},
}
"""Per kind of neuron: recorded variable -> attribute of Lava's process model."""


def fail(directory: Path, where: str, error: BaseException) -> None:
    """Write down the first failure of a job: one line, then the traceback."""
    text = f"{where}{type(error).__name__}: {error}".replace("\n", " ")
    with suppress(FileExistsError), (directory / "failure.txt").open("x") as file:
        file.write(f"{text}\n{traceback.format_exc()}")


class Job:
    """The description, the numbers and the result files of one run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.description: dict[str, Any] = json.loads((directory / "job.json").read_text())
        with np.load(directory / "arrays.npz", allow_pickle=False) as archive:
            self.arrays: dict[str, Array] = dict(archive)
        self.populations: list[dict[str, Any]] = self.description["populations"]
        self.progress = self._open("progress")
        self.records = [
            {name: self._open(f"{k}_{name}") for name in population["record"]}
            for k, population in enumerate(self.populations)
        ]

    def _open(self, name: str) -> Any:
        """Map a file that the starter allocated; every process of the run writes into it."""
        return np.load(self.directory / f"{name}.npy", mmap_mode="r+", allow_pickle=False)


# --- Watching Lava's process models --------------------------------------------------------------


def _recorder(job: Job, sample: int, k: int, drive: Array | None, model: Any) -> Any:
    """Derive from ``model`` one that writes message and state of every step into the records."""
    population = job.populations[k]
    records = {name: array[sample] for name, array in job.records[k].items()}
    states = {n: a for n, a in _STATES[population["kind"]].items() if n in records}

    def run_spk(self: Any) -> None:
        column = self.time_step - 1
        if column == 0:
            _tap(self, records["s"])
            self.own_bias = self.bias_mant.astype(np.int64) if drive is not None else None
        if drive is not None:
            self.bias_mant[:] = self.own_bias + drive[column]  # wraps to 16 bits
        model.run_spk(self)
        for name, attribute in states.items():
            records[name][column] = getattr(self, attribute).T
        if k == 0:
            job.progress[:] = sample, self.time_step

    return _guarded(job, f"population {population['name']}", model, run_spk)


def _tap(model: Any, record: Array) -> None:
    """Copy everything that ``model`` sends into ``record`` (steps, *shape)."""
    send = model.s_out.send

    def tapped(data: Array) -> None:
        record[model.time_step - 1] = data.T
        send(data)

    model.s_out.send = tapped


def _watched(job: Job, label: str, model: Any) -> Any:
    """Derive from the ``model`` of a source or synapse one that does not fail in silence.

    Lava's convolution sums in float64 and casts to int32; beyond int32 the result of the cast is
    undefined (it depends on the processor), so that is an error here.
    """

    def run_spk(self: Any) -> None:
        try:
            with np.errstate(invalid="raise"):
                model.run_spk(self)
        except FloatingPointError as error:
            raise OverflowError("a sum leaves int32, what Lava makes of it is undefined") from error

    return _guarded(job, label, model, run_spk)


def _guarded(job: Job, label: str, model: Any, run_spk: Callable[[Any], None]) -> Any:
    """Derive from ``model`` one that runs ``run_spk``, whose failure is written down.

    The failure ends the group: Lava itself would wait for ever for the message that does not come.
    """

    def guarded(self: Any) -> None:
        try:
            run_spk(self)
        except BaseException as error:
            fail(job.directory, f"{label} at step {self.time_step}: ", error)
            os.killpg(0, signal.SIGTERM)
            raise

    return type(f"Watched{model.__name__}", (model,), {"run_spk": guarded})


# --- Running -------------------------------------------------------------------------------------


def run_sample(job: Job, sample: int) -> None:
    """Build the network, run all steps of one sample in Lava, stop."""
    configurations = importlib.import_module("lava.magma.core.run_configs")
    conditions = importlib.import_module("lava.magma.core.run_conditions")
    network = _beside("lava_network").build(job.description, job.arrays, sample)
    derive: dict[int, Callable[[Any], Any]] = {
        process.id: partial(_watched, job, label) for label, process in network.others
    }
    for k, neuron in enumerate(network.neurons):
        derive[neuron.id] = partial(_recorder, job, sample, k, network.drives.get(k))
    base = configurations.Loihi2SimCfg

    def choose(self: Any, process: Any, models: Any) -> Any:
        return derive[process.id](base.select(self, process, models))

    configuration = type("RecordingCfg", (base,), {"select": choose})(select_tag="fixed_pt")
    condition = conditions.RunSteps(num_steps=job.description["steps"])
    signal.signal(signal.SIGCHLD, lambda *_: _check_children(job))
    network.neurons[0].run(condition=condition, run_cfg=configuration)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    network.neurons[0].stop()


def _beside(name: str) -> Any:
    """Load the module ``name`` from the directory of this file."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"cannot load {path}")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _check_children(job: Job) -> None:
    """End the group when one of Lava's processes was killed: the others would wait for ever."""
    result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if result is not None and result.si_code != os.CLD_EXITED:
        name = signal.Signals(result.si_status).name
        error = RuntimeError(f"a process of Lava was ended by {name}, is memory short?")
        fail(job.directory, "", error)
        os.killpg(0, signal.SIGTERM)


def work(directory: Path) -> None:
    """Run every sample in a process of its own, so that each starts fresh and leaves nothing."""
    job = Job(directory)
    importlib.import_module("lava.magma.core.run_configs")
    for sample in range(job.description["batch"]):
        child = os.fork()
        if child == 0:
            _exit_after(directory, partial(run_sample, job, sample))
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise RuntimeError(f"sample {sample} ended with status {status}")


def _exit_after(directory: Path, task: Callable[[], None]) -> None:
    """Call ``task`` and end this process without returning into its parent's code."""
    code = 1
    try:
        task()
        code = 0
    except BaseException as error:
        traceback.print_exc()
        fail(directory, "", error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


# --- Supervising ---------------------------------------------------------------------------------


def _reap() -> dict[int, int]:
    """Collect every child that has ended; pid -> wait status."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def _end_group(group: int) -> None:
    """SIGTERM (Lava's resource tracker survives it and frees shared memory), then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            os.killpg(group, number)
            while time.monotonic() < deadline:
                _reap()
                os.killpg(group, 0)
                time.sleep(0.01)
        except ProcessLookupError:
            return


def _told_to_stop(starter: int) -> bool:
    """Whether the starter wrote to us, closed our standard input or is gone; waits a moment."""
    readable, _, _ = select.select([0], [], [], 0.02)
    return bool(readable) or os.getppid() != starter


def main(directory: Path) -> int:
    """Supervise the work; see the head of this file."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    starter = os.getppid()
    group = os.fork()
    if group == 0:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _exit_after(directory, partial(work, directory))
    with suppress(OSError):  # the child may have done it, or ended, before us
        os.setpgid(group, group)
    (directory / "group").write_text(str(group))
    status: int | None = None
    while status is None and not _told_to_stop(starter):
        status = _reap().get(group)
    _end_group(group)
    if os.getppid() != starter:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if status == 0 else 1


if __name__ == "__main__":
    if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
        sys.path.pop(0)  # beside this file lies lava.py, which is not Lava
    sys.exit(main(Path(sys.argv[1])))
