"""Hands a Plan to Lava in a process group of its own, bounded in time, and collects the records.

The job goes over as files: ``job.json``, ``arrays.npz`` (nothing pickled) and the result files,
which Lava's processes fill through memory maps. See ``lava_worker.py`` for the other side.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import EngineError
from neurodeploy.recording import write_npz
from neurodeploy.sim.lava_models import NEURONS, SYNAPSES
from neurodeploy.sim.plan import Edge, Plan, Stage

NUMPY_ENVIRONMENT = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
}
"""Has numpy take the C library's functions: see `ResonateFire.coefficients`."""
PYTHON_VARIABLE = "NEURODEPLOY_LAVA_PYTHON"
TIMEOUT_VARIABLE = "NEURODEPLOY_LAVA_TIMEOUT"
WORKER = Path(__file__).with_name("lava_worker.py")
MESSAGE_BITS = 16
"""What netx passes for graded sources; only whether it is 0 matters."""
_CLEAN_UP_SECONDS = 20.0


def interpreter() -> Path:
    """Return the Python interpreter that runs Lava.

    Raises EngineError that says what to install, when there is none.
    """
    if _has_lava():
        return Path(sys.executable)
    named = os.environ.get(PYTHON_VARIABLE)
    if not named:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise EngineError(
            f"engine 'lava': this Python {version} has no Lava, which needs Python 3.10; install "
            f"lava-nc==0.10.0 and lava-dl==0.6.0 there and set {PYTHON_VARIABLE} to its interpreter"
        )
    path = Path(named)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise EngineError(
            f"engine 'lava': {PYTHON_VARIABLE} is {named!r}, expected an executable Python 3.10"
        )
    return path


def _has_lava() -> bool:
    try:
        return all(importlib.util.find_spec(name) for name in ("lava.proc", "lava.lib.dl"))
    except ModuleNotFoundError:
        return False


# --- The job -------------------------------------------------------------------------------------


def describe(plan: Plan, batch: int, steps: int) -> dict[str, Any]:
    """Return the network as plain values, for ``job.json``."""
    return {
        "batch": batch,
        "steps": steps,
        "populations": [_describe_population(plan, stage) for stage in plan.stages],
        "connections": [_describe_connection(plan, edge) for edge in plan.edges],
    }


def _describe_population(plan: Plan, stage: Stage) -> dict[str, Any]:
    neuron, options = stage.population.neuron, plan.options
    reset = None
    if options.reset_interval is not None:
        reset = (options.reset_interval, options.reset_offset + 1 + stage.depth)
    process = NEURONS.of(neuron)
    return {
        "name": stage.population.name,
        "shape": stage.population.shape,
        "kind": process.kind,
        "parameters": (*process.parameters, *process.fixed),
        "spike_exp": getattr(neuron, "spike_exp", None),
        "reset": reset,
        "record": recorded(stage),
    }


def _describe_connection(plan: Plan, edge: Edge) -> dict[str, Any]:
    connection = plan.program.connections[edge.index]
    synapse = edge.synapse
    return {
        "name": edge.name,
        "kind": SYNAPSES.of(synapse).kind,
        "source": edge.source,
        "from_input": edge.from_input,
        "target": edge.target,
        "port": edge.port,
        "source_shape": plan.program.node(connection.source).shape,
        "target_shape": plan.program.node(connection.target).shape,
        "group": f"#{edge.index}" if connection.group is None else f"={connection.group}",
        "message_bits": 0 if edge.binary else MESSAGE_BITS,
        **synapse.having("geometry"),
    }


def _numbers(plan: Plan, inputs: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return every array of the job by the name that the worker looks for."""
    arrays = {f"input{k}": data for k, data in enumerate(inputs)}
    for k, population in enumerate(plan.program.populations):
        process = NEURONS.of(population.neuron)
        for name in process.parameters:
            value = np.asarray(getattr(population.neuron, name))
            if name in process.one_for_all:
                value = np.array(value.flat[0])
            arrays[f"population{k}_{name}"] = value
        for name, number in process.fixed.items():
            arrays[f"population{k}_{name}"] = np.array(number)
    for k, connection in enumerate(plan.program.connections):
        for name, array in connection.synapse.having("weight", "delay").items():
            if array is not None:
                arrays[f"connection{k}_{name}"] = array
    return arrays


def time_limit_seconds(plan: Plan, batch: int, steps: int) -> float:
    """Return the wall time to allow: the environment variable, or ten times a slow machine's need.

    Per step 5 ms for each population and connection, and 10 ns for each weight (times 63 with
    delays), each kernel tap of an undecimated convolution and each neuron.
    """
    text = os.environ.get(TIMEOUT_VARIABLE)
    if text:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            raise EngineError(f"{TIMEOUT_VARIABLE} is {text!r}, expected seconds above 0")
        return seconds
    items = len(plan.stages) + len(plan.edges)
    work = float(plan.program.neurons)
    for edge in plan.edges:
        source = plan.program.node(plan.program.connections[edge.index].source).shape
        work += SYNAPSES.of(edge.synapse).work(edge.synapse, source)
    return 10 * (20 + batch * (2 + 0.1 * items + steps * (5e-3 * items + 1e-8 * work)))


# --- The run -------------------------------------------------------------------------------------


def run(
    plan: Plan, inputs: Sequence[NDArray[Any]], python: Path, limit_seconds: float
) -> list[dict[str, NDArray[Any]]]:
    """Run ``inputs`` in Lava and return per stage variable -> ``(batch, steps, *shape)``.

    ``s`` is among them for every stage. Raises EngineError; leaves no file and no process behind.
    """
    batch, steps = inputs[0].shape[:2]
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-") as name:
        directory = Path(name)
        try:
            description = json.dumps(describe(plan, batch, steps))
            (directory / "job.json").write_text(description)
            with (directory / "arrays.npz").open("wb") as file:
                write_npz(file, _numbers(plan, inputs))
            progress = _file(directory, "progress", (2,), np.int64)
            files = [_files(directory, stage, batch, steps) for stage in plan.stages]
        except OSError as error:
            raise EngineError(f"engine 'lava': {directory}: {error.strerror}") from error
        finished = _start(directory, python, limit_seconds)
        if not finished:
            raise EngineError(
                f"engine 'lava': stopped after {limit_seconds:g} s at step {progress[1]} of {steps}"
                f", sample {progress[0]} of {batch}; allow more with {TIMEOUT_VARIABLE} (seconds)"
            )
        return [{name: np.array(array) for name, array in stage.items()} for stage in files]


def _files(directory: Path, stage: Stage, batch: int, steps: int) -> dict[str, NDArray[Any]]:
    shape = (batch, steps, *stage.population.shape)
    return {
        name: _file(directory, f"{stage.index}_{name}", shape, record_dtype(stage, name))
        for name in recorded(stage)
    }


def _file(
    directory: Path, name: str, shape: tuple[int, ...], dtype: type[np.generic]
) -> NDArray[Any]:
    """Map a new file at its full size: a full disk shows here, not as a bus error later."""
    path = directory / f"{name}.npy"
    npy: Any = np.lib.format  # typed in some versions of numpy only
    array: NDArray[Any] = npy.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def recorded(stage: Stage) -> list[str]:
    """Return the variables that Lava records: those asked for and ``s``, for the counts."""
    return sorted({"s", *stage.recorded})


def record_dtype(stage: Stage, name: str) -> type[np.generic]:
    """Return uint8 for spikes, int32 for messages and states."""
    return np.uint8 if name == "s" and not stage.population.neuron.graded else np.int32


def _start(directory: Path, python: Path, limit_seconds: float) -> bool:
    """Run the worker; return False on a time-out, raise EngineError when it fails."""
    environment = {**os.environ, **NUMPY_ENVIRONMENT}
    if python != Path(sys.executable):
        environment = {k: v for k, v in environment.items() if not k.startswith("PYTHON")}
    log = directory / "log.txt"
    with log.open("wb") as output:
        try:
            worker = subprocess.Popen(
                [str(python), str(WORKER), str(directory)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"engine 'lava': {python}: {error.strerror}") from error
    try:
        code = worker.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        return False
    finally:
        _end(worker, directory)
    if code != 0:
        raise _failure(directory, python, code)
    return True


def _end(worker: subprocess.Popen[bytes], directory: Path) -> None:
    """Have the supervisor end Lava's processes, and wait for it; if it is dead, do it for it."""
    if worker.stdin is not None:
        with suppress(BrokenPipeError), worker.stdin:
            worker.stdin.write(b"stop")
    try:
        worker.wait(_CLEAN_UP_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    if worker.returncode < 0:
        with suppress(OSError, ValueError):
            os.killpg(int((directory / "group").read_text()), signal.SIGKILL)


def _failure(directory: Path, python: Path, code: int) -> EngineError:
    """Return the error to raise: one line, with the whole log as its cause."""
    log = (directory / "log.txt").read_text(errors="replace").strip()
    failure = directory / "failure.txt"
    text = failure.read_text(errors="replace") if failure.exists() else ""
    lines = (text or log).splitlines()
    last = (lines[0] if text else lines[-1]) if lines else f"ended with status {code}"
    error = EngineError(f"engine 'lava': {last} ({python})")
    error.__cause__ = RuntimeError(f"Lava's processes wrote:\n{text}\n{log}")
    return error
