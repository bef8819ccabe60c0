"""The part of the page about attacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from report.folders import digits_program

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.attack.gradient import Fgsm, Pgd
from neurodeploy.attack.search import Noise, Square
from neurodeploy.errors import FormatError
from neurodeploy.report import build_report, write_report
from neurodeploy.report.evidence import read_evidence
from neurodeploy.report.parts import attack

PROGRAM = digits_program()
SUITE = nd.Attack(
    eps=(16, 64), attacks=(Fgsm(), Pgd("margin", steps=4), Square(queries=9), Noise())
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attacked") / "run"
    path.mkdir()
    container.write(PROGRAM, path / "program.h5")
    nd.verify(PROGRAM, "digits", [SUITE], samples=30, out=path)
    return path


def test_rows_are_shown_with_the_attack_that_did_it(folder: Path) -> None:
    content = attack.content(read_evidence(folder))
    assert content is not None
    kept = np.load(folder / "verify" / "attack.npz")
    for row, robust in zip(content.rows, kept["robust"], strict=True):
        assert row.robust == robust.mean()
        assert row.strongest[1] == min(row.by_attack.values())
    figures = attack.figures(content)
    assert "attack-eps" in figures and "eps 64" in figures["attack-eps"].description
    (card,) = attack.cards(content)
    assert card.label == "Under attack of eps 16"


def test_samples_that_fell_stand_beside_their_clean_twins(folder: Path) -> None:
    content = attack.content(read_evidence(folder))
    assert content is not None and 0 < len(content.pairs) <= attack.SHOWN
    kept = np.load(folder / "verify" / "attack.npz")
    for pair in content.pairs:
        row = kept["sample"].tolist().index(pair.sample)
        number = [f"eps {eps:g}" for eps in kept["eps"]].index(pair.budget)
        assert np.array_equal(pair.clean, kept["clean"][row, 0])
        assert np.array_equal(pair.x, kept["x"][number, row, 0])
        assert pair.predicted != pair.label == kept["y"][row]
        assert not kept["robust"][number, row]


def test_page_and_json_hold_the_rows(folder: Path) -> None:
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Each attack by itself" in page and "Signs of a weak attack" in page
    stored = json.loads((folder / "verify.json").read_text())["suites"]["attack"]["summary"]
    shown = build_report(folder).to_dict()["attack"]["summary"]
    assert [row["by_attack"] for row in shown] == [row["by_attack"] for row in stored]


def test_data_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    (other / "verify").mkdir(parents=True)
    for name in ("program.h5", "verify.json"):
        (other / name).write_bytes((folder / name).read_bytes())
    assert read_evidence(other).fooled is None
    kept = dict(np.load(folder / "verify" / "attack.npz"))
    path = other / "verify" / "attack.npz"
    np.savez(path, **{**kept, "x": kept["x"][:, 1:]})
    with pytest.raises(FormatError, match=r"attack.npz: x has shape \(2, 29, 1, 8, 8\), expected"):
        read_evidence(other)
    np.savez(path, **{**kept, "digest": np.array("0" * 64)})
    assert read_evidence(other).fooled is None
