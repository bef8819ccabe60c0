"""The page: one file that needs no network, accessible, and safe against what files hold."""

from __future__ import annotations

import html
import itertools
import json
import re
from pathlib import Path

import pytest
from report.folders import digits_program, full_folder, result

from neurodeploy.energy.report import Interval, Term
from neurodeploy.report import Report, build_report, render
from neurodeploy.report.words import amount, constant, count, listed, micro, percent
from neurodeploy.run_folder import RESULT, VERIFY, write_json

PROGRAM = digits_program()
SIZE = 300_000
"""Most bytes of the page of a small network."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM)


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return build_report(folder)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


def test_the_page_needs_no_network_and_is_small(page: str) -> None:
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""", page)
    assert not re.search(r"@import|url\(", page)
    assert len(page.encode()) < SIZE


def test_the_page_says_what_every_report_must(page: str, report: Report) -> None:
    text = html.unescape(page)
    for statement in (
        "No hardware was measured for this report.",
        PROGRAM.digest,
        "Lava-exact",
        "95 % Wilson",
        "Terms included",
        "Terms left out",
        "synaptic operations counted as taps",
        "calibration",
        "Refused: no constant is known.",
        "Seed, training",
        "Gaussian noise of sigma x 16 added to the graded input",
        "a sample that was answered correctly",
    ):
        assert statement in text


def test_the_header_has_date_data_set_and_part(page: str, report: Report) -> None:
    header = re.search(r"<header.*?</header>", page, re.DOTALL)
    assert header is not None
    assert f'<time datetime="{report.generated}">{report.generated[:10]}' in header.group(0)
    assert "digits test, 100 of 359 samples, split seed 2024" in header.group(0)
    assert "digits test, 60 of 359 samples, split seed 2024" in header.group(0)


def test_text_from_files_cannot_become_markup(page: str) -> None:
    assert "digits &lt;test&gt;" in page
    assert "digits <test>" not in page


def test_hostile_names_in_files_stay_text(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    hostile = "</script></svg><b>&"
    content = json.loads((copy / VERIFY).read_text())
    content["data"]["name"] = hostile
    for row in [*content["mppd"]["layers"], *content["headroom"]]:
        row["population"] = hostile
    for row in content["activity"]["layers"]:
        row["name"] = hostile
    write_json(copy / VERIFY, content)
    write_json(copy / RESULT, result(PROGRAM, name=hostile))
    page = render(build_report(copy))
    assert "<b>&" not in page.replace("<b>model", "")
    assert page.count("</script>") == 1


def test_every_figure_is_on_the_page_with_a_name(page: str, report: Report) -> None:
    drawn = {
        name: figure
        for piece in report.pieces
        if piece.content is not None
        for name, figure in piece.part.figures(piece.content).items()
    }
    assert set(re.findall(r'<figure id="fig-([^"]+)">', page)) == set(drawn)
    expected = {"noise", "mppd", "headroom", "rates", "input", "raster", "training", "loss"}
    assert drawn.keys() >= expected | {"energy-loihi1", "energy-loihi2", "membrane-classes"}
    assert all(figure.caption and figure.description for figure in drawn.values())
    assert page.count('role="img"') == len(drawn)


def test_scroll_areas_can_be_reached_and_have_names(page: str) -> None:
    areas = re.findall(r'<div class="scroll"([^>]*)>', page)
    assert len(areas) == page.count("<table>")
    names = [re.search(r'aria-label="([^"]+)"', area) for area in areas]
    assert all(names) and len({name.group(1) for name in names if name}) == len(areas)
    assert all('tabindex="0"' in area and 'role="region"' in area for area in areas)


def test_headings_and_landmarks_are_in_order(page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert '<html lang="en">' in page
    assert page.count("<main") == 1
    for name in re.findall(r'aria-labelledby="([^"]+)"', page):
        assert page.count(f'id="{name}"') == 1


def test_numbers_read_well() -> None:
    assert percent(0.97214) == "97.2 %"
    assert (count(1234567.0), count(96.34), count(8.0)) == ("1,234,567", "96.3", "8")
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (amount(1, "step"), amount(1234, "step")) == ("1 step", "1,234 steps")
    assert micro("12 uJ in 3 us, number of us") == "12 \u00b5J in 3 \u00b5s, number of \u00b5s"


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (23.6, 35.5, "pJ", "23.6 to 35.5 pJ"),
        (69.3, 69.3, "pJ", "69.3 pJ"),
        (4290.0, 8510.0, "nJ", "4.29 to 8.51 \u00b5J"),
        (29.4, 29.7, "mW", "29.4 to 29.7 mW"),
        (3.0, 3.0, "mW", "3 mW"),
        (0.0, 431.0, "pJ", "0 to 431 pJ"),
    ],
)
def test_constants_read_well(low: float, high: float, unit: str, text: str) -> None:
    interval = Interval(low, (low + high) / 2, high)
    assert constant(Term("t", "k", 1, 1, 1, "e", interval, unit, "g", (), interval)) == text
