"""The report reads files only, joins those of one network, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from report.folders import comparison, digits_program, full_folder, program_folder, result

import neurodeploy as nd
from neurodeploy.errors import FormatError
from neurodeploy.report import build_report, render, write_report
from neurodeploy.run_folder import COMPARE, ENERGY, RESULT, SAMPLE, VERIFY, write_json

PROGRAM = digits_program()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM)


def test_a_full_folder_gives_every_part(full: Path) -> None:
    report = build_report(full)
    parts = ("noise", "mppd", "headroom", "activity", "comparisons", "stream", "sample", "energy")
    assert all(report[part] for part in parts)
    assert report["verdict"]["level"] == "Lava-exact"
    assert report["program"]["digest"] == PROGRAM.digest
    assert report["statement"] == "No hardware was measured for this report."
    assert report["provenance"]["seeds"] == {"training": 7, "data split": 2024, "noise": 2024}
    assert report["training"]["history"][1]["epoch"] == 2
    assert report["ignored"] == []


def test_a_folder_with_a_program_only_claims_nothing(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "bare", PROGRAM)
    report = build_report(folder)
    assert report["title"] == "bare"
    assert report["verdict"]["level"] == "not compared"
    assert report["verdict"]["good"] is None
    assert report["accuracy"]["integer"] is None
    page = render(report)
    assert "Not measured." in page
    assert "Engines were not compared" in page


def test_the_sample_holds_the_true_class_first(full: Path) -> None:
    sample = build_report(full)["sample"]
    pixels, classes = sample["layers"]
    assert classes["membrane"]["neurons"][0] == sample["predicted"]
    assert classes["membrane"]["kind"] == "class"
    assert not classes["sends"]
    assert len(pixels["shown"]) == 48
    assert sample["input"]["kind"] == "image"
    spikes = {tuple(entry) for entry in pixels["spikes"]}
    assert len(spikes) == len(pixels["spikes"]) <= pixels["spikes_total"]


def test_results_of_another_network_are_left_out_and_named(full: Path, tmp_path: Path) -> None:
    other = nd.Program(
        PROGRAM.inputs, PROGRAM.populations, PROGRAM.connections, nd.Readout("pixels")
    )
    folder = program_folder(tmp_path / "other", other)
    for name in (VERIFY, ENERGY, COMPARE, RESULT, SAMPLE):
        (folder / name).write_bytes((full / name).read_bytes())
    report = build_report(folder)
    assert len(report["ignored"]) == 5
    assert report["ignored"][0] == (
        f"result.json speaks of {PROGRAM.digest[:12]}, not of {other.digest[:12]}; it is left out"
    )
    assert report["verdict"]["level"] == "not compared"
    assert not any(report[part] for part in ("noise", "sample", "energy", "comparisons"))


def test_a_single_comparison_as_compare_prints_it_is_read(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / COMPARE, comparison(PROGRAM, ("native", "reference")))
    assert build_report(folder)["verdict"]["level"] == "model-exact"


def test_page_and_json_are_written_beside_the_program(full: Path) -> None:
    path = write_report(full)
    assert path == full / "report.html"
    stored = json.loads((full / "report.json").read_text())
    fresh = build_report(full)
    assert {k: v for k, v in stored.items() if k != "generated"} == {
        k: v for k, v in json.loads(json.dumps(fresh)).items() if k != "generated"
    }


BAD = {
    "no program": (None, b"", "holds no program.h5"),
    "not JSON": (VERIFY, b"{", "is not JSON"),
    "not an object": (VERIFY, b"[]", "holds a list, expected a JSON object"),
    "not text": (ENERGY, b"\xff\xfe", "is not JSON"),
    "no list of profiles": (
        ENERGY,
        json.dumps({"digest": PROGRAM.digest}).encode(),
        "profiles is missing, expected a list of objects",
    ),
    "comparisons of text": (COMPARE, b'{"comparisons": ["a"]}', "expected a list of objects"),
    "a part is missing": (
        VERIFY,
        json.dumps({"digest": PROGRAM.digest}).encode(),
        "a file of this run lacks 'accuracy'; run its verb again",
    ),
    "sample is no archive": (SAMPLE, b"PK\x03\x04rubbish", "is not an .npz of plain arrays"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_folder_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    file, content, message = BAD[name]
    folder = tmp_path / "run"
    if file is None:
        folder.mkdir()
    else:
        (program_folder(folder, PROGRAM) / file).write_bytes(content)
    with pytest.raises(FormatError) as raised:
        write_report(folder)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (folder / "report.html").exists()
    assert not (folder / "report.json").exists()


def test_a_sample_without_its_arrays_is_refused(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    np.savez(folder / SAMPLE, digest=np.array(PROGRAM.digest))
    with pytest.raises(FormatError, match=r"sample\.npz: holds no layer0_s; run verify again"):
        build_report(folder)


def test_metrics_that_are_no_json_lines_are_refused(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / RESULT, result(PROGRAM))
    (folder / "metrics.jsonl").write_text("epoch 1\n")
    with pytest.raises(FormatError, match=r"metrics\.jsonl: is not one JSON object per line"):
        build_report(folder)
