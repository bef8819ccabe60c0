"""The page in a browser: wide, narrow and on paper."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report.folders import digits_program, full_folder, program_folder

from neurodeploy.report import build_report, render

PROGRAM = digits_program()
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PDFTOTEXT = shutil.which("pdftotext")
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium is installed to open the page in"
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
REPORTER = """<script>
var problems = [];
window.addEventListener("error", function (e) { problems.push(String(e.message)); });
["error", "warn"].forEach(function (kind) {
  console[kind] = function () { problems.push(kind + ": " + Array.from(arguments).join(" ")); };
});
window.addEventListener("load", function () { setTimeout(function () {
  var wide = window.innerWidth, all = Array.from(document.querySelectorAll("figure"));
  function within(node) {
    var box = node.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= wide;
  }
  function inFigure(node) {
    var box = node.getBoundingClientRect();
    var place = node.closest("figure").getBoundingClientRect();
    return box.left >= place.left - 2 && box.right <= place.right + 2 &&
      box.bottom <= place.bottom + 2;
  }
  function clear(svg) {
    var boxes = Array.from(svg.querySelectorAll("text.tick.middle")).map(function (t) {
      return t.getBoundingClientRect();
    });
    return boxes.every(function (box, k) { return !k || boxes[k - 1].right < box.left; });
  }
  parent.postMessage(JSON.stringify({
    problems: problems,
    figures: all.length,
    shown: all.filter(function (f) { return within(f) && within(f.querySelector("svg")); }).length,
    overflow: document.documentElement.scrollWidth - wide,
    outside: Array.from(document.querySelectorAll("svg text")).filter(function (t) {
      return !inFigure(t);
    }).map(function (t) { return t.textContent; }),
    crowded: Array.from(document.querySelectorAll("figure > svg")).filter(function (svg) {
      return !clear(svg);
    }).length,
    unwrapped: Array.from(document.querySelectorAll("th[scope=row]")).filter(function (t) {
      return t.getBoundingClientRect().width > wide / 2;
    }).map(function (t) { return t.textContent; })
  }), "*"); }, 300); });
</script>"""
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><script>
window.addEventListener("message", function (e) {
  var place = document.createElement("pre"); place.id = "found"; place.textContent = e.data;
  document.body.appendChild(place);
});
</script><iframe src="page.html" style="border:0;width:{width}px;height:6000px"></iframe>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM)
    return render(build_report(folder))


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BROWSER), *QUIET, f"--user-data-dir={folder / 'browser'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def opened(page: str, width: int, folder: Path) -> dict[str, Any]:
    """Open ``page`` in a frame of ``width`` pixels and return what it reported."""
    (folder / "page.html").write_text(page.replace("<head>", f"<head>{REPORTER}", 1), "utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("{width}", str(width)), "utf-8")
    size = f"--window-size={max(width, 600)},2000"
    waiting = ("--virtual-time-budget=8000", "--enable-logging=stderr", "--dump-dom")
    done = chromium(folder, *waiting, size, frame.as_uri())
    assert ":CONSOLE" not in done.stderr, done.stderr
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, f"the page reported nothing: {done.stderr[-2000:]}"
    found: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return found


@pytest.mark.parametrize("width", [1400, 768, 390])
def test_every_figure_is_shown_whole_at_any_width(width: int, page: str, tmp_path: Path) -> None:
    found = opened(page, width, tmp_path)
    assert found["problems"] == []
    assert found["figures"] == page.count("<figure") > 8
    assert found["shown"] == found["figures"]
    assert found["overflow"] <= 0
    assert found["outside"] == []
    assert found["crowded"] == 0


def test_row_labels_wrap_on_a_narrow_screen(page: str, tmp_path: Path) -> None:
    assert opened(page, 390, tmp_path)["unwrapped"] == []


def test_the_page_of_a_bare_program_opens(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    found = opened(render(build_report(folder)), 390, tmp_path)
    assert (found["problems"], found["figures"]) == ([], 0)
    assert found["overflow"] <= 0


@pytest.mark.skipif(PDFTOTEXT is None, reason="no pdftotext is installed to read the print with")
@pytest.mark.parametrize("scripted", [True, False])
def test_everything_is_on_paper(scripted: bool, page: str, tmp_path: Path) -> None:
    """What is folded is open, with and without the script; the last columns are not cut off."""
    place = tmp_path / "page.html"
    shown = page if scripted else re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    place.write_text(shown, "utf-8")
    sheet = tmp_path / "page.pdf"
    chromium(tmp_path, f"--print-to-pdf={sheet}", "--no-pdf-header-footer", place.as_uri())
    done = subprocess.run(
        [str(PDFTOTEXT), "-layout", str(sheet), "-"], capture_output=True, text=True, check=True
    )
    text = " ".join(done.stdout.split())
    for expected in (
        "Differing",  # last column of the comparisons
        "Grade",
        "simulated",  # a grade
        "Davies et al.",  # a source, in the folded details
        "Measured cases run through this profile",
        "calibration",  # last column of the measured cases
        "impossible",  # last column of the headroom
        "SHA-256, program",
    ):
        assert expected in text, expected
    assert text.count("Measured cases run through") == 2
    assert "-3.6 %" in text
