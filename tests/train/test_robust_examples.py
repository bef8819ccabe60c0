"""Robust examples: their results are those of the configurations beside them."""

from __future__ import annotations

import importlib.util
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from neurodeploy.train.config import read_config

EXAMPLES = Path(__file__).parents[2] / "examples"


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "robust" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


UNMEASURED = {"stable", "s-ibp"}
"""Configurations of which there is no result yet; `examples/README.md` says so."""
ROWS = sorted(p for p in (EXAMPLES / "robust").glob("*.toml") if p.stem not in UNMEASURED)


@pytest.mark.parametrize("path", ROWS, ids=lambda p: p.stem)
def test_results_belong_to_their_configuration(path: Path) -> None:
    result = json.loads((EXAMPLES / "results" / f"robust-{path.stem}.json").read_text())
    assert result["training"]["config_sha256"] == read_config(path).digest
    assert result["training"]["lowering"]["score_differences"] == 0
    assert path.name in result["commands"][0]


def test_results_of_two_programs_are_not_put_together(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"program_sha256": "a"}))
    (tmp_path / "verify.json").write_text(json.dumps({"digest": "b"}))
    with pytest.raises(ValueError, match=r"verify\.json is of another program than result\.json"):
        script("collect").collected(tmp_path, [])
    (tmp_path / "verify.json").write_text(
        json.dumps({"digest": "a", "data": {}, "suites": {"attack": {}}})
    )
    (tmp_path / "proofs.json").write_text(json.dumps({"digest": "c"}))
    with pytest.raises(ValueError, match=r"proofs\.json: is of another program than result\.json"):
        script("collect").collected(tmp_path, [], tmp_path / "proofs.json")


def test_the_table_has_a_row_for_every_result() -> None:
    lines = script("table").table(EXAMPLES / "results").splitlines()
    text = "\n".join(lines)
    for path in ROWS:
        content = json.loads((EXAMPLES / "results" / f"robust-{path.stem}.json").read_text())
        name = content["training"]["name"]
        assert any(line.startswith(f"| {name} |") for line in lines), name
    assert "| digits PGD 2 of 16 | strong, eps 32 | 100.0 % | 62.0 % (52.2 to 70.9) | 100 |" in text
    assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_cells_of_robust_stable_are_the_publication_s() -> None:
    stable = script("stable")
    base = read_config(EXAMPLES / "robust" / "stable.toml")
    digests = {
        stable.config_of(base, cell, 1).digest
        for cell in product(stable.NEURONS, stable.TRAININGS, stable.TERMS)
    }
    assert len(digests) == 12
    cell = stable.config_of(base, ("DLIF", "adversarial", "MS-MPPD"), 3)
    assert (cell.neuron.learn, cell.seed) == (("gain",), 3)
    assert (cell.perturbation.kind, cell.loss.term) == ("gaussian-fgsm", "ms-mppd")
