"""Chips and cores on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.folders import digits_program, placements, program_folder

from neurodeploy.errors import FormatError
from neurodeploy.report import build_report, render
from neurodeploy.report.evidence import Evidence, read_evidence
from neurodeploy.report.parts.cores import PART
from neurodeploy.report.svg import Grid
from neurodeploy.results.placement import Placements
from neurodeploy.run_folder import PLACEMENT, as_record, write_json

PROGRAM = digits_program()
COLUMNS = np.random.default_rng(0).integers(0, 17, (4, 6, 1, 8, 8)).astype(np.int32)
DATA = {"name": "digits", "part": "test", "samples": 4}


@pytest.fixture(scope="module")
def content() -> Any:
    """What a folder holds, as plain values."""
    return placements(PROGRAM, COLUMNS, DATA)


def evidence(content: Any) -> Evidence:
    return Evidence(Path("run"), PROGRAM, placements=as_record(Placements, content, "file"))


def test_without_placements_the_part_is_left_out() -> None:
    assert PART.content(Evidence(Path("run"), PROGRAM)) is None
    assert PART.checks(Evidence(Path("run"), PROGRAM)) == ()


def test_every_chip_is_drawn_by_population_load_and_messages(content: Any) -> None:
    shown = PART.content(evidence(content))
    figures = PART.figures(shown)
    toy = content["chips"][1]["placement"]
    assert toy["chips"] == 2
    keys = [f"loihi1-{n}" for n in range(1)] + [f"toy-{n}" for n in range(2)]
    assert sorted(figures) == sorted(f"{kind}-{k}" for k in keys for kind in KINDS)
    assert figures["cores-loihi1-0"].legend == (("1 pixels", "c0"), ("2 classes", "c1"))
    assert "pixels 1 core; classes 1 core" in figures["cores-loihi1-0"].description
    assert str(figures["cores-toy-0"].svg).count("<rect") == 4
    assert str(figures["cores-toy-1"].svg).count("<rect") == len(toy["cores"]) - 4


KINDS = ("cores", "load", "traffic")


def test_a_placement_without_data_has_no_loads(content: Any) -> None:
    chips = [{**chip, "load": None} for chip in content["chips"]]
    shown = PART.content(evidence({**content, "data": None, "chips": chips}))
    assert all(key.startswith("cores-") for key in PART.figures(shown))
    assert shown.label == "no data were run"
    assert all(not view.busiest for view in shown.views)


def test_exceeded_limits_stand_with_their_repairs(tmp_path: Path, content: Any) -> None:
    rule = {
        "rule": "fan_in",
        "where": "population pixels",
        "text": "a neuron listens to 300 sources, other takes 256",
        "more_cores_help": False,
        "repairs": ["split"],
        "refused": [],
        "mended": True,
    }
    left = {**rule, "where": "population classes", "mended": False, "refused": [["prune", "no"]]}
    cost = {"before": 4, "after": 3, "samples": 4, "differing": 1}
    chips = [dict(chip, rules=[]) for chip in content["chips"]]
    chips[2] = {**chips[2], "rules": [rule, left, *[rule] * 9], "cost": cost}
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / PLACEMENT, {**content, "chips": chips})
    page = render(build_report(folder))
    assert "a neuron listens to 300 sources" in page
    assert "not by prune: no" in page
    assert "3 more of these." in page
    assert "4 of 4 samples right before, 3 after; 1 answered otherwise" in page
    assert "11 exceeded" in page and "kept" in page


def test_cards_and_checks_name_the_chips_and_pass_nothing(content: Any) -> None:
    found = evidence(content)
    cards = PART.cards(PART.content(found))
    assert [card.label for card in cards] == ["Cores, loihi1", "Cores, toy", "Cores, other"]
    assert [card.value for card in cards][::2] == ["1", "does not fit"]
    (check,) = PART.checks(found)
    assert "not on other" in check.text
    assert check.state == "none"
    broken = {"rule": "models", "where": "population pixels", "text": "no such neuron"}
    rest = {"more_cores_help": False, "repairs": [], "refused": [], "mended": False}
    chips = [dict(chip) for chip in content["chips"]]
    chips[0]["rules"] = [{**broken, **rest}]
    worse = evidence({**content, "chips": chips})
    card, *_ = PART.cards(PART.content(worse))
    assert (card.value, card.detail) == ("does not fit", "1 limit exceeded")
    assert "not on loihi1, other" in PART.checks(worse)[0].text


def test_the_busiest_cores_come_first(content: Any) -> None:
    for view in PART.content(evidence(content)).views[:2]:
        times = [row.load.busy_ns or row.load.synops for row in view.busiest]
        assert times == sorted(times, reverse=True)


def test_loads_of_other_data_are_left_out(tmp_path: Path, content: Any) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / PLACEMENT, content)
    found = read_evidence(folder)
    assert found.placements is not None and found.placements.data is not None
    other = replace(found.placements.data, digest="0" * 64)
    assert other.contradicts(replace(other, digest="1" * 64))
    page = build_report(folder).to_dict()
    assert [chip["profile"] for chip in page["cores"]] == ["loihi1", "toy", "other"]


def test_a_damaged_placement_is_named(tmp_path: Path, content: Any) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    chips = [dict(chip) for chip in content["chips"]]
    chips[0] = {**chips[0], "placement": {**chips[0]["placement"], "slices": []}}
    write_json(folder / PLACEMENT, {**content, "chips": chips})
    with pytest.raises(FormatError, match=r"placement.json: population pixels: 64 neurons are on"):
        read_evidence(folder)


@pytest.mark.parametrize(
    ("cores", "mesh", "per_tile", "size"),
    [(128, (8, 4), 4, (8 * 22, 4 * 22)), (16, None, 1, (60, 30)), (1, None, 1, (10, 10))],
)
def test_cores_stand_where_they_are(
    cores: int, mesh: tuple[int, int] | None, per_tile: int, size: tuple[int, int]
) -> None:
    grid = Grid.of(cores, mesh, per_tile)
    assert grid.size == size
    places = {grid.at(place) for place in range(cores)}
    assert len(places) == cores
    assert all(0 <= x < size[0] and 0 <= y < size[1] for x, y in places)
