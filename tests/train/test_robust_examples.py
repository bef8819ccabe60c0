"""Robust examples: their results are those of the configurations beside them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from neurodeploy.train.config import read_config

EXAMPLES = Path(__file__).parents[2] / "examples"


def collect() -> Any:
    spec = importlib.util.spec_from_file_location("collect", EXAMPLES / "robust" / "collect.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((EXAMPLES / "robust").glob("*.toml")), ids=lambda p: p.stem)
def test_results_belong_to_their_configuration(path: Path) -> None:
    result = json.loads((EXAMPLES / "results" / f"robust-{path.stem}.json").read_text())
    assert result["training"]["config_sha256"] == read_config(path).digest
    assert result["training"]["lowering"]["score_differences"] == 0
    assert path.name in result["commands"][0]


def test_results_of_two_programs_are_not_put_together(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"program_sha256": "a"}))
    (tmp_path / "verify.json").write_text(json.dumps({"digest": "b"}))
    with pytest.raises(ValueError, match=r"verify\.json is of another program than result\.json"):
        collect().collected(tmp_path, [])
