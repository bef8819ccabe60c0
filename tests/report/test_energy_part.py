"""The page's energy: intervals before numbers, parts before sums, and files of older versions."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from energy_toys import chip, plain_energy, quantity, run, tiny

import neurodeploy as nd
from neurodeploy.energy import EnergyReport, estimate_energy
from neurodeploy.energy.report import ValidationCase
from neurodeploy.profile import load_profile
from neurodeploy.report import render
from neurodeploy.report.build import build_report
from neurodeploy.report.parts.energy import Content, cards, figures
from neurodeploy.results.energy import ChipEnergy, Energies
from neurodeploy.run_folder import ENERGY, PROGRAM, as_record, write_json

SAMPLES = [[[1, 1], [0, 0]], [[0, 0], [0, 0]]]
NEW = ("parts", "layers", "dominant", "narrowing", "inference", "bounds_only")


def shipped(name: str, **options: Any) -> EnergyReport:
    program = tiny()
    return estimate_energy(program, run(program, SAMPLES), load_profile(name), **options)


def content(*reports: EnergyReport) -> Content:
    chips = tuple(ChipEnergy(report.profile, report) for report in reports)
    return Content(chips, "d.npz, 2 samples", "d.npz")


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_a_card_shows_an_interval_of_the_network_on_every_chip(name: str) -> None:
    (card,) = cards(content(shipped(name)))
    assert card.label == f"Energy of the network, {name}"
    assert " to " in card.value
    assert "all told: " in card.detail


def test_no_card_is_one_number_whatever_the_grades() -> None:
    program = tiny()
    exact = plain_energy(synop_pj=quantity(2.0), neuron_update_active_pj=quantity(10.0))
    report = estimate_energy(program, run(program, SAMPLES), chip(energy=exact))
    (card,) = cards(content(report))
    assert card.value.startswith("about ")


def test_intervals_are_drawn_for_terms_parts_and_sums() -> None:
    drawn = figures(content(shipped("loihi1"), shipped("loihi2", step_us=10.0)))
    for figure in drawn.values():
        for row in ("network, together", "host and barrier, together", "dynamic, sum", "total"):
            assert row in figure.description
    assert "a centre is not" in drawn["energy-loihi2"].note
    assert "a centre is not" not in drawn["energy-loihi1"].note


def older(report: EnergyReport) -> dict[str, Any]:
    """Return what a version without the new fields would have written."""
    plain = json.loads(json.dumps(report.to_dict()))
    for key in NEW:
        del plain[key]
    for term in plain["terms"]:
        del term["part"]
    known = ("spikes", "synops", "dynamic_pj")
    plain["worst_case"] = {key: plain["worst_case"][key] for key in known}
    kept = ("case", "quantity", "predicted", "measured", "role", "error", "contained")
    plain["validation"] = [{key: case[key] for key in kept} for case in plain["validation"]]
    return plain


def test_files_of_older_versions_are_still_read_and_shown(tmp_path: Path) -> None:
    program = tiny()
    nd.save(program, tmp_path / PROGRAM)
    report = shipped("loihi1")
    entry = {"profile": "loihi1", "report": older(report)}
    stored = {"format": 1, "digest": program.digest, "profiles": [entry]}
    found = as_record(Energies, stored, "energy.json").profiles[0].report
    assert found is not None
    assert found.headline_pj == report.headline_pj
    assert (found.parts, found.layers, found.bounds_only) == (None, (), False)
    write_json(tmp_path / ENERGY, stored)
    page = render(build_report(tmp_path))
    assert "Energy, loihi1" in page
    assert "Energy by population" not in page


def test_what_is_written_is_what_is_read() -> None:
    for name in ("loihi1", "loihi2"):
        report = shipped(name, step_us=10.0)
        stored = {"profiles": [{"profile": name, "report": report.to_dict()}]}
        assert as_record(Energies, stored, "energy.json").profiles[0].report == report


def test_the_page_shows_parts_populations_and_the_case_that_was_run(tmp_path: Path) -> None:
    program = tiny()
    nd.save(program, tmp_path / PROGRAM)
    entries = [{"profile": n, "report": shipped(n).to_dict()} for n in ("loihi1", "loihi2")]
    write_json(tmp_path / ENERGY, {"format": 1, "digest": program.digest, "profiles": entries})
    text = " ".join(re.sub(r"<[^>]+>", " ", render(build_report(tmp_path))).split())
    for expected in (
        "Host and barrier",
        "the network itself",
        "low to high, bounds only",
        "would narrow it",
        "Keyword spotter, trained, 390-256-256-29; held-out, activity assumed",
        "Cases that nothing was fitted to",
        "Skill over line",
        "One inference: 2 steps of one sample",
    ):
        assert expected in text, expected


def test_new_fields_of_stored_records_have_defaults() -> None:
    """A record that grows must read what was written before it grew."""
    for kind, before in ((EnergyReport, 25), (ValidationCase, 7)):
        later = dataclasses.fields(kind)[before:]
        assert later
        assert all(f.default is not dataclasses.MISSING for f in later), kind
