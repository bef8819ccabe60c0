"""What the verbs print and write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.cli import VERBS, running
from neurodeploy.converters import load

GOLDEN = Path(__file__).parents[1] / "golden"
SIMULATE = "simulate p.h5 --input x.npy --output t.npz --engine reference"


def test_help_lists_the_verbs_in_the_order_of_need(cli: Any) -> None:
    code, out, _ = cli("--help")
    commands = out[out.index("Commands") :]
    names = [verb.__name__.rstrip("_") for verb in VERBS]
    places = [commands.index(f" {name} ") for name in names]
    assert code == 0
    assert places == sorted(places)
    assert cli() == cli("--help")


def test_version_is_printed(cli: Any) -> None:
    assert cli("--version") == (0, f"{nd.__version__}\n", "")


def test_module_is_the_command(files: Path, program: nd.Program) -> None:
    command = [sys.executable, "-m", "neurodeploy", "inspect", "p.h5", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(result.stdout)["digest"] == program.digest


def test_simulate_writes_what_the_api_returns(files: Path, cli: Any, program: nd.Program) -> None:
    code, out, err = cli(*SIMULATE.split(), "--record", "s,u,v", "--steps", "12")
    assert (code, err) == (0, "")
    assert out.startswith("6 samples, 12 steps, 8 neurons in ")
    options: dict[str, Any] = {"engine": "reference", "steps": 12, "record": ("s", "u", "v")}
    expected = nd.simulate(program, np.load("x.npy"), **options)
    with np.load("t.npz") as written:
        assert set(written) == set(expected.flat())
        for name, array in expected.flat().items():
            assert np.array_equal(written[name], array)
            assert written[name].dtype == array.dtype


def test_simulate_json_has_the_exact_counts(files: Path, cli: Any, program: nd.Program) -> None:
    _, out, _ = cli(*SIMULATE.split(), "--json")
    expected = nd.simulate(program, np.load("x.npy"), engine="reference")
    found = json.loads(out)
    assert found["activity"] == expected.activity.totals()
    assert found["arrays"] == {"layer0_s": [6, 10, 5], "layer1_s": [6, 10, 3]}


def test_archive_may_name_its_arrays_after_the_inputs(files: Path, cli: Any) -> None:
    x = np.load("x.npy")
    np.savez("two.npz", x=x, y=np.zeros(3))
    np.savez("one.npz", anything=x)
    for name in ("two.npz", "one.npz"):
        assert cli(*SIMULATE.replace("x.npy", name).split())[0] == 0
        with np.load("t.npz") as written:
            assert written["layer0_s"].shape == (6, 10, 5)


@pytest.mark.parametrize("stream", [False, True])
def test_pieces_give_the_trace_of_one_run(
    files: Path, cli: Any, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    if stream:
        np.save("x.npy", np.load("x.npy")[0])
    arguments = [*SIMULATE.split(), "--record", "s,u,v", "--steps", "13", "--json"]
    arguments += ["--timing", "pipelined", "--reset-interval", "4"]
    _, whole, _ = cli(*arguments)
    with np.load("t.npz") as file:
        expected = dict(file)
    monkeypatch.setitem(running.PIECE, "reference", 2 * 8 if stream else 4 * 8 * 13)
    _, pieces, _ = cli(*arguments)
    with np.load("t.npz") as file:
        assert set(file) == set(expected)
        assert all(np.array_equal(file[name], expected[name]) for name in expected)
    first, second = json.loads(whole), json.loads(pieces)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_long_runs_say_how_far_they_are(
    files: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(running.PIECE, "reference", 1)
    monkeypatch.setattr(running, "LINE_SECONDS", 0.0)
    code, _, err = cli(*SIMULATE.split())
    lines = [f"simulated {count} of 6 samples" for count in range(1, 6)]
    assert (code, err.splitlines()) == (0, lines)


def cases() -> list[dict[str, Any]]:
    return list(json.loads((GOLDEN / "index.json").read_text()))


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_golden_case_is_reproduced_through_the_command_line(
    tmp_path: Path, cli: Any, case: dict[str, Any], engine: str
) -> None:
    folder = GOLDEN / case["name"]
    output = tmp_path / "trace.npz"
    options = {
        "--engine": engine,
        "--timing": "pipelined",
        "--weights": "lava",
        "--reset-interval": case["reset_interval"],
        "--reset-offset": case["reset_offset"],
        "--input-bits": case["num_message_bits"],
        "--record": "s,u,v,sigma,act,re,im",
    }
    flat = [str(item) for pair in options.items() for item in pair]
    arguments = ["--input", folder / "case.npz", "--output", output, *flat]
    code, _, err = cli("simulate", folder / "network.net", *arguments)
    assert (code, [line for line in err.splitlines() if not line.startswith("warning")]) == (0, [])
    with np.load(folder / "case.npz") as golden, np.load(output) as found:
        names = {name for name in golden if name.startswith("layer")}
        assert names <= set(found)
        assert all(np.array_equal(golden[name], found[name]) for name in names)


def test_compare_says_equal(files: Path, cli: Any) -> None:
    arguments = ["compare", "p.h5", "--input", "x.npy", "--engines", "reference,native"]
    code, out, err = cli(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("equal: reference, native; 1,440 values of 8 neurons")
    code, out, _ = cli(*arguments, "--json")
    assert (code, json.loads(out)["equal"]) == (0, True)


def test_convert_keeps_the_program(files: Path, cli: Any, program: nd.Program) -> None:
    code, out, err = cli("convert", "p.h5", "q.net")
    assert code == 0
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert cli("convert", "q.net", "r.h5")[0] == 0
    again = load("r.h5")
    assert out.startswith(f"q.net: 2 populations, digest {again.digest}\nq_run.py: ")
    assert again.digest in Path("q_run.py").read_text()
    assert [c.synapse for c in again.connections] == [c.synapse for c in program.connections]
    assert cli("convert", "p.h5", "copy", "--to", "program")[0] == 0
    assert load("copy") == program


def test_long_names_are_wrapped_and_hide_nothing(files: Path, cli: Any) -> None:
    names = ("convolution_block_with_a_rather_long_name", "dense_block_with_a_rather_long_name")
    lif = nd.CubaLif(1024, 512, 40)
    program = nd.Program(
        inputs=(nd.Input("x", (4,)),),
        populations=tuple(nd.Population(name, (5,), lif) for name in names),
        connections=(
            nd.Connection("x", names[0], nd.Dense(np.full((5, 4), 3))),
            nd.Connection(names[0], names[1], nd.Dense(np.full((5, 5), 7))),
        ),
        readout=nd.Readout(names[1]),
    )
    nd.save(program, "long.h5")
    _, out, _ = cli("inspect", "long.h5")
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
    assert [line.split()[-1] for line in out.splitlines() if "Dense 5x" in line] == ["20", "25"]
    _, out, _ = cli("simulate", "long.h5", "--input", "x.npy", "--output", "t.npz")
    assert "v saturated" in out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())


def test_doctor_names_what_is_here(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = cli("doctor")
    assert (code, err) == (0, "")
    code, text, _ = cli("doctor", "--json")
    found = json.loads(text)
    assert code == 0
    assert found["packages"]["numpy"] == np.__version__
    assert found["python"] in out
    assert found["engines"]["native"]["in_use"] in found["engines"]["native"]["instruction_sets"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "neurodeploy simulate: interrupted, no file was left half-written\n"),
        (signal.SIGTERM, 143, "neurodeploy simulate: terminated, no file was left half-written\n"),
    ],
)
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_stopped_simulation_leaves_no_file(
    files: Path, number: int, code: int, line: str, engine: str
) -> None:
    """Ten million steps run for minutes; the signal comes when the work has begun."""
    np.save("long.npy", np.ones((10_000_000, 4), np.uint8))
    before = sorted(files.iterdir())
    arguments = ["simulate", "p.h5", "--input", "long.npy", "--output", "t.npz"]
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED, *arguments, "--engine", engine],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", line)
    assert sorted(files.iterdir()) == before


STARTED = """
import signal
from neurodeploy.cli import main, running
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
begin = running.compile
def compile(*arguments, **options):
    simulator = begin(*arguments, **options)
    print("started", flush=True)
    return simulator
running.compile = compile
main()
"""
