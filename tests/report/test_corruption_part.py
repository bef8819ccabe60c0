"""The part of the page about corruptions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import neurodeploy as nd
from neurodeploy.demo import shipped_program
from neurodeploy.report import build_report, render
from neurodeploy.report.evidence import read_evidence
from neurodeploy.report.parts import corruption

KINDS = ("uniform", "occlusion")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with two kinds of corruption."""
    path = tmp_path_factory.mktemp("corrupted") / "run"
    nd.verify(shipped_program(), "digits", [nd.Corruption(kinds=KINDS)], samples=12, out=path)
    nd.save(shipped_program(), str(path / "program.h5"))
    return path


def test_levels_stand_by_kind_with_the_numbers_of_verify(folder: Path) -> None:
    content = corruption.content(read_evidence(folder))
    assert content is not None and content.clean is not None
    stored = json.loads((folder / "verify.json").read_text())["suites"]["corruption"]["summary"]
    rates = {(row["kind"], row["level"]): row["rate"] for row in stored}
    assert tuple(content.by_kind) == KINDS
    for kind, levels in content.by_kind.items():
        assert [row.level for row in levels] == sorted(row.level for row in levels)
        assert all(row.rate == rates[kind, row.level] for row in levels)
    assert content.clean.rate == rates["none", 0.0]


def test_the_card_names_the_kind_that_costs_most_when_light(folder: Path) -> None:
    content = corruption.content(read_evidence(folder))
    assert content is not None
    (card,) = corruption.cards(content)
    lightest = [levels[0] for levels in content.by_kind.values()]
    assert card.detail.startswith(min(lightest, key=lambda row: row.rate).kind)


def test_the_page_shows_the_table_and_its_json(folder: Path) -> None:
    report = build_report(folder)
    page = render(report)
    assert "Accuracy under corruptions" in page and "occlusion" in page
    assert len(report.to_dict()["corruption"]["rows"]) == 2 * 4


def test_without_the_suite_there_is_no_part(tmp_path: Path) -> None:
    nd.verify(shipped_program(), "digits", [nd.Overflow()], samples=3, out=tmp_path / "run")
    nd.save(shipped_program(), str(tmp_path / "run" / "program.h5"))
    assert corruption.content(read_evidence(tmp_path / "run")) is None
