"""The verbs that measure: profiles, verify, energy, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.profile import load_profile, profile_names


@pytest.fixture
def labelled(files: Path) -> Path:
    """The folder of `files` with ``d.npz``: 20 samples of 6 steps for ``p.h5``, three classes."""
    rng = np.random.default_rng(3)
    np.savez(files / "d.npz", x=rng.integers(0, 2, (20, 6, 4)), y=np.arange(20) % 3)
    (files / "limits.toml").write_text(
        '[identity]\nname = "walls"\nstatus = "limits"\nschema_version = 1\n', "utf-8"
    )
    return files


DATA = ("--data", "d.npz", "--part", "train", "--engine", "reference")


def width(text: str) -> int:
    return max(len(line.rstrip()) for line in text.splitlines())


def test_profiles_lists_every_chip(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = cli("profiles")
    assert code == 0
    assert all(name in out for name in profile_names())
    assert width(out) <= 80


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_shows_numbers_with_grade_and_source(
    cli: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = cli("profiles", name)
    assert code == 0
    assert width(out) <= 80
    costs = load_profile(name).identity.status != "limits"
    for expected in ("sources", *(("synop_pj", "static_mw", "measured", "error") if costs else ())):
        assert expected in out


def test_profiles_prints_a_template_that_it_reads(
    tmp_path: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("profiles", "--template")
    assert (code, err) == (0, "")
    Path("mine.toml").write_text(out, "utf-8")
    code, out, err = cli("profiles", "mine.toml")
    assert (code, err) == (0, "")
    assert "my_chip" in out
    code, out, err = cli("profiles", "loihi1", "--template")
    assert (code, out) == (2, "")
    assert err == "neurodeploy profiles: --template stands alone, without NAME and --json\n"


def test_profiles_as_json(cli: Any) -> None:
    code, out, _ = cli("profiles", "loihi2", "--json")
    assert code == 0
    content = json.loads(out)
    assert content["energy"]["synop_pj"]["grade"] == "none"
    assert set(json.loads(cli("profiles", "--json")[1])) == set(profile_names())


def test_verify_measures_and_keeps_a_run_folder(labelled: Path, cli: Any) -> None:
    code, out, err = cli("verify", "p.h5", *DATA, "--out", "run")
    assert (code, err) == (0, "")
    assert "accuracy" in out
    assert "headroom of" in out
    assert width(out) <= 80
    kept = {path.name for path in (labelled / "run").iterdir()}
    assert kept == {"program.h5", "verify.json", "sample.npz", "verify"}
    content = json.loads((labelled / "run" / "verify.json").read_text())
    data = content["data"]
    assert (data["name"], data["part"], data["samples"], data["of"]) == ("d.npz", "train", 15, 15)
    assert (data["place"], data["low"], data["high"]) == ("input columns", 0, 1)
    assert len(data["digest"]) == 64
    assert content["digest"] == container.read(labelled / "p.h5").digest
    assert len(content["noise"]["levels"]) == 5


def test_verify_runs_the_suites_that_are_asked_for(labelled: Path, cli: Any) -> None:
    code, out, _ = cli("verify", "p.h5", *DATA, "--suite", "overflow", "--samples", "3", "--json")
    content = json.loads(out)
    assert code == 0
    assert "noise" not in content
    assert content["data"]["samples"] == 3
    assert len(content["headroom"]) == 2


def test_energy_prints_an_interval_per_chip_and_keeps_it(labelled: Path, cli: Any) -> None:
    chips = ("--profile", "loihi1", "--profile", "loihi2")
    code, out, err = cli("energy", "p.h5", *chips, *DATA, "--out", "run")
    assert (code, err) == (0, "")
    assert width(out) <= 80
    assert "Energy per inference on loihi1" in out
    assert "Dynamic energy per inference on loihi2" in out
    assert out.count("No hardware was measured for this report.") == 2
    kept = json.loads((labelled / "run" / "energy.json").read_text())
    assert [entry["profile"] for entry in kept["profiles"]] == ["loihi1", "loihi2"]


def test_energy_of_one_chip_more_joins_those_that_are_kept(labelled: Path, cli: Any) -> None:
    for name in ("loihi1", "loihi2", "loihi1"):
        assert cli("energy", "p.h5", "--profile", name, *DATA, "--out", "run")[0] == 0
    kept = json.loads((labelled / "run" / "energy.json").read_text())
    assert [entry["profile"] for entry in kept["profiles"]] == ["loihi2", "loihi1"]


def test_energy_takes_several_chips_at_once(labelled: Path, cli: Any) -> None:
    assert cli("energy", "p.h5", "--profile", "loihi1,loihi2", *DATA, "--out", "run")[0] == 0
    kept = json.loads((labelled / "run" / "energy.json").read_text())
    assert [entry["profile"] for entry in kept["profiles"]] == ["loihi1", "loihi2"]


@pytest.mark.parametrize("told", [("--reset-interval", "3"), ("--inference-steps", "3")])
def test_a_stream_of_four_frames_costs_a_quarter_per_inference(
    told: tuple[str, str], labelled: Path, cli: Any
) -> None:
    frame = np.random.default_rng(0).integers(0, 2, (3, 4), np.uint8)
    np.save(labelled / "one.npy", frame)
    np.save(labelled / "four.npy", np.concatenate([frame] * 4))
    reports = [
        json.loads(
            cli(
                *("energy", "p.h5", "--profile", "loihi1", "--input", name, *told),
                *("--reset-interval", "3", "--json"),
            )[1]
        )["profiles"][0]["report"]
        for name in ("one.npy", "four.npy")
    ]
    one, four = (report["headline_pj"]["mean"]["mid"] for report in reports)
    assert four == pytest.approx(one, rel=1e-9)
    assert [report["steps"] for report in reports] == [3, 3]


def test_a_power_log_refines_a_profile(labelled: Path, cli: Any) -> None:
    (labelled / "bench.csv").write_text("time_s,power_mw\n0,300\n1,300\n", "utf-8")
    refine = ("--fit", "bench.csv", "--fit-out", "mine.toml", "--step-us", "50")
    code, out, err = cli("energy", "p.h5", "--profile", "loihi2", *DATA, *refine)
    assert (code, err) == (0, "")
    assert "loihi2-bench" in out
    again = cli("energy", "p.h5", "--profile", "mine.toml", *DATA, "--step-us", "50")
    assert again == (0, out, "")


def test_energy_of_columns_as_in_simulate(labelled: Path, cli: Any) -> None:
    arguments = ("--input", "x.npy", "--engine", "reference", "--step-us", "10", "--json")
    code, out, _ = cli("energy", "p.h5", "--profile", "loihi2", *arguments)
    report = json.loads(out)["profiles"][0]["report"]
    assert code == 0
    assert report["samples"] == 6
    assert report["duration"]["inference_us"]["mid"] == 100.0
    assert report["total_pj"] is not None


def test_a_refusal_is_the_answer_no(labelled: Path, cli: Any) -> None:
    chips = ("--profile", "limits.toml", "--profile", "loihi2")
    code, out, err = cli("energy", "p.h5", *chips, *DATA, "--out", "run")
    assert (code, err) == (1, "")
    assert "profile walls: energy is refused, its status is limits" in " ".join(out.split())
    kept = json.loads((labelled / "run" / "energy.json").read_text())["profiles"]
    assert kept[0]["refused"].startswith("profile walls: energy is refused")
    assert "report" in kept[1]


def test_report_writes_the_page_from_what_the_verbs_left(labelled: Path, cli: Any) -> None:
    cli("verify", "p.h5", *DATA, "--out", "run")
    cli("energy", "p.h5", "--profile", "loihi2", *DATA, "--out", "run")
    compared = cli("compare", "p.h5", "--input", "x.npy", "--engines", "reference,native", "--json")
    (labelled / "run" / "compare.json").write_text(compared[1])
    code, out, err = cli("report", "run")
    assert (code, err) == (0, "")
    assert "(model-exact)" in out.splitlines()[0]
    assert out.splitlines()[-1] == "run/report.html"
    assert "<svg" in (labelled / "run" / "report.html").read_text()
    assert json.loads(cli("report", "run", "--json")[1])["verdict"]["level"] == "model-exact"


ENERGY = "energy p.h5 --profile loihi2"
BAD = {
    f"{ENERGY}": "energy: give the data with --data D or with --input X.npy, one of the two",
    f"{ENERGY} --data d.npz --input x.npy": (
        "energy: give the data with --data D or with --input X.npy, one of the two"
    ),
    f"{ENERGY} --input x.npy --samples 2": (
        "energy: --part, --samples and --encoder go with --data, not with --input"
    ),
    f"{ENERGY} --data d.npz --part dev": (
        "energy: --part is 'dev', expected one of train, validation, test, all"
    ),
    f"{ENERGY} --data d.npz --samples 0": "energy: --samples is 0, expected 1 or more",
    f"{ENERGY} --data d.npz --step-us 0": (
        "energy: step_us is 0.0, expected a positive number of microseconds"
    ),
    "energy p.h5 --profile lohi2 --data d.npz": (
        "energy: profile 'lohi2' is not shipped, did you mean 'loihi2'? "
        "(a file of your own is given by its path, ending in .toml)"
    ),
    f"{ENERGY} --input x.npy --fit log.csv": (
        "energy: --fit LOG.csv and --fit-out P.toml go together"
    ),
    f"{ENERGY} --input x.npy --fit log.csv --fit-out m.toml": (
        "energy: --fit needs --step-us, the duration of a step in the log"
    ),
    f"{ENERGY},loihi1 --input x.npy --fit log.csv --fit-out m.toml --step-us 5": (
        "energy: --fit refines one profile, 2 are given"
    ),
    f"{ENERGY} --placed --input x.npy --fit log.csv --fit-out m.toml --step-us 5": (
        "energy: --fit and --placed do not go together: give the refined profile then"
    ),
    f"{ENERGY} --input x.npy --fit log.csv --fit-out m.toml --step-us 5": (
        "energy: log.csv: no such file"
    ),
    f"{ENERGY} --input x.npy --inference-steps 7": (
        "energy: --inference-steps is 7, a sample has 10 steps; expected a divisor"
    ),
    "energy p.h5 --data d.npz": "energy: --profile is missing; see neurodeploy energy --help",
    "verify p.h5": "verify: --data is missing; see neurodeploy verify --help",
    "verify p.h5 --data d.npz --suite nois --out run": (
        "verify: suite is 'nois', expected one of noise, attack, cost, corruption, fault, "
        "certify, overflow; did you mean 'noise'?"
    ),
    "verify p.h5 --data d.npz --engine lava": (
        "verify: engine 'lava' runs a single stream and counts no samples; judge with 'native' "
        "or 'reference', and see with compare that Lava agrees"
    ),
    "verify p.h5 --data digits": (
        "verify: digits: a sample of x has shape (1, 8, 8), input x of this program takes columns "
        "(steps, 4), or with an encoder still samples (4,)"
    ),
    f"{ENERGY} --data d.npz --engine gpu --out run": (
        "energy: --engine is 'gpu', expected one of native, reference, lava"
    ),
    "report empty": (
        "report: empty: holds no program.h5; make one with 'neurodeploy train' or "
        "'neurodeploy verify PROGRAM --data D --out RUN'"
    ),
    "profiles absent.toml": "profiles: absent.toml: no such file",
    "verify p.h5 --data d.npz --out x.npy": (
        "verify: x.npy: is a file, expected a folder for the run"
    ),
}


@pytest.mark.parametrize("arguments", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    labelled: Path, cli: Any, arguments: str
) -> None:
    (labelled / "empty").mkdir()
    before = sorted(labelled.rglob("*"))
    code, out, err = cli(*arguments.split())
    assert (code, out, err) == (2, "", f"neurodeploy {BAD[arguments]}\n")
    assert sorted(labelled.rglob("*")) == before


def test_a_folder_of_another_program_is_left_alone(
    labelled: Path, cli: Any, program: nd.Program
) -> None:
    other = nd.Program(
        program.inputs, program.populations, program.connections, nd.Readout("hidden")
    )
    (labelled / "run").mkdir()
    container.write(other, labelled / "run" / "program.h5")
    code, _, err = cli("verify", "p.h5", *DATA, "--out", "run")
    assert code == 2
    assert f"holds the program {other.digest[:12]}, this one is {program.digest[:12]}" in err
    assert container.read(labelled / "run" / "program.h5").digest == other.digest
    assert [path.name for path in (labelled / "run").iterdir()] == ["program.h5"]
