"""Bad usage and bad input: one line on stderr, exit code 2, and nothing written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodeploy.cli import VERBS
from neurodeploy.errors import NeurodeployWarning

SIMULATE = "simulate p.h5 --input x.npy --output t.npz --engine reference"
COMPARE = "compare p.h5 --input x.npy --engines reference,native"

USAGE = {
    "simualte p.h5": "neurodeploy: no verb 'simualte', did you mean 'simulate'?",
    "xyzzy": "neurodeploy: no verb 'xyzzy', known are "
    + ", ".join(v.__name__.strip("_") for v in VERBS),
    "--verison": "neurodeploy: no option --verison, did you mean '--version'?",
    "doctor --jsn": "neurodeploy doctor: no option --jsn, did you mean '--json'?",
    "doctor x": "neurodeploy doctor: got unexpected extra argument(s) (x)",
    "inspect": "neurodeploy inspect: PROGRAM is missing; see neurodeploy inspect --help",
    "simulate p.h5": "neurodeploy simulate: --input is missing; see neurodeploy simulate --help",
    "convert p.h5": "neurodeploy convert: DST is missing; see neurodeploy convert --help",
    f"{SIMULATE} --imput y.npy": (
        "neurodeploy simulate: no option --imput, did you mean '--input'?"
    ),
    f"{SIMULATE} --steps": "neurodeploy simulate: option '--steps' requires an argument",
    f"{SIMULATE} --steps two": "neurodeploy simulate: --steps: 'two' is not a whole number",
    f"{SIMULATE} --steps 1.5": "neurodeploy simulate: --steps: '1.5' is not a whole number",
}
OPTIONS = {
    f"{SIMULATE} --steps -1": "--steps is -1, allowed are 0 to 2147483647",
    f"{SIMULATE} --engine fpga": ("--engine is 'fpga', expected one of native, reference, lava"),
    f"{SIMULATE} --timing late": "--timing is 'late', expected one of aligned, pipelined",
    f"{SIMULATE} --weights half": "--weights is 'half', expected one of exact, lava",
    f"{SIMULATE} --reset-interval 0": "--reset-interval is 0, allowed are 1 to 2147483647",
    f"{SIMULATE} --input-bits 99": "--input-bits is 99, allowed are 0 to 32",
    f"{SIMULATE} --threads 0": "--threads is 0, allowed are 1 to 2147483647",
    f"{SIMULATE} --record s,w": (
        "--record: no variable 'w', known are s, u, v, vth, sigma, act, re, im"
    ),
    f"{SIMULATE} --engine lava --timing aligned": (
        "engine 'lava' runs pipelined only; use --timing pipelined"
    ),
    f"{COMPARE} --engines native": "--engines is 'native', expected two or more different ones",
    f"{COMPARE} --engines native,gpu": (
        "--engines: no engine 'gpu', there are native, reference, lava"
    ),
    "inspect p.h5 --num-layers 1": (
        "p.h5: --num-layers is 1, which is for NetX files; this is a program container"
    ),
    "inspect p.h5 --input-shape 3x4": (
        "--input-shape is '3x4', expected N or W,H,C such as 28,28,1"
    ),
    "convert p.h5 q.h5 --from nir5": "--from is 'nir5', expected one of netx, program, nir",
    "convert p.h5 q.h5 --to nir5": "--to is 'nir5', expected one of netx, program, nir",
    "convert p.h5 q.onnx": "q.onnx: ends in '.onnx', expected .net, .h5 or .nir",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage_is_one_line(files: Path, cli: Any, arguments: str) -> None:
    code, out, err = cli(*arguments.split())
    assert (code, out, err) == (2, "", USAGE[arguments] + "\n")


@pytest.mark.parametrize("arguments", OPTIONS)
def test_wrong_option_is_one_line_and_writes_nothing(files: Path, cli: Any, arguments: str) -> None:
    before = sorted(files.iterdir())
    code, out, err = cli(*arguments.split())
    verb = arguments.split()[0]
    assert (code, out, err) == (2, "", f"neurodeploy {verb}: {OPTIONS[arguments]}\n")
    assert sorted(files.iterdir()) == before


INPUTS = {
    "floats": (
        np.zeros((5, 4)),
        "bad.npy: input x: has dtype float64, expected integers; convert with "
        "np.rint(x * scale).astype(np.int32), or encode it into spikes",
    ),
    "not a number": (
        np.full((5, 4), np.nan),
        "bad.npy: input x: has dtype float64, expected integers; convert with "
        "np.rint(x * scale).astype(np.int32), or encode it into spikes",
    ),
    "text": (np.array([["a"] * 4]), "bad.npy: input x: has dtype <U1, expected integers or bool"),
    "rank": (
        np.zeros((4,), int),
        "bad.npy: input x: has shape (4,), expected (steps, 4) or (batch, steps, 4)",
    ),
    "width": (
        np.zeros((5, 3), int),
        "bad.npy: input x: has shape (5, 3), expected (steps, 4) or (batch, steps, 4)",
    ),
    "wide values": (
        np.full((5, 4), 2**31),
        "bad.npy: input x: holds 2147483648, allowed are -2147483648 to 2147483647",
    ),
    "empty batch": (
        np.zeros((0, 5, 4), int),
        "bad.npy: holds an empty batch, expected at least one sample",
    ),
}


@pytest.mark.parametrize(("array", "line"), INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("verb", ["simulate", "compare"])
def test_wrong_input_is_one_line(
    files: Path, cli: Any, verb: str, array: np.ndarray[Any, Any], line: str
) -> None:
    np.save(files / "bad.npy", array)
    tail = ["--output", "t.npz"] if verb == "simulate" else []
    code, out, err = cli(verb, "p.h5", "--input", "bad.npy", *tail)
    assert (code, out, err) == (2, "", f"neurodeploy {verb}: {line}\n")
    assert not (files / "t.npz").exists()


def pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object))


def truncated(path: Path) -> None:
    np.save(path, np.zeros((5, 4), int))
    path.write_bytes(path.read_bytes()[:-1])


def boastful(path: Path) -> None:
    """A header that claims 2^60 bytes."""
    np.save(path, np.zeros((1, 1), int))
    path.write_bytes(path.read_bytes().replace(b"(1, 1), }      ", b"(2**0, ), }    ", 1))


def several(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(1), b=np.zeros(1))


def broken_archive(path: Path) -> None:
    several(path)
    path.write_bytes(path.read_bytes()[:80])


FILES = {
    "text": (lambda path: path.write_text("1 2 3"), "is no .npy or .npz file"),
    "empty": (lambda path: path.touch(), "is no .npy or .npz file"),
    "pickled": (pickled, "is damaged or holds no plain array: "),
    "truncated": (truncated, "is damaged or holds no plain array: "),
    "boastful": (boastful, "is damaged or holds no plain array: "),
    "several": (several, "holds arrays a, b; expected x, the inputs of the program\n"),
    "broken archive": (broken_archive, "is damaged or holds no plain array: "),
}


@pytest.mark.parametrize(("make", "line"), FILES.values(), ids=FILES)
def test_wrong_input_file_is_one_line(files: Path, cli: Any, make: Any, line: str) -> None:
    make(files / "bad.npy")
    code, out, err = cli("simulate", "p.h5", "--input", "bad.npy", "--output", "t.npz")
    assert (code, out) == (2, "")
    assert err.startswith(f"neurodeploy simulate: bad.npy: {line}")
    assert err.count("\n") == 1
    assert not (files / "t.npz").exists()


def test_missing_and_unreadable_files_are_one_line(files: Path, cli: Any) -> None:
    (files / "text.h5").write_text("no program")
    lines = {
        ("inspect", "absent.h5"): "absent.h5",
        ("inspect", "."): ".",
        ("inspect", "text.h5"): "text.h5",
        ("compare", "p.h5", "--input", "absent.npy"): "absent.npy: no such file or directory",
    }
    for arguments, start in lines.items():
        code, out, err = cli(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"neurodeploy {arguments[0]}: {start}")


def test_output_that_cannot_be_written_is_one_line(files: Path, cli: Any) -> None:
    simulate = (*SIMULATE.split()[:4], "--engine", "reference", "--output")
    code, _, err = cli(*simulate, "absent/t.npz")
    assert (code, err) == (2, "neurodeploy simulate: absent/t.npz: no such file or directory\n")
    code, _, err = cli(*simulate, files)
    expected = f"neurodeploy simulate: {files}: is not a regular file and cannot be replaced\n"
    assert (code, err) == (2, expected)


FULL_DISK = """
import resource
from neurodeploy.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="file size limits need POSIX")
def test_full_disk_is_one_line_and_leaves_nothing(files: Path) -> None:
    """A limit of 256 bytes a file stands for the full disk; a process of its own bears it."""
    before = sorted(files.iterdir())
    command = [sys.executable, "-c", FULL_DISK, *SIMULATE.split()]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    line = "neurodeploy simulate: t.npz: file too large\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", line)
    assert sorted(files.iterdir()) == before


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("neurodeploy.summary.summarise", fail)


def test_lack_of_memory_is_one_line(files: Path, cli: Any, monkeypatch: Any) -> None:
    fail_with(monkeypatch, MemoryError("Unable to allocate 3 TiB"))
    line = "neurodeploy inspect: not enough memory, Unable to allocate 3 TiB; "
    line += "take fewer samples or steps at a time, or record less\n"
    assert cli("inspect", "p.h5") == (2, "", line)


def test_bug_keeps_its_traceback_and_has_its_own_code(
    files: Path, cli: Any, monkeypatch: Any
) -> None:
    fail_with(monkeypatch, ZeroDivisionError("oops"))
    code, out, err = cli("inspect", "p.h5")
    assert (code, out) == (70, "")
    assert "ZeroDivisionError: oops" in err
    assert err.endswith("this is a bug of neurodeploy, please report the lines above\n")


def test_interruption_is_one_line(files: Path, cli: Any, monkeypatch: Any) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    line = "neurodeploy inspect: interrupted, no file was left half-written\n"
    assert cli("inspect", "p.h5") == (130, "", line)


def test_termination_inside_a_read_is_no_damaged_file(
    files: Path, cli: Any, monkeypatch: Any
) -> None:
    opened = h5py.File

    def stopped(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return opened(*arguments, **options)

    monkeypatch.setattr(h5py, "File", stopped)
    line = "neurodeploy inspect: terminated, no file was left half-written\n"
    assert cli("inspect", "p.h5") == (143, "", line)


def test_warning_is_one_line(files: Path, cli: Any, monkeypatch: Any) -> None:
    import neurodeploy.summary

    summarise = neurodeploy.summary.summarise

    def warned(program: Any) -> Any:
        warnings.warn("a\nb", NeurodeployWarning, stacklevel=1)
        return summarise(program)

    monkeypatch.setattr("neurodeploy.summary.summarise", warned)
    code, out, err = cli("inspect", "p.h5")
    assert (code, err) == (0, "warning: a b\n")
    assert "hidden" in out


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_closed_pipe_ends_quietly(files: Path) -> None:
    command = (
        f'"{sys.executable}" -m neurodeploy inspect p.h5 --json | true; exit ${{PIPESTATUS[0]}}'
    )
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert result.stderr == ""
    assert result.returncode in (0, 141)
