"""The verb train: exit codes, what it prints, and one line for what is wrong."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

CONFIG = """
[data]
name = "digits"
train_samples = 200
validation_samples = 40
test_samples = 40
[encoder]
kind = "direct"
steps = 3
levels = 16
[[layer]]
kind = "dense"
size = 10
[training]
epochs = 2
batch = 20
threads = 1
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    path = Path("c.toml")
    path.write_text(CONFIG)
    return path


def test_train_writes_a_run_and_says_what_came_out(config: Path, cli: Any) -> None:
    code, out, err = cli("train", config, "--out", "run")
    assert code == 0
    assert "0 spikes differ on 40 samples" in out
    assert "0 of 40 samples differ, reset every 3 steps, offset 1" in out
    assert err.startswith("epoch 1/2  loss ")
    code, out, err = cli("train", config, "--out", "run")
    assert (code, out) == (2, "")
    assert err == (
        "neurodeploy train: run: holds a run already; add --resume or choose another folder\n"
    )
    code, out, err = cli("train", config, "--out", "run", "--resume")
    assert code == 0
    assert "resumed after epoch 2 of 2" in err


def test_json_prints_the_result_alone(config: Path, cli: Any) -> None:
    code, out, err = cli("train", config, "--out", "run", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(Path("run/result.json").read_text())


def test_a_wrong_configuration_is_one_line_and_leaves_nothing(config: Path, cli: Any) -> None:
    config.write_text(CONFIG.replace("epochs", "epoch"))
    assert cli("train", config, "--out", "run") == (
        2,
        "",
        "neurodeploy train: c.toml: training.epoch: unknown key, did you mean 'epochs'?\n",
    )
    assert not Path("run").exists()


def test_without_torch_the_way_out_is_named(
    config: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("neurodeploy.cli.train")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert cli("train", config, "--out", "run") == (
        2,
        "",
        "neurodeploy train: training needs torch, which is not installed; "
        "pip install neurodeploy[train]\n",
    )
