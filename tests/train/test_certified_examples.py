"""Certified examples: results are those of the configuration beside them, and make the table."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from neurodeploy.train.config import read_config

EXAMPLES = Path(__file__).parents[2] / "examples"
RESULT = EXAMPLES / "results" / "certified-fashion-levels.json"


def module(name: str) -> Any:
    path = EXAMPLES / "certified" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_result_belongs_to_its_configuration() -> None:
    result = json.loads(RESULT.read_text())
    config = read_config(EXAMPLES / "certified" / "fashion.toml")
    assert result["training"]["config_sha256"] == config.digest
    assert result["training"]["program_sha256"] == result["program_sha256"]
    assert result["training"]["lowering"]["score_differences"] == 0
    for row in (*result["validation"], *result["test"]["certify"]):
        total = row["certified"] + row["falsified"] + row["open"]
        assert total == pytest.approx(1)
        assert row["certified"] <= row["clean"]
    held = result["training_bounds"]
    for row in result["test"]["certify"]:
        assert row["certified"] <= held[f"{row['eps']:g}"]


def test_the_table_is_made_of_the_results() -> None:
    result = json.loads(RESULT.read_text())
    text = module("table").table([result])
    assert text.splitlines()[0] == "| run | layers | seed | clean | 2 | 4 | 8 | 16 | 25.5 |"
    assert "| 256-10 | 1 | 84.9 | 83.6 (open 0.1) |" in text


def test_a_seeded_configuration_differs_in_its_seed_alone(tmp_path: Path) -> None:
    path = EXAMPLES / "certified" / "fashion.toml"
    first, again = (read_config(module("row").seeded(path, n, tmp_path)) for n in (1, 3))
    assert first.digest == read_config(path).digest
    assert again.seed == 3
    assert again.model_copy(update={"seed": 1}).digest == first.digest
