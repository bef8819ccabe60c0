"""Blocks give the same files wherever they are done, and however often they are interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from presentations import given_columns
from toy_suite import Parity

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.demo import shipped_program
from neurodeploy.errors import EngineError, NeurodeployError, OptionError
from neurodeploy.verification.campaign import Keeping, Spread, conduct
from neurodeploy.verification.suites import Subject
from neurodeploy.verification.verdicts import SUITES, ask, chosen, subject_of

SAMPLES = 10


def program(feedback: bool = False) -> nd.Program:
    connections = [nd.Connection("x", "a", nd.Dense(np.ones((3, 2), np.int32)))]
    if feedback:
        back = nd.Dense(np.ones((3, 3), np.int32))
        connections.append(nd.Connection("a", "a", back, feedback=True))
    return nd.Program(
        inputs=(nd.Input("x", (2,)),),
        populations=(nd.Population("a", (3,), nd.CubaLif(4096, 0, 1)),),
        connections=tuple(connections),
        readout=nd.Readout("a"),
    )


def subject(network: nd.Program | None = None) -> Subject:
    data = given_columns(np.ones((SAMPLES, 4, 2), np.int32))
    return subject_of(network or program(), data, name="ones")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "verify").iterdir())}


def test_lines_come_in_the_order_of_the_data(tmp_path: Path) -> None:
    verdict = conduct(Parity(), subject(), keeping=Keeping(tmp_path))
    assert [(line.sample, line.turn) for line in verdict.lines] == [
        (sample, turn) for sample in range(SAMPLES) for turn in range(2)
    ]
    assert [row.odd for row in verdict.rows] == [5, 5]
    assert set(files(tmp_path)) == {"parity.jsonl", "parity.npy"}
    stored = np.load(tmp_path / "verify" / "parity.npy")
    assert stored.tolist() == [10 * s + t for s in range(SAMPLES) for t in range(2)]


def test_the_first_line_says_what_the_rest_belongs_to(tmp_path: Path) -> None:
    asked = subject()
    conduct(Parity(), asked, keeping=Keeping(tmp_path))
    head = json.loads((tmp_path / "verify" / "parity.jsonl").read_text().splitlines()[0])
    assert (head["format"], head["kind"]) == (1, "parity")
    assert (head["program"], head["data"]) == (asked.program.digest, asked.data.digest)
    assert head["settings"]["turns"] == 2
    assert head["settings"]["run"]["timing"] == "aligned"


@pytest.mark.parametrize("jobs", [2, 3])
def test_processes_change_nothing(tmp_path: Path, jobs: int) -> None:
    conduct(Parity(), subject(), keeping=Keeping(tmp_path / "one"))
    spread = Spread(jobs)
    conduct(Parity(), subject(), keeping=Keeping(tmp_path / "more"), spread=spread)
    assert files(tmp_path / "one") == files(tmp_path / "more")


@pytest.mark.parametrize("stop", [0, 2, 3, 7, 9])
def test_an_interrupted_run_keeps_what_is_done_and_goes_on(tmp_path: Path, stop: int) -> None:
    conduct(Parity(), subject(), keeping=Keeping(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        conduct(Parity(stop=stop), subject(), keeping=Keeping(tmp_path / "cut"))
    kept = (tmp_path / "cut" / "verify" / "parity.jsonl").read_text().splitlines()
    assert len(kept) == 1 + 2 * (stop // 3 * 3)
    conduct(Parity(), subject(), keeping=Keeping(tmp_path / "cut", resume=True))
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_a_block_whose_lines_are_cut_is_done_again(tmp_path: Path) -> None:
    conduct(Parity(), subject(), keeping=Keeping(tmp_path))
    whole = files(tmp_path)
    path = tmp_path / "verify" / "parity.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:10]) + b'{"sam')
    conduct(Parity(), subject(), keeping=Keeping(tmp_path, resume=True))
    assert files(tmp_path) == whole


def test_a_stream_is_one_block(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    streamed = subject(program(feedback=True))
    assert streamed.recipe.streamed
    conduct(Parity(), streamed, report=lambda *what: told.append(what))
    assert told == [("parity", 0, SAMPLES), ("parity", SAMPLES, SAMPLES)]


def test_progress_is_told_block_by_block() -> None:
    told: list[int] = []
    conduct(Parity(), subject(), report=lambda _, done, __: told.append(done))
    assert told == [0, 3, 6, 9, 10]


def test_a_suite_from_outside_needs_one_line() -> None:
    SUITES.add("parity", Parity)
    try:
        found = ask(subject(), chosen(["parity"]))
    finally:
        SUITES.remove("parity")
    assert found.to_dict()["suites"]["parity"] == {
        "settings": {"turns": 2},
        "summary": [{"turn": 0, "odd": 5}, {"turn": 1, "odd": 5}],
    }


BAD = {
    "jobs is 0, expected 1 or more": lambda: Spread(0),
    "jobs and scheduler exclude each other": lambda: Spread(2, "tcp://x"),
    "suites are parity, parity, expected each once": lambda: ask(subject(), (Parity(), Parity())),
    "turns is 0, expected 1 or more": lambda: ask(subject(), (Parity(turns=0),)),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_asked_is_refused(message: str) -> None:
    with pytest.raises(OptionError, match=message):
        BAD[message]()


def test_dask_workers_change_nothing_and_a_dead_scheduler_is_one_line(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    conduct(Parity(), subject(), keeping=Keeping(tmp_path / "one"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        spread = Spread(scheduler=cluster.scheduler_address)
        conduct(Parity(), subject(), keeping=Keeping(tmp_path / "dask"), spread=spread)
    assert files(tmp_path / "one") == files(tmp_path / "dask")


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("neurodeploy.verification.campaign.CONNECT_SECONDS", 1)
    with pytest.raises(
        EngineError, match=r"tcp://127\.0\.0\.1:9 does not answer within 1 s"
    ) as caught:
        conduct(Parity(), subject(), spread=Spread(scheduler="tcp://127.0.0.1:9"))
    assert "\n" not in str(caught.value) and isinstance(caught.value, NeurodeployError)


@pytest.mark.skipif(os.name != "posix", reason="kills a process as POSIX does")
def test_verify_goes_on_after_kill_9(tmp_path: Path) -> None:
    """Killed twice at a random moment; ``benchmarks/kill_verify.py`` does it 20 times."""
    jobs = 2
    container.write(shipped_program(), tmp_path / "p.h5")

    def command(out: str, *more: str) -> list[str]:
        arguments = ("verify", "p.h5", "--data", "digits", "--suite", "noise", "--out", out)
        return [sys.executable, "-m", "neurodeploy", *arguments, "--jobs", str(jobs), *more]

    run = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    began = time.monotonic()
    subprocess.run(command("whole"), check=True, **run)  # type: ignore[call-overload]
    seconds = time.monotonic() - began
    moments = random.Random(jobs)
    for attempt in range(2):
        started = subprocess.Popen(  # type: ignore[call-overload]
            command("cut", *(["--resume"] if attempt else [])), start_new_session=True, **run
        )
        time.sleep(moments.uniform(0.3, 1.0) * seconds)
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    more = ["--resume"] if (tmp_path / "cut" / "verify" / "noise.jsonl").exists() else []
    subprocess.run(command("cut", *more), check=True, **run)  # type: ignore[call-overload]
    for name in ("verify/noise.jsonl", "verify.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
