"""Lava's processes: found, bounded in time, ended together, and clear about what went wrong.

Tests that need Lava are skipped where neither this interpreter nor NEURODEPLOY_LAVA_PYTHON has it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava_chain import LAVA, LIF, assert_lava_equals_reference, chain, needs_lava, spikes

import neurodeploy as nd
from neurodeploy.errors import EngineError
from neurodeploy.sim import lava_job
from neurodeploy.sim.lava import LavaEngine
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare

# --- The interpreter -----------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this interpreter had no Lava."""
    monkeypatch.setattr(lava_job, "_has_lava", lambda: False)
    monkeypatch.delenv(lava_job.PYTHON_VARIABLE, raising=False)


def test_without_an_interpreter_the_error_says_what_to_install(elsewhere: None) -> None:
    with pytest.raises(EngineError) as caught:
        nd.compile(chain(LIF), engine="lava", **LAVA)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert str(caught.value) == (
        f"engine 'lava': this Python {version} has no Lava, which needs Python 3.10; install "
        "lava-nc==0.10.0 and lava-dl==0.6.0 there and set NEURODEPLOY_LAVA_PYTHON to its "
        "interpreter"
    )


def test_a_named_interpreter_that_is_no_program_is_refused(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(tmp_path))
    with pytest.raises(EngineError) as caught:
        lava_job.interpreter()
    assert str(caught.value) == (
        f"engine 'lava': NEURODEPLOY_LAVA_PYTHON is {str(tmp_path)!r}, "
        "expected an executable Python 3.10"
    )


def test_a_named_interpreter_without_lava_fails_with_its_last_line(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(python))
    with pytest.raises(EngineError) as caught:
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
    assert str(caught.value) == (
        f"engine 'lava': ModuleNotFoundError: No module named 'numpy' ({python})"
    )


@needs_lava
def test_the_named_interpreter_runs_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = tmp_path / "python3.10"
    link.write_text(f'#!/bin/sh\nexec "{lava_job.interpreter()}" "$@"\n')
    link.chmod(0o755)
    monkeypatch.setattr(lava_job, "_has_lava", lambda: False)
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(link))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "sim"))  # must not reach it
    assert_lava_equals_reference(chain(LIF), spikes(8, 5))


# --- Time, failure and cleaning up ---------------------------------------------------------------

MARK = "NEURODEPLOY_TEST_MARK"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Mark the processes of this test by an environment variable, its files by a directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    yield mark
    assert _processes(mark) == []
    assert list(tmp_path.iterdir()) == []


def _processes(mark: str) -> list[int]:
    """Process ids, zombies included, that carry ``mark``; this process and its parent aside."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def _children_are_zombies() -> bool:
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def slow() -> tuple[nd.Program, np.ndarray[Any, Any]]:
    """A program and an input that keep Lava busy for minutes."""
    return chain(LIF, size=60, delay=np.full((60, 1), 62)), spikes(60_000, 60)


linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


@needs_lava
@linux
def test_a_time_out_ends_the_whole_group(marked: str) -> None:
    program, x = slow()
    engine = LavaEngine(prepare(program, RunOptions(engine="lava", **LAVA)), timeout_seconds=4)
    with pytest.raises(EngineError, match=r"engine 'lava': stopped after 4 s at step \d+ of 60000"):
        engine.advance(engine.fresh(1), [x[None].astype(np.uint8)])
    assert not _children_are_zombies()


@needs_lava
@linux
def test_the_environment_sets_the_time_limit(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, x = slow()
    monkeypatch.setenv(lava_job.TIMEOUT_VARIABLE, "0.5")
    with pytest.raises(EngineError) as caught:
        nd.simulate(program, x, engine="lava", **LAVA)
    assert str(caught.value) == (
        "engine 'lava': stopped after 0.5 s at step 0 of 60000, sample 0 of 1; allow more with "
        "NEURODEPLOY_LAVA_TIMEOUT (seconds)"
    )


@pytest.mark.parametrize("text", ["0", "-3", "soon", "nan", "inf"])
def test_a_time_limit_that_is_no_time_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lava_job.TIMEOUT_VARIABLE, text)
    plan = prepare(chain(LIF), RunOptions(engine="lava", **LAVA))
    with pytest.raises(EngineError) as caught:
        lava_job.time_limit_seconds(plan, 1, 1)
    assert str(caught.value) == (f"NEURODEPLOY_LAVA_TIMEOUT is {text!r}, expected seconds above 0")


def test_the_time_limit_grows_with_size_steps_and_samples() -> None:
    small = prepare(chain(LIF), RunOptions(engine="lava", **LAVA))
    large = prepare(slow()[0], RunOptions(engine="lava", **LAVA))
    limit = lava_job.time_limit_seconds
    assert limit(small, 1, 10) < limit(small, 1, 1000) < limit(large, 1, 1000)
    assert limit(small, 1, 10) < limit(small, 100, 10)


@needs_lava
@linux
def test_a_failure_inside_lava_is_reported_with_its_place(marked: str) -> None:
    """Lava casts the float64 sum of a convolution to int32: beyond that the result is undefined."""
    program = nd.Program(
        (nd.Input("input", (1, 2, 2), 32),),
        (nd.Population("map", (1, 2, 2), LIF),),
        (nd.Connection("input", "map", nd.Conv2d([[[[200]]]])),),
        nd.Readout("map"),
    )
    x = np.zeros((6, 1, 2, 2), np.int32)
    x[3, 0, 1, 1] = 2**25
    with pytest.raises(EngineError) as caught:
        nd.simulate(program, x, engine="lava", **LAVA)
    assert str(caught.value) == (
        "engine 'lava': connection input->map at step 4: OverflowError: a sum leaves int32, what "
        f"Lava makes of it is undefined ({lava_job.interpreter()})"
    )
    assert "Traceback" in str(caught.value.__cause__)


@needs_lava
@linux
def test_a_failure_while_building_is_reported(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = lava_job._numbers

    def without_weight(*arguments: Any) -> Any:
        arrays = numbers(*arguments)
        del arrays["connection0_weight"]
        return arrays

    monkeypatch.setattr(lava_job, "_numbers", without_weight)
    with pytest.raises(EngineError) as caught:
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
    assert str(caught.value) == (
        f"engine 'lava': KeyError: 'connection0_weight' ({lava_job.interpreter()})"
    )


@needs_lava
@linux
def test_a_killed_process_of_lava_ends_the_run(marked: str) -> None:
    program, x = slow()
    threading.Thread(target=_kill_a_leaf, args=(marked,)).start()
    with pytest.raises(EngineError, match="a process of Lava was ended by SIGKILL"):
        nd.simulate(program, x, engine="lava", **LAVA)


def _kill_a_leaf(mark: str) -> None:
    """Wait until Lava's processes run, then kill one of those that have no children."""
    while True:
        time.sleep(0.2)
        parents = {pid: _parent(pid) for pid in _processes(mark)}
        leaves = [
            pid
            for pid in parents
            if pid not in parents.values() and b"lava_worker" in _command(pid)
        ]
        if len(leaves) >= 4:  # input, synapse, neuron, runtime service
            time.sleep(1)
            os.kill(max(leaves), signal.SIGKILL)
            return


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


SCRIPT = """
import signal, sys, tempfile
import numpy as np
import neurodeploy as nd
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
tempfile.tempdir = sys.argv[1]
dense = nd.Dense(np.full((60, 60), 3), delay=np.full((60, 1), 62))
program = nd.Program(
    (nd.Input("input", (60,)),),
    (nd.Population("layer0", (60,), nd.CubaLif(1024, 256, 40)),),
    (nd.Connection("input", "layer0", dense),),
    nd.Readout("layer0"),
)
print("ready", flush=True)
x = np.ones((60000, 60), np.uint8)
nd.simulate(program, x, engine="lava", timing="pipelined", weights="lava")
"""


@needs_lava
@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_the_caller_ends_lava_and_removes_its_files(
    marked: str, number: signal.Signals, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"ready\n"
        while len(_processes(marked)) < 6:
            time.sleep(0.1)
        caller.send_signal(number)
        caller.wait(30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (_processes(marked) or list(tmp_path.iterdir())):
        time.sleep(0.1)


@needs_lava
@linux
def test_a_full_disk_is_named_before_the_run(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EngineError, match=r"^engine 'lava': .*: No space left on device$"):
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
