"""Two programs or run folders side by side: what differs is named, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.demo import shipped_program
from neurodeploy.difference import Item, program_items


def program(**neuron: Any) -> nd.Program:
    lif: dict[str, Any] = {"current_decay": 4096, "voltage_decay": 100, "threshold": 9}
    return nd.Program(
        inputs=(nd.Input("x", (3,)),),
        populations=(nd.Population("a", (4,), nd.CubaLif(**lif | neuron)),),
        connections=(nd.Connection("x", "a", nd.Dense(np.arange(12).reshape(4, 3))),),
        readout=nd.Readout("a"),
        metadata={"seed": 1},
    )


def differing(first: nd.Program, second: nd.Program) -> list[Item]:
    return [item for item in program_items(first, second) if not item.same]


def test_a_program_does_not_differ_from_itself() -> None:
    assert differing(program(), program()) == []
    assert len(program_items(program(), program())) > 10


def test_a_field_that_differs_is_named_with_both_values() -> None:
    digest, item = differing(program(), program(threshold=12))
    assert digest.name == "digest"
    assert (item.where, item.name) == ("population a", "neuron.threshold")
    assert (item.first, item.second) == ("9", "12")


def test_arrays_say_in_how_many_values_they_differ_and_by_how_much() -> None:
    weight = np.arange(12).reshape(4, 3)
    weight[0, 0], weight[3, 2] = 7, 1
    changed = nd.Connection("x", "a", nd.Dense(weight))
    _, item = differing(program(), replace(program(), connections=(changed,)))
    assert (item.where, item.name) == ("connection x->a", "synapse.weight")
    assert item.first == "4x3, 0 to 11, sum 66"
    assert item.second == "4x3, 1 to 10, sum 63; 2 of 12 values differ, by up to 10"


def test_what_one_side_lacks_is_a_dash() -> None:
    found = differing(program(), program(gain=np.array([64, 70])))
    assert ("-", "[64, 70]") in [(item.first, item.second) for item in found]
    read = replace(program(), readout=nd.Readout("a", "v", window=2))
    assert {i.name for i in differing(program(), read)} == {"digest", "variable", "window"}
    told = replace(program(), metadata={"seed": 2, "note": "x"})
    assert {(i.where, i.name) for i in differing(program(), told)} == {
        ("metadata", "seed"), ("metadata", "note"),
    }  # fmt: skip


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = command_line(app, ["diff", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_verb_says_equal_or_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    nd.save(program(), str(a))
    nd.save(program(bias=3), str(b))
    assert call(capsys, a, a)[:2] == (0, call(capsys, a, a)[1])
    assert call(capsys, a, a)[1].startswith("equal: ")
    code, out, _ = call(capsys, a, b)
    assert code == 1 and out.startswith("different: 2 of ") and "neuron.bias" in out
    code, out, _ = call(capsys, a, b, "--json")
    found = json.loads(out)
    assert code == 1 and not found["equal"] and len(found["differing"]) == 2


def test_run_folders_are_compared_number_by_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nd.save(shipped_program(), str(tmp_path / "p.h5"))
    for run, samples in (("one", "20"), ("two", "30")):
        words = ("--data", "digits", "--samples", samples, "--out", str(tmp_path / run))
        assert command_line(app, ["verify", str(tmp_path / "p.h5"), *words]) == 0
    capsys.readouterr()
    assert call(capsys, tmp_path / "one", tmp_path / "one")[0] == 0
    code, out, _ = call(capsys, tmp_path / "one", tmp_path / "two")
    assert code == 1 and "spikes of hidden1" in out and "connection" not in out
    _, out, _ = call(capsys, tmp_path / "one", tmp_path / "two", "--json")
    data = next(item for item in json.loads(out)["differing"] if item["name"] == "data")
    assert "20 of 359 samples" in data["first"] and "30 of 359 samples" in data["second"]


def test_two_of_a_kind_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nd.save(program(), str(tmp_path / "p.h5"))
    (tmp_path / "run").mkdir()
    code, out, err = call(capsys, tmp_path / "p.h5", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.startswith(f"neurodeploy diff: {tmp_path / 'run'} is a run folder and ")
    assert call(capsys, tmp_path / "p.h5", tmp_path / "none.h5")[0] == 2
