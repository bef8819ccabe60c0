"""Every writer on a full disk: one line, exit code 2, the old file intact, nothing half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generate import random_program
from report.folders import digits_program, full_folder

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.converters import netx
from neurodeploy.run_folder import write_json

LEFT_BYTES = 4096
"""What still fits: small files are written, those under test are larger."""
Full = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def limited(_: Path) -> Iterator[None]:
    """A limit on the size of files: writing beyond it is an OSError too, without a disk to fill."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LEFT_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """A file that takes all but `LEFT_BYTES` of the disk of ``folder``."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(LEFT_BYTES)):
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - LEFT_BYTES))
    yield
    filler.unlink()


@pytest.fixture(params=["tmpfs", "RLIMIT_FSIZE"])
def place(
    request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Full]]:
    """A folder, made the current one, and how its disk is filled up."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if request.param == "RLIMIT_FSIZE":
        if os.name == "nt":
            pytest.skip("no limits on the size of files here")
        yield folder, limited
        return
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None or os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    monkeypatch.chdir(folder)
    try:
        yield folder, filled
    finally:
        monkeypatch.chdir(tmp_path)
        subprocess.run([unmount, str(folder)], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of ``folder`` but the filler."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "filler")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def program(seed: int) -> nd.Program:
    """A chain that NetX can carry, with more weights than are left of the disk."""
    weight = 2 * np.random.default_rng(seed).integers(-60, 60, (60, 100))
    return nd.Program(
        (nd.Input("x", 100),),
        (nd.Population("y", 60, nd.CubaLif(1024, 512, 40)),),
        (nd.Connection("x", "y", nd.Dense(weight)),),
        nd.Readout("y"),
    )


TRAINING = """
seed = {seed}
[data]
name = "digits"
train_samples = 200
validation_samples = 60
test_samples = 60
[encoder]
kind = "direct"
steps = 4
levels = 16
[[layer]]
kind = "dense"
size = 40
[[layer]]
kind = "dense"
size = 10
[training]
epochs = 1
batch = 50
threads = 1
"""


def prepared(folder: Path, seed: int) -> None:
    """Write what the verbs read."""
    container.write(program(seed), folder / "p.h5")
    rng = np.random.default_rng(seed)
    np.save(folder / "x.npy", rng.integers(0, 2, (3, 20, 100)))
    (folder / "c.toml").write_text(TRAINING.format(seed=seed))


VERBS = {
    "convert p.h5 out.h5": "out.h5",
    "convert p.h5 out.net": "out.net",
    "simulate p.h5 --input x.npy --output t.npz --record s,u,v": "t.npz",
}


@pytest.mark.parametrize("arguments", VERBS)
def test_verb_says_one_line_and_leaves_the_old_file(
    place: tuple[Path, Full], capsys: Any, arguments: str
) -> None:
    folder, full = place
    prepared(folder, 1)
    assert run(app, arguments.split()) == 0
    prepared(folder, 2)
    before = contents(folder)
    capsys.readouterr()
    with full(folder):
        code = run(app, arguments.split())
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(f"neurodeploy {arguments.split()[0]}: {VERBS[arguments]}: ")
    assert err.count("\n") == 1
    assert "space left" in err.lower() or "too large" in err.lower()
    assert contents(folder) == before
    assert run(app, arguments.split()) == 0
    assert contents(folder) != before


def test_report_keeps_the_old_page(place: tuple[Path, Full], capsys: Any) -> None:
    folder, full = place
    full_folder(folder / "run", digits_program())
    assert run(app, ["report", "run"]) == 0
    before = contents(folder)
    capsys.readouterr()
    with full(folder):
        assert run(app, ["report", "run"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("neurodeploy report: run/report.json: ")
    assert err.count("\n") == 1
    assert contents(folder) == before


VERIFY = "verify p.h5 --data digits --samples 40 --suite overflow --out run"


def test_verify_writes_no_half_of_a_file(place: tuple[Path, Full], capsys: Any) -> None:
    folder, full = place
    container.write(digits_program(), folder / "p.h5")
    with full(folder):
        code = run(app, VERIFY.split())
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("neurodeploy verify: run/")
    assert contents(folder).keys() == {"p.h5"}


def test_training_keeps_the_last_checkpoint(place: tuple[Path, Full], capsys: Any) -> None:
    """Torch raises a RuntimeError of its own, which used to end in a traceback."""
    pytest.importorskip("torch")
    folder, full = place
    prepared(folder, 1)
    before = contents(folder)
    with full(folder):
        code = run(app, ["train", "c.toml", "--out", "run"])
    err = capsys.readouterr().err
    assert code == 2
    assert err.startswith("neurodeploy train: run: checkpoint cannot be written: ")
    assert err.count("\n") == 1
    after = contents(folder)
    assert after.keys() - before.keys() == {"run/config.toml"}
    assert run(app, ["train", "c.toml", "--out", "run", "--resume"]) == 0


def test_checkpoint_that_does_not_fit_leaves_the_one_before(place: tuple[Path, Full]) -> None:
    torch = pytest.importorskip("torch")
    from neurodeploy.train.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

    folder, full = place
    good = Checkpoint("a", 1, {}, {}, 1, 0.5, {}, 1, torch.zeros(3))
    write_checkpoint(good, folder)
    before = contents(folder)
    bad = Checkpoint("a", 2, {"w": torch.zeros(10_000)}, {}, 1, 0.5, {}, 1, torch.zeros(3))
    with full(folder), pytest.raises(OSError, match=r"checkpoint\.pt"):
        write_checkpoint(bad, folder)
    assert contents(folder) == before
    again = read_checkpoint(folder, "a")
    assert again is not None
    assert again.epoch == 1


WRITERS: dict[str, Callable[[Path, int], object]] = {
    "container": lambda path, seed: container.write(program(seed), path),
    "netx": lambda path, seed: netx.write(program(seed), path.with_suffix(".net")),
    "json": lambda path, seed: write_json(path, {"x": [seed] * 5000}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_writer_leaves_the_old_file(place: tuple[Path, Full], name: str) -> None:
    folder, full = place
    WRITERS[name](folder / "x", 1)
    before = contents(folder)
    with full(folder), pytest.raises((OSError, nd.errors.NeurodeployError)) as error:
        WRITERS[name](folder / "x", 2)
    assert "\n" not in str(error.value)
    assert str(folder / "x") in str(error.value)
    assert contents(folder) == before


def test_lava_job_that_does_not_fit_is_one_error(
    place: tuple[Path, Full], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurodeploy.errors import EngineError
    from neurodeploy.sim.lava_job import run as run_job
    from neurodeploy.sim.options import RunOptions
    from neurodeploy.sim.plan import prepare

    folder, full = place
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    plan = prepare(program(1), RunOptions(engine="lava", timing="pipelined", weights="lava"))
    inputs = [np.zeros((2, 30, 100), np.uint8)]
    with full(folder), pytest.raises(EngineError, match=r"^engine 'lava': .*(space|large)"):
        run_job(plan, inputs, Path(sys.executable), 10.0)
    assert contents(folder) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("verb", ["inspect p.h5", "doctor --json", "profiles loihi2"])
def test_output_that_does_not_fit_is_one_line(tmp_path: Path, verb: str) -> None:
    container.write(random_program(np.random.default_rng(1)), tmp_path / "p.h5")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "neurodeploy", *verb.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
    name = verb.split()[0]
    assert done.stderr == f"neurodeploy {name}: no space left on device\n"
    assert done.returncode == 2
