"""The report reads files only, joins those of one network, and refuses what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.folders import (
    accuracy,
    comparison,
    digits_program,
    full_folder,
    layer,
    program_folder,
    result,
)

import neurodeploy as nd
from neurodeploy.errors import FormatError
from neurodeploy.report import build_report, write_report
from neurodeploy.report.evidence import read_evidence
from neurodeploy.run_folder import COMPARE, ENERGY, RESULT, SAMPLE, VERIFY, write_json

PROGRAM = digits_program()
OLDEST: dict[str, Any] = {
    "format": 1,
    "digest": PROGRAM.digest,
    "data": {"name": "digits", "part": "test", "samples": 60, "place": "graded input"},
    "run": {"engine": "native", "timing": "aligned", "weights": "exact"},
    "accuracy": accuracy(),
    "activity": {
        "steps": 6,
        "samples": 60,
        "layers": [
            {key: value for key, value in layer("pixels").items() if "_" not in key or "ev" in key}
        ],
        "connections": [],
    },
    "seeds": {"noise": 2024},
}
"""What verify.json held in the first release, without its suites."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM)


def test_results_of_another_network_are_left_out_and_named(full: Path, tmp_path: Path) -> None:
    other = nd.Program(
        PROGRAM.inputs, PROGRAM.populations, PROGRAM.connections, nd.Readout("pixels")
    )
    folder = program_folder(tmp_path / "other", other)
    for name in (VERIFY, ENERGY, COMPARE, RESULT, SAMPLE):
        (folder / name).write_bytes((full / name).read_bytes())
    evidence = read_evidence(folder)
    assert len(evidence.ignored) == 5
    assert evidence.ignored[0] == (
        f"result.json speaks of {PROGRAM.digest[:12]}, not of {other.digest[:12]}; it is left out"
    )
    assert (evidence.result, evidence.verify, evidence.energy) == (None, None, None)
    assert (evidence.sample, evidence.comparisons) == (None, ())


def test_a_single_comparison_as_compare_prints_it_is_read(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / COMPARE, comparison(PROGRAM, ("native", "reference")))
    assert build_report(folder).verdict.level == "model-exact"


def test_files_of_the_first_release_are_read_and_what_they_lack_is_said(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / VERIFY, OLDEST)
    report = build_report(folder)
    assert report.labels == ("digits test, 60 samples",)
    texts = [check.text for check in report.verdict.checks]
    assert any(text.startswith("not counted for pixels, classes") for text in texts)


def test_the_size_of_a_part_is_taken_from_the_training_where_verify_does_not_say(
    tmp_path: Path,
) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / VERIFY, {**OLDEST, "data": {**OLDEST["data"], "part": "train"}})
    write_json(folder / RESULT, result(PROGRAM))
    assert build_report(folder).labels == (
        "digits test, 100 of 359 samples, split seed 2024",
        "digits train, 60 of 1,295 samples, split seed 2024",
    )


def test_energy_of_data_that_changed_under_their_name_is_left_out(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    data = {"name": "d.npz", "part": "test", "samples": 60, "digest": "a" * 64}
    write_json(folder / VERIFY, {**OLDEST, "data": data})
    chips = {"profiles": [{"profile": "p", "refused": "why"}], "digest": PROGRAM.digest}
    write_json(folder / ENERGY, {**chips, "data": data})
    assert read_evidence(folder).ignored == ()
    write_json(folder / ENERGY, {**chips, "data": {**data, "digest": "b" * 64}})
    evidence = read_evidence(folder)
    assert evidence.energy is None
    assert evidence.ignored == (
        "energy.json was counted on other samples than verify.json under the name d.npz test "
        "(bbbbbbbbbbbb, not aaaaaaaaaaaa); it is left out",
    )


def changed(name: str, **changes: Any) -> tuple[str, bytes]:
    return name, json.dumps({**OLDEST, **changes}).encode()


BAD = {
    "no program": (None, b"", "holds no program.h5"),
    "not JSON": (VERIFY, b"{", "is not JSON"),
    "not an object": (VERIFY, b"[]", "holds a list, expected a JSON object"),
    "not text": (ENERGY, b"\xff\xfe", "is not JSON"),
    "no number": (ENERGY, b'{"digest": NaN}', "is not JSON: NaN is no number of JSON"),
    "no list of profiles": (
        ENERGY,
        json.dumps({"digest": PROGRAM.digest}).encode(),
        "energy.json: profiles is missing; run its verb again",
    ),
    "comparisons of text": (COMPARE, b'{"comparisons": ["a"]}', "is no list of objects"),
    "a part is missing": (
        VERIFY,
        json.dumps({"digest": PROGRAM.digest}).encode(),
        "verify.json: data is missing; run its verb again",
    ),
    "a text for a number": (
        *changed(VERIFY, accuracy={"correct": "9", "ties": 0, "samples": 10}),
        "verify.json: accuracy.correct is '9', input should be a valid integer",
    ),
    "more correct than there are": (
        *changed(VERIFY, accuracy={"correct": 11, "ties": 0, "samples": 10}),
        "verify.json: accuracy: 11 correct and 0 ties of 10 samples",
    ),
    "no samples": (
        *changed(VERIFY, accuracy={"correct": 0, "ties": 0, "samples": 0}),
        "verify.json: accuracy: 0 correct and 0 ties of 0 samples",
    ),
    "no engines": (
        COMPARE,
        json.dumps(comparison(PROGRAM, ())).encode(),
        "comparison 0: file: engines is empty, expected at least one",
    ),
    "a newer format": (
        *changed(VERIFY, format=2),
        "verify.json: format is 2, this neurodeploy reads up to 1; read it with",
    ),
    "a format that is no number": (
        *changed(VERIFY, format="one"),
        "verify.json: format is 'one', this neurodeploy reads up to 1",
    ),
    "sample is no archive": (SAMPLE, b"PK\x03\x04rubbish", "is not an .npz of plain arrays"),
    "sample is empty": (SAMPLE, b"", "is not an .npz of plain arrays"),
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


def sample(**changes: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "digest": np.array(PROGRAM.digest),
        "row": np.array(0),
        "label": np.array(1),
        "predicted": np.array(1),
        "scores": np.zeros(10, int),
        "columns": np.zeros((6, 1, 8, 8), int),
    }
    for k, size in enumerate((64, 10)):
        arrays[f"layer{k}_s"] = np.zeros((6, size), np.uint8)
        arrays[f"layer{k}_neurons"] = np.arange(2)
        arrays[f"layer{k}_v"] = np.zeros((6, 2), int)
    return {key: value for key, value in {**arrays, **changes}.items() if value is not None}


SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "an array is missing": ({"layer0_s": None}, "holds no layer0_s; run verify again"),
    "other neurons": (
        {"layer1_s": np.zeros((6, 9), int)},
        r"layer1_s has shape \(6, 9\), expected \(6, 10\)",
    ),
    "a neuron that is not there": (
        {"layer1_neurons": np.array([0, 10])},
        "layer1_neurons names neurons that classes does not have",
    ),
    "floats": ({"scores": np.zeros(10)}, "scores has dtype float64, expected integers"),
    "a list for a number": ({"row": np.arange(2)}, r"row has shape \(2,\), expected \(\)"),
    "a number for a text": ({"data": np.array(3)}, "data has dtype int64, expected a text"),
    "another input": (
        {"columns": np.zeros((6, 9), int)},
        r"columns has shape \(6, 9\), expected \(steps, 64\) values",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_that_does_not_fit_the_program_is_refused(name: str, tmp_path: Path) -> None:
    changes, message = SAMPLES[name]
    folder = program_folder(tmp_path / "run", PROGRAM)
    np.savez(folder / SAMPLE, **sample(**changes))
    with pytest.raises(FormatError, match=message):
        read_evidence(folder)


def test_a_sample_that_fits_is_read(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    np.savez(folder / SAMPLE, **sample())
    found = read_evidence(folder).sample
    assert found is not None
    assert found.columns.shape == (6, 1, 8, 8)
    assert found.tested is None


def test_a_sample_of_other_data_than_verify_ran_is_left_out(tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    named = {"data": np.array("d.npz"), "part": np.array("test"), "sample": np.array(17)}
    np.savez(folder / SAMPLE, **sample(**named, data_digest=np.array("b" * 64)))
    data = {"name": "d.npz", "part": "test", "samples": 60, "digest": "b" * 64}
    write_json(folder / VERIFY, {**OLDEST, "data": data})
    evidence = read_evidence(folder)
    assert evidence.sample is not None
    assert (evidence.sample.sample, evidence.ignored) == (17, ())
    write_json(folder / VERIFY, {**OLDEST, "data": {**data, "digest": "a" * 64}})
    evidence = read_evidence(folder)
    assert evidence.sample is None
    assert evidence.ignored == (
        "sample.npz is of d.npz test (bbbbbbbbbbbb), verify.json of d.npz test (aaaaaaaaaaaa); "
        "it is left out",
    )


METRICS = {
    "epoch 1\n": "line 1 is not JSON",
    '{"epoch": 1, "loss": 1.0, "validation_accuracy": 0.5}\n\n{"epoch": 2}\n': (
        "line 3: loss is missing; run its verb again"
    ),
}


@pytest.mark.parametrize("text", METRICS)
def test_a_damaged_line_of_metrics_is_named(text: str, tmp_path: Path) -> None:
    folder = program_folder(tmp_path / "run", PROGRAM)
    write_json(folder / RESULT, result(PROGRAM))
    (folder / "metrics.jsonl").write_text(text)
    with pytest.raises(FormatError, match=METRICS[text]):
        build_report(folder)


def test_a_bug_in_a_part_is_not_called_a_damaged_file(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurodeploy.report.parts import PARTS, Part

    def broken(evidence: Any) -> None:
        raise KeyError("a bug")

    PARTS.add("broken", Part(broken, ""))
    try:
        with pytest.raises(KeyError, match="a bug"):
            write_report(full)
    finally:
        PARTS.remove("broken")
