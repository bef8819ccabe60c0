"""``report`` and what feeds it: whose numbers they are, and comparisons kept in the run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy import container
from neurodeploy.report import render
from neurodeploy.report.build import build_report

VERIFY = ("--data", "d.npz", "--engine", "reference", "--suite", "noise,overflow", "--out", "run")
COMPARE = ("compare", "p.h5", "--input", "x.npy", "--engines", "reference,native", "--out", "run")


@pytest.fixture
def labelled(files: Path) -> Path:
    """The folder of `files` with ``d.npz``: 50 samples of 6 steps for ``p.h5``, three classes."""
    rng = np.random.default_rng(3)
    np.savez(files / "d.npz", x=rng.integers(0, 2, (50, 6, 4)), y=np.arange(50) % 3)
    return files


def test_results_of_the_training_part_do_not_stand_under_the_test_set(
    labelled: Path, cli: Any
) -> None:
    assert cli("verify", "p.h5", *VERIFY, "--part", "train", "--samples", "20")[0] == 0
    code, out, _ = cli("report", "run")
    assert code == 0
    assert "d.npz train, 20 " in out
    page = (labelled / "run" / "report.html").read_text()
    assert "d.npz test" not in page
    assert "test samples" not in page.lower()
    captions = [part.split("</figcaption>")[0] for part in page.split("<figcaption>")[1:]]
    assert len(captions) > 5
    assert all("d.npz train" in caption for caption in captions)
    noise = next(caption for caption in captions if "noise" in caption)
    assert "noise seed 2024" in noise


def test_verify_keeps_the_overflows_of_every_population(labelled: Path, cli: Any) -> None:
    assert cli("verify", "p.h5", *VERIFY)[0] == 0
    content = json.loads((labelled / "run" / "verify.json").read_text())
    first, *populations = content["activity"]["layers"]
    assert "u_wraps" not in first
    assert [(p["u_wraps"], p["v_saturations"]) for p in populations] == [(0, 0), (0, 0)]


def test_compare_leaves_what_report_asks_for(labelled: Path, cli: Any) -> None:
    code, out, err = cli(*COMPARE)
    assert (code, err) == (0, "")
    assert out.startswith("equal: reference, native")
    assert {path.name for path in (labelled / "run").iterdir()} == {"program.h5", "compare.json"}
    (entry,) = json.loads((labelled / "run" / "compare.json").read_text())["comparisons"]
    assert entry["digest"] == container.read(labelled / "p.h5").digest
    assert entry["data"] == {"name": "x.npy", "samples": 6}
    code, out, _ = cli("report", "run")
    assert "(model-exact)" in out.splitlines()[0]
    assert "(6 samples of 10 steps; x.npy, 6 samples)" in out


def test_another_comparison_joins_and_the_same_one_is_replaced(labelled: Path, cli: Any) -> None:
    for more in ((), ("--timing", "pipelined"), ()):
        assert cli(*COMPARE, *more)[0] == 0
    entries = json.loads((labelled / "run" / "compare.json").read_text())["comparisons"]
    assert [entry["options"]["timing"] for entry in entries] == ["pipelined", "aligned"]


def test_compare_joins_what_json_output_had_left_in_the_folder(labelled: Path, cli: Any) -> None:
    printed = cli(*COMPARE[:-2], "--json")[1]
    assert cli(*COMPARE)[0] == 0
    (labelled / "run" / "compare.json").write_text(printed)
    assert cli(*COMPARE)[0] == 0
    entries = json.loads((labelled / "run" / "compare.json").read_text())["comparisons"]
    assert [("data" in entry) for entry in entries] == [False, True]
    assert "input not recorded" in render(build_report("run"))


BAD = {
    "another program": ("program.h5", "run: holds the program"),
    "a damaged file": ("compare.json", "run/compare.json: is not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_folder_that_cannot_take_a_comparison_is_left_alone(
    name: str, labelled: Path, cli: Any
) -> None:
    file, message = BAD[name]
    assert cli(*COMPARE)[0] == 0
    held = labelled / "run" / file
    if file == "program.h5":
        program = container.read(held)
        from dataclasses import replace

        container.write(replace(program, readout=replace(program.readout, window=1)), held)
    else:
        held.write_text("{")
    before = held.read_bytes()
    code, _, err = cli(*COMPARE)
    assert code == 2
    assert err.startswith(f"neurodeploy compare: {message}")
    assert err.count("\n") == 1
    assert held.read_bytes() == before


def test_a_newer_file_is_refused_in_one_line(labelled: Path, cli: Any) -> None:
    assert cli("verify", "p.h5", *VERIFY)[0] == 0
    path = labelled / "run" / "verify.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    code, out, err = cli("report", "run")
    assert (code, out) == (2, "")
    assert err == (
        "neurodeploy report: run/verify.json: format is 2, this neurodeploy reads up to 1; "
        "read it with the neurodeploy that wrote it, or run its verb again\n"
    )
