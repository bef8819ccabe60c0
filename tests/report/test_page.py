"""The page: one file, offline, readable wide and narrow, without an error in a browser."""

from __future__ import annotations

import html
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report.folders import digits_program, full_folder, program_folder

from neurodeploy.report import build_report, render
from neurodeploy.report.figures import figures
from neurodeploy.report.page import constant, count, listed, micro, percent

PROGRAM = digits_program()
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--virtual-time-budget=8000",
)
REPORTER = """<script>
var problems = [];
window.addEventListener("error", function (e) { problems.push(String(e.message)); });
["error", "warn"].forEach(function (kind) {
  console[kind] = function () { problems.push(kind + ": " + Array.from(arguments).join(" ")); };
});
window.addEventListener("load", function () { setTimeout(function () {
  parent.postMessage(JSON.stringify({
    problems: problems,
    drawn: document.documentElement.dataset.drawn || "no",
    plots: document.querySelectorAll(".plot").length,
    figures: document.querySelectorAll(".plot .main-svg").length,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    wide: Array.from(document.querySelectorAll(".plot")).filter(function (p) {
      return p.querySelector("svg") && p.querySelector("svg").clientWidth > p.clientWidth + 1;
    }).length
  }), "*"); }, 500); });
</script>"""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><script>
window.addEventListener("message", function (e) {
  var place = document.createElement("pre"); place.id = "found"; place.textContent = e.data;
  document.body.appendChild(place);
});
</script><iframe src="page.html" style="border:0;width:{width}px;height:6000px"></iframe>"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return build_report(full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM))


@pytest.fixture(scope="module")
def page(report: dict[str, Any]) -> str:
    return render(report)


def own(page: str) -> str:
    """The page without the library."""
    scripts = re.findall(r"<script>.*?</script>", page, re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def test_the_page_needs_no_network(page: str) -> None:
    text = own(page)
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""", text)
    assert not re.search(r"@import|url\(", text)
    assert "Plotly" in page


def test_the_page_says_what_every_report_must(page: str, report: dict[str, Any]) -> None:
    text = html.unescape(own(page))
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
        report["noise"]["rule"],
    ):
        assert statement in text


def test_text_from_files_cannot_become_markup(page: str) -> None:
    assert "digits &lt;test&gt;" in page
    assert "digits <test>" not in page


def test_figures_cannot_end_their_script_element(report: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(report))
    hostile["headroom"][0]["population"] = "</script><b>"
    found = re.search(r'id="figures">(.*?)</script>', render(hostile), re.DOTALL)
    assert found is not None
    assert "</script><b>" in json.dumps(json.loads(found.group(1)))


def test_every_figure_has_its_place_and_a_description(page: str, report: dict[str, Any]) -> None:
    drawn = figures(report)
    places = re.findall(r'class="plot" id="plot-([^"]+)" role="img" aria-label="([^"]+)"', page)
    assert {name for name, _ in places} == set(drawn)
    assert {"noise", "headroom", "raster", "energy-loihi1", "energy-loihi2", "training"} <= set(
        drawn
    )


def test_headings_and_landmarks_are_in_order(page: str) -> None:
    text = own(page)
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert '<html lang="en">' in text
    assert text.count("<main") == 1


def test_a_zero_low_is_drawn_at_the_edge_of_the_logarithmic_axis(report: dict[str, Any]) -> None:
    data = figures(report)["energy-loihi2"]["data"]
    assert all(x > 0 for trace in data for x in trace["x"])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed to open the page in")
@pytest.mark.parametrize("width", [1400, 400])
def test_a_browser_draws_every_figure_without_an_error(
    width: int, page: str, report: dict[str, Any], tmp_path: Path
) -> None:
    found = opened(page, width, tmp_path)
    assert found["problems"] == []
    assert found["drawn"] == "yes"
    assert found["plots"] == len(figures(report))
    assert found["figures"] >= found["plots"]
    assert found["overflow"] <= 0
    assert found["wide"] == 0


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed to open the page in")
def test_a_browser_opens_the_page_of_a_bare_program(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    found = opened(render(build_report(folder)), 400, tmp_path)
    assert (found["problems"], found["plots"], found["drawn"]) == ([], 0, "yes")
    assert found["overflow"] <= 0


def opened(page: str, width: int, folder: Path) -> dict[str, Any]:
    """Open ``page`` in a frame of ``width`` pixels and return what it reported."""
    (folder / "page.html").write_text(page.replace("<head>", f"<head>{REPORTER}", 1), "utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("{width}", str(width)), "utf-8")
    command = [
        str(BROWSER),
        *QUIET,
        f"--user-data-dir={folder / 'browser'}",
        f"--window-size={max(width, 600)},2000",
        "--enable-logging=stderr",
        "--dump-dom",
        frame.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ":CONSOLE" not in done.stderr, done.stderr
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, f"the page reported nothing: {done.stderr[-2000:]}"
    found: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return found


def test_numbers_read_well() -> None:
    assert percent(0.97214) == "97.2 %"
    assert (count(1234567.0), count(96.34), count(8.0)) == ("1,234,567", "96.3", "8")
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
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
    interval = {"low": low, "mid": (low + high) / 2, "high": high}
    assert constant({"constant": interval, "unit": unit}) == text
