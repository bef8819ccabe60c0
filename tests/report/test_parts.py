"""The parts of the page: what each shows, on which samples, and how one is added from outside."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.folders import (
    digits_program,
    full_folder,
    headroom,
    layer,
    measurements,
    outcome,
    program_folder,
    state_row,
)

import neurodeploy as nd
from neurodeploy.report import PARTS, Part, build_report, render, write_report
from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts import accuracy, exactness, noise, sample
from neurodeploy.report.parts import headroom as headroom_part
from neurodeploy.report.parts.sample_view import SampleView
from neurodeploy.results.sample import parse_sample
from neurodeploy.run_folder import as_record

PROGRAM = digits_program()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_folder(tmp_path_factory.mktemp("report") / "run", PROGRAM)


def evidence(**parts: Any) -> Evidence:
    return Evidence(Path("run"), PROGRAM, **parts)


def test_report_json_holds_every_part_under_its_known_keys(full: Path) -> None:
    report = build_report(full).to_dict()
    parts = ("noise", "mppd", "headroom", "activity", "comparisons", "stream", "sample", "energy")
    parts = (*parts, "cores")
    assert all(report[part] for part in parts)
    assert set(report) == {
        *parts,
        *("format", "title", "generated", "statement", "data", "verdict", "ignored", "program"),
        *("accuracy", "attack", "corruption", "overflow", "certified", "timing", "training"),
        *("provenance", "faults", "cost"),
    }
    assert report["program"]["digest"] == PROGRAM.digest
    assert report["program"]["synapses"] == 64 * 64 + 64 * 10
    assert report["provenance"]["seeds"] == {"training": 7, "data split": 2024, "noise": 2024}
    assert report["training"]["history"][1]["epoch"] == 2
    assert report["accuracy"]["trained"]["rate"] == 0.9
    assert [set(chip) for chip in report["energy"]] == [{"profile", "report"}] * 2 + [
        {"profile", "refused"}
    ]


def test_page_and_json_are_written_beside_the_program(full: Path) -> None:
    path = write_report(full)
    assert path == full / "report.html"
    stored = json.loads((full / "report.json").read_text())
    fresh = json.loads(json.dumps(build_report(full).to_dict()))
    assert stored.pop("generated") and fresh.pop("generated")
    assert stored == fresh


def test_a_folder_with_a_program_only_claims_nothing(tmp_path: Path) -> None:
    report = build_report(program_folder(tmp_path / "bare", PROGRAM))
    assert report.title == "bare"
    assert (report.verdict.level, report.verdict.good) == ("not compared", None)
    assert report.labels == ()
    page = render(report)
    assert "Not measured." in page
    assert "no data was run" in page
    assert "Engines were not compared" in page


# Whose numbers they are


def test_results_of_another_part_stand_under_its_own_name() -> None:
    train = {"name": "digits", "part": "train", "samples": 20, "of": 1295}
    found = accuracy.content(evidence(result=outcome(PROGRAM), verify=measurements(data=train)))
    assert [(row.network, row.tested.label) for row in found.rows] == [
        ("Torch model, eval mode", "digits test, 100 of 359 samples, split seed 2024"),
        ("Integer network", "digits test, 100 of 359 samples, split seed 2024"),
        ("Integer network, pipelined stream", "digits test, 100 of 359 samples, split seed 2024"),
        ("Integer network, verified", "digits train, 20 of 1,295 samples, split seed 2024"),
    ]
    assert [card.detail.partition("; ")[2] for card in accuracy.cards(found)] == [
        "digits test, 100 of 359 samples",
        "digits train, 20 of 1,295 samples",
        "digits test, 100 of 359 samples",
    ]


def test_what_training_and_verify_measured_alike_stands_there_once() -> None:
    same = {"name": "digits", "part": "test", "samples": 100}
    counts = {"correct": 90, "ties": 0, "samples": 100}
    both = evidence(result=outcome(PROGRAM), verify=measurements(data=same, accuracy=counts))
    assert len(accuracy.content(both).rows) == 3
    other = {**counts, "correct": 80}
    differs = evidence(result=outcome(PROGRAM), verify=measurements(data=same, accuracy=other))
    assert len(accuracy.content(differs).rows) == 4


NOISE = {
    "clean": {"correct": 54, "ties": 0, "samples": 60},
    "levels": [
        {"sigma": 0.2, "sigma_units": 3.2, "correct": 30, "ties": 1, "samples": 60}
        | {"rate": 0.5, "low": 0.4, "high": 0.6}
    ],
    "seed": 5,
    "rule": "Gaussian noise",
    "low": -16,
    "high": 16,
}


@pytest.mark.parametrize(("samples", "drawn"), [(100, True), (60, False)])
def test_the_torch_model_is_drawn_beside_its_own_samples_only(samples: int, drawn: bool) -> None:
    data = {"name": "digits", "part": "test", "samples": samples}
    shown = evidence(result=outcome(PROGRAM), verify=measurements(data=data, noise=NOISE))
    found = noise.content(shown)
    assert found is not None
    figure = noise.figures(found)["noise"]
    assert (("torch model, no noise", "c1") in figure.legend) is drawn
    assert figure.source == (
        f"digits test, {samples} of 359 samples, split seed 2024; noise seed 5"
    )


def test_noise_is_a_share_of_the_largest_value_not_of_the_range() -> None:
    found = noise.content(evidence(verify=measurements(noise=NOISE)))
    figure = noise.figures(found)["noise"]
    assert "share of the largest value" in figure.svg
    assert "range" not in figure.svg


def test_every_figure_of_the_page_says_whose_values_it_shows(full: Path) -> None:
    for piece in build_report(full).pieces:
        if piece.content is not None:
            for name, figure in piece.part.figures(piece.content).items():
                structure = name.startswith("cores-")  # the same on any data
                assert structure or re.search(r"digits|seed", figure.source), name


def test_the_input_of_a_comparison_is_named() -> None:
    from report.folders import compared

    found = exactness.content(
        evidence(
            comparisons=(
                compared(PROGRAM, "native", "reference", data={"name": "x.npy", "samples": 3}),
                compared(PROGRAM, "native", "reference"),
            )
        )
    )
    assert found.labels == ("x.npy, 3 samples", "input not recorded")


def test_a_divergence_is_told_with_the_rule_behind_it() -> None:
    from report.folders import compared

    first = {"population": "a", "variable": "v", "step": 4, "index": [1], "values": {"native": 3}}
    entry = compared(
        PROGRAM,
        "native",
        "lava",
        equal=False,
        differing=1,
        first={**first, "rule": "v = tz(v)", "causes": ["a reset", "a delay"]},
    )
    text = section("exactness", evidence(comparisons=(entry,)))
    assert "a.v at step 4: v = tz(v); perhaps a reset; perhaps a delay." in text
    plain = PARTS["exactness"].entries(
        "exactness", exactness.content(evidence(comparisons=(entry,)))
    )
    assert plain["comparisons"][0]["first"]["causes"] == ["a reset", "a delay"]


# Headroom


def section(part: str, given: Evidence) -> str:
    from neurodeploy.report.build import Piece
    from neurodeploy.report.page import _environment, _section

    piece = Piece(part, PARTS[part], PARTS[part].content(given))
    return html.unescape(_section(_environment(), piece))


def text_of(verify: Any) -> str:
    return section("headroom", evidence(verify=verify))


def test_v_is_said_to_be_taken_before_its_reset_only_where_it_is() -> None:
    assert "v is taken before its reset." in text_of(measurements())
    late = [headroom("pixels", v_before_reset=False), headroom("classes")]
    text = text_of(measurements(headroom=late))
    assert "taken before" not in text
    assert "v of pixels could be seen after its reset only" in text


def test_impossible_is_bound_to_the_steps_of_a_sample() -> None:
    text = text_of(measurements())
    assert "“impossible”, hold from rest, 6 steps, inputs 0 to 16: a longer stream" in text


def test_a_population_without_headroom_has_its_overflows_in_the_table() -> None:
    layers = [layer("pixels", v_saturations=3), layer("classes")]
    counts = {"steps": 6, "samples": 60, "layers": layers}
    verify = measurements(activity=counts, overflow=[state_row("classes", "v")])
    text = text_of(verify)
    assert "headroom not measured (CubaLif)" in text
    assert "3 saturations" in text
    content = headroom_part.content(evidence(verify=verify))
    assert headroom_part.cards(content) == (
        Card("Overflows of states", "3", "pixels; digits test, 60 of 359 samples", "bad"),
    )


def test_overflows_of_a_stream_stand_beside_those_from_rest() -> None:
    layers = [layer("pixels", v_saturations=3), layer("classes")]
    counts = {"steps": 6, "samples": 60, "layers": layers}
    text = text_of(measurements(activity=counts))
    assert "in the run of all samples" in text
    assert "in the run of all samples" not in text_of(measurements())


def test_bounds_beyond_the_limit_are_named_and_not_drawn() -> None:
    rows = [state_row("pixels", "u", bound=1 << 25, verdict="possible")]
    content = headroom_part.content(evidence(verify=measurements(overflow=rows)))
    figure = headroom_part.figures(content)["headroom"]
    assert figure.note == "Bounds beyond the limit are not drawn: u of pixels."
    assert figure.legend == (("u, on the data", "c0"),)


def test_saturations_of_resonate_and_fire_reach_the_page(tmp_path: Path) -> None:
    from neurodeploy.run_folder import VERIFY, plain, write_json
    from neurodeploy.verification.counts import mean_counts

    resonator = nd.ResonateFire(sin_decay=100, cos_decay=4000, threshold=1 << 22)
    program = nd.Program(
        inputs=(nd.Input("x", (2,), 24),),
        populations=(nd.Population("a", (2,), resonator),),
        connections=(
            nd.Connection("x", "a", nd.Dense(np.eye(2, dtype=int) * 127), port="re"),
            nd.Connection("x", "a", nd.Dense(np.eye(2, dtype=int) * 127), port="im"),
        ),
        readout=nd.Readout("a"),
    )
    columns = np.full((4, 30, 2), 1 << 14)
    trace = nd.simulate(program, columns, engine="reference")
    saturated = int(trace.activity.v_saturations["a"].sum())
    assert saturated > 0
    folder = program_folder(tmp_path / "run", program)
    activity = mean_counts(program, trace.activity)
    assert activity.layers[1].v_saturations == saturated
    content = {"data": {"name": "d"}, "activity": plain(activity), "headroom": []}
    counts = {"correct": 1, "ties": 0, "samples": 4}
    write_json(folder / VERIFY, {"digest": program.digest, "accuracy": counts, **content})
    found = next(
        check for check in build_report(folder).verdict.checks if check.name.startswith("Overflow")
    )
    assert found.state == "bad"
    assert f"a: {saturated:,} saturations" in found.text


# One sample


def arrays(predicted: int, label: int = 1, pool: int = 1) -> SampleView:
    program = dataclasses.replace(PROGRAM, readout=nd.Readout("classes", "v", pool=pool))
    scores = np.zeros(10 // pool, int)
    scores[1] = 5
    given: dict[str, Any] = {
        "digest": np.array(program.digest),
        "row": np.array(4),
        "label": np.array(label),
        "predicted": np.array(predicted),
        "scores": scores,
        "columns": np.zeros((6, 1, 8, 8), int),
    }
    for k, size in enumerate((64, 10)):
        given[f"layer{k}_s"] = np.eye(6, size, dtype=np.uint8)
        given[f"layer{k}_neurons"] = np.arange(size)[:12]
        given[f"layer{k}_v"] = np.zeros((6, min(size, 12)), int)
    parsed = parse_sample(given, program, "sample.npz")
    found = sample.content(Evidence(Path("run"), program, verify=measurements(), sample=parsed))
    assert found is not None
    return found


def test_a_correctly_answered_sample_is_said_to_have_been_looked_for() -> None:
    found = arrays(1)
    assert found.source == "sample 4 of digits test"
    assert found.answer == (
        "answered 1: a sample that was answered correctly, as verify looks for one to show"
    )
    assert arrays(2).answer.startswith("answered 2, which is wrong: none of the samples looked at")
    assert arrays(-1).answer.startswith("answered with a tie, which is wrong")


def test_figures_of_a_sample_say_which_part_they_show() -> None:
    figures = PARTS["sample"].figures(arrays(1))
    assert figures["raster"].note == "Shows 48 of 64 neurons of pixels, evenly spread."
    assert figures["membrane-pixels"].note == "Shows 3 of 64 neurons of pixels."
    assert figures["input"].note == ""


def test_steps_are_counted_from_one_in_every_figure() -> None:
    figures = PARTS["sample"].figures(arrays(1))
    assert "neuron 0: step 1<" in figures["raster"].svg
    assert "class 1, step 1: 0.00" in figures["membrane-classes"].svg
    assert "step 0" not in "".join(figure.svg for figure in figures.values())


def test_the_readout_shows_the_neurons_of_the_best_class() -> None:
    assert arrays(1).layers[1].membrane.neurons[0] == 1
    pooled = arrays(1, pool=2).layers[1].membrane
    assert pooled.neurons[:2] == (2, 3)
    assert pooled.kind == "neuron"


def test_a_series_says_how_many_channels_it_shows() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", (96,)),),
        populations=(nd.Population("out", (2,), nd.Integrator(4096, 0)),),
        connections=(nd.Connection("x", "out", nd.Dense(np.ones((2, 96), int))),),
        readout=nd.Readout("out", "v"),
    )
    given = {
        "digest": np.array(program.digest),
        **{key: np.array(0) for key in ("row", "label", "predicted")},
        "scores": np.zeros(2, int),
        "columns": np.ones((5, 96), int),
        "layer0_s": np.zeros((5, 2), int),
        "layer0_neurons": np.arange(2),
        "layer0_v": np.zeros((5, 2), int),
    }
    parsed = parse_sample(given, program, "sample.npz")
    found = sample.content(Evidence(Path("run"), program, sample=parsed))
    figures = PARTS["sample"].figures(found)
    assert figures["input"].note == "Shows 48 of 96 channels, evenly spread."
    assert "raster" not in figures  # an integrator sends no spikes


# A part from outside


@dataclasses.dataclass(frozen=True)
class Toy:
    """Content of a part that this package does not know."""

    populations: int


def test_a_part_is_added_from_outside_and_touches_nothing_else(full: Path) -> None:
    before = build_report(full).to_dict()
    part = Part(
        content=lambda evidence: Toy(len(evidence.program.populations)),
        template='<h2 id="h-{{ name }}">Toy</h2><p>{{ content.populations }} & {{ name }}</p>',
        cards=lambda content: [Card("Toys", str(content.populations), "of a test")],
        checks=lambda evidence: [Check("Toy check", "bad", "broken toy")],
    )
    PARTS.add("toy", part)
    try:
        report = build_report(full)
        page, after = render(report), report.to_dict()
    finally:
        PARTS.remove("toy")
    assert '<section class="panel" aria-labelledby="h-toy">' in page
    assert "<p>2 & toy</p>" in page
    assert '<span class="label">Toys</span><span class="value">2</span>' in page
    assert after.pop("toy") == {"populations": 2}
    assert after["verdict"]["good"] is False
    assert after["verdict"]["checks"].pop() == {
        "name": "Toy check",
        "state": "bad",
        "word": "failed",
        "text": "broken toy",
    }
    untouched = before.keys() - {"generated", "verdict"}
    assert {key: after[key] for key in untouched} == {key: before[key] for key in untouched}
    assert after["verdict"]["checks"] == before["verdict"]["checks"]


def test_a_record_passes_through_json_unchanged() -> None:
    from neurodeploy.run_folder import plain

    found = measurements(noise=NOISE)
    assert as_record(type(found), plain(found), "verify.json") == found
