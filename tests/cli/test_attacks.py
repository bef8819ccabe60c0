"""``verify --suite attack`` and ``corruption`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import Cli

from neurodeploy import container
from neurodeploy.demo import shipped_program

VERIFY = "verify digits.h5 --data digits --samples 12 --suite attack"
BAD = {
    f"{VERIFY} --eps 1": "eps 1 is 0 steps of data with peak 16, the smallest that has one is 16",
    f"{VERIFY} --eps x": "--eps holds 'x', expected numbers such as 2,8",
    f"{VERIFY} --flips 1.5": "--flips holds '1.5', expected whole numbers such as 1,4",
    f"{VERIFY} --shift 0": "--shift holds 0, expected 1 or more",
    f"{VERIFY} --flips 2": (
        "flips and shifts are budgets of binary columns, these data have a budget eps"
    ),
    f"{VERIFY} --strength hard": "strength is 'hard', expected one of quick, standard, strong",
    f"{VERIFY} --iterations 0": "iterations is 0, expected 1 or more",
    "verify digits.h5 --data digits --samples 9 --suite cost --eps 1": (
        "eps 1 is 0 steps of data with peak 16, the smallest that has one is 16"
    ),
    f"{VERIFY} --time-limit -1": "--time-limit is -1, expected a positive number of seconds",
    "verify p.h5 --data events.npz --part all --suite attack --eps 8": (
        "eps 8: the data are binary columns, whose budget is a number of flips or a shift in steps"
    ),
}


@pytest.fixture
def place(files: Path) -> Path:
    container.write(shipped_program(), files / "digits.h5")
    rng = np.random.default_rng(4)
    x = rng.integers(0, 2, (9, 10, 4)).astype(np.uint8)
    np.savez(files / "events.npz", x=x, y=np.arange(9) % 3)
    return files


@pytest.mark.parametrize("line", BAD)
def test_bad_budgets_end_with_one_line_and_2(cli: Cli, place: Path, line: str) -> None:
    code, _, err = cli(*line.split())
    assert (code, err) == (2, f"neurodeploy verify: {BAD[line]}\n")


def test_a_table_and_the_files_of_a_run(cli: Cli, place: Path) -> None:
    more = ("--eps", "16,32", "--strength", "quick", "--out", "run")
    code, out, _ = cli(*VERIFY.split(), *more)
    assert code == 0
    assert "4 attacks, strength quick, graded on the integers; ties count as losses" in out
    assert "eps 16" in out and "eps 32" in out and "alone: on the first 12 samples" in out
    found = json.loads((place / "run" / "verify.json").read_text())
    rows = found["suites"]["attack"]["summary"]
    kept = np.load(place / "run" / "verify" / "attack.npz")
    assert [row["robust"] for row in rows] == kept["robust"].mean(1).tolist()
    assert found["seeds"]["attack"] == 2024
    head, *lines = (place / "run" / "verify" / "attack.jsonl").read_text().splitlines()
    assert json.loads(head)["settings"]["strength"] == "quick" and len(lines) == 24


def test_events_are_flipped_by_default_and_corrupted_in_time(cli: Cli, place: Path) -> None:
    line = "verify p.h5 --data events.npz --part all --suite attack,corruption --strength quick"
    code, out, _ = cli(*line.split())
    assert code == 0
    assert "flips 1" in out and "flips 4" in out and "jitter" in out and "late" in out


def test_attacks_are_transferred_from_a_file(cli: Cli, place: Path) -> None:
    more = ("--eps", "16", "--strength", "quick", "--transfer-from", "digits.h5")
    code, out, err = cli(*VERIFY.split(), *more, "--iterations", "3")
    assert (code, err) == (0, "")
    assert "6 attacks, strength quick" in out
    code, _, err = cli(*VERIFY.split(), "--transfer-from", "no.h5")
    assert code == 2 and err.count("\n") == 1 and "no.h5" in err


def test_cost_is_driven_up(cli: Cli, place: Path) -> None:
    line = "verify digits.h5 --data digits --samples 12 --suite cost --strength quick --eps 16"
    code, out, _ = cli(*line.split(), "--out", "run")
    assert code == 0
    assert "the most synops found with the class kept, strength quick" in out
    assert (place / "run" / "verify" / "cost.npz").exists()
