"""The guide to the files of results says what is in them: every key, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_guide import GUIDE, problems

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.demo import shipped_program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of verify and compare."""
    home = tmp_path_factory.mktemp("guide")
    nd.save(shipped_program(), str(home / "p.h5"))
    suites = ("--suite", "noise,certify,overflow", "--eps", "16,32")
    arguments = ("--data", "digits", "--samples", "12", *suites, "--out", str(home / "run"))
    assert command_line(app, ["verify", str(home / "p.h5"), *arguments, "--json"]) == 0
    np.save(home / "x.npy", np.zeros((8, 64), np.int32))
    arguments = ("--input", str(home / "x.npy"), "--out", str(home / "run"), "--json")
    assert command_line(app, ["compare", str(home / "p.h5"), *arguments]) == 0
    return home / "run"


@pytest.mark.parametrize(("name", "shape"), [("verify", "verify"), ("compare", "compare")])
def test_files_are_as_the_guide_says(folder: Path, name: str, shape: str) -> None:
    content = json.loads((folder / f"{name}.json").read_text())
    assert list(problems(content, shape, name)) == []


def test_rows_of_the_suites_are_as_the_guide_says(folder: Path) -> None:
    suites = json.loads((folder / "verify.json").read_text())["suites"]
    for name in ("noise", "certify", "overflow"):
        for row in suites[name]["summary"]:
            assert list(problems(row, f"{name} row", name)) == []


def test_journals_are_as_the_guide_says(folder: Path) -> None:
    for name, settings in (("noise", 6), ("certify", 2)):
        head, *lines = (folder / "verify" / f"{name}.jsonl").read_text().splitlines()
        assert list(problems(json.loads(head), "head", "head")) == []
        assert len(lines) == 12 * settings
        for line in lines:
            assert list(problems(json.loads(line), f"{name} line", "line")) == []


def test_faults_are_as_the_guide_says(tmp_path: Path) -> None:
    suite = nd.Fault(margin=0.5, draws=1)
    found = nd.verify(shipped_program(), "digits", (suite,), samples=3, out=tmp_path)
    content = json.loads((tmp_path / "verify.json").read_text())
    assert list(problems(content, "verify", "verify")) == []
    for row in content["suites"]["fault"]["summary"]:
        assert list(problems(row, "fault row", "fault")) == []
    head, *lines = (tmp_path / "verify" / "fault.jsonl").read_text().splitlines()
    assert list(problems(json.loads(head), "head", "head")) == []
    assert len(lines) == 3 * len(found["fault"].rows)
    for line in lines:
        assert list(problems(json.loads(line), "fault line", "line")) == []


@pytest.mark.parametrize(("name", "suite"), [
    ("attack", nd.Attack(eps=(16.0, 32.0), strength="quick")),
    ("corruption", nd.Corruption()),
    ("cost", nd.Cost(eps=(16.0,), strength="quick")),
])  # fmt: skip
def test_what_leaves_samples_is_as_the_guide_says(tmp_path: Path, name: str, suite: Any) -> None:
    nd.verify(shipped_program(), "digits", (suite,), samples=6, out=tmp_path)
    content = json.loads((tmp_path / "verify.json").read_text())
    assert list(problems(content, "verify", "verify")) == []
    rows = content["suites"][name]["summary"]
    assert rows
    for row in rows:
        assert list(problems(row, f"{name} row", name)) == []
    head, *lines = (tmp_path / "verify" / f"{name}.jsonl").read_text().splitlines()
    assert list(problems(json.loads(head), "head", "head")) == []
    assert len(lines) == 6 * len(rows)
    for line in lines:
        assert list(problems(json.loads(line), f"{name} line", "line")) == []


def test_energy_is_as_the_guide_says(tmp_path: Path) -> None:
    nd.save(shipped_program(), str(tmp_path / "p.h5"))
    arguments = ("--data", "digits", "--samples", "6", "--profile", "loihi1,loihi2")
    keep = ("--out", str(tmp_path / "run"), "--json")
    assert command_line(app, ["energy", str(tmp_path / "p.h5"), *arguments, *keep]) == 0
    content = json.loads((tmp_path / "run" / "energy.json").read_text())
    assert all(one["report"] for one in content["profiles"])
    assert list(problems(content, "energies", "energy")) == []


def test_a_placement_is_as_the_guide_says(tmp_path: Path) -> None:
    nd.save(shipped_program(), str(tmp_path / "p.h5"))
    arguments = ("--data", "digits", "--samples", "6", "--profile", "loihi1,loihi2,truenorth")
    keep = ("--placed", "--out", str(tmp_path / "run"), "--json")
    assert command_line(app, ["energy", str(tmp_path / "p.h5"), *arguments, *keep]) in (0, 1)
    content = json.loads((tmp_path / "run" / "placement.json").read_text())
    assert len(content["chips"]) == 3
    assert any(chip.get("load") for chip in content["chips"])
    assert list(problems(content, "placements", "placement")) == []
    broken = [rule for chip in content["chips"] for rule in chip["rules"]]
    assert broken
    for rule in broken:
        assert list(problems(rule, "broken rule", "rule")) == []
    energy = json.loads((tmp_path / "run" / "energy.json").read_text())
    assert energy["profiles"][0]["report"]["placed"]["cores"] >= 1
    assert list(problems(energy, "energies", "energy")) == []


def test_the_arrays_of_a_sample_are_as_the_guide_says(folder: Path) -> None:
    section = GUIDE.read_text(encoding="utf-8").split("## `sample.npz`")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    with np.load(folder / "sample.npz", allow_pickle=False) as found:
        assert {re.sub(r"layer\d+", "layer{k}", name) for name in found.files} == told
        assert (str(found["data"]), str(found["part"])) == ("digits", "test")
        verify = json.loads((folder / "verify.json").read_text())
        assert str(found["data_digest"]) == verify["data"]["digest"]


def test_a_key_that_is_not_in_the_guide_is_noticed() -> None:
    row = {"sample": 1, "label": 2, "sigma": 0.1, "predicted": 3}
    assert list(problems({**row, "more": 1}, "noise line", "line")) == [
        "line: more is not in the guide"
    ]
    del row["label"]
    assert list(problems(row, "noise line", "line")) == ["line: lacks label"]
    assert list(problems({**row, "label": "2"}, "noise line", "line")) == [
        "line.label is '2', the guide says number"
    ]
