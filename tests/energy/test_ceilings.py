"""Bounds that certificates give are priced beside the trivial worst case, and never above it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from energy_toys import chip, plain_energy, quantity, run, tiny

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.demo import shipped_program
from neurodeploy.energy import Interval, estimate_energy
from neurodeploy.energy.ceilings import Ceiling
from neurodeploy.errors import InputError

SAMPLES = [[[1, 1], [0, 0]], [[0, 0], [0, 0]]]
BOUND = Ceiling("certified for two samples", {"a": 3, "b": 1}, {"x->a": 5, "a->b": 2})


def test_a_ceiling_is_priced_by_its_own_counts() -> None:
    program = tiny()
    profile = chip(energy=plain_energy(), power={"static_mw": quantity(3.0)})
    report = estimate_energy(
        program, run(program, SAMPLES), profile, step_us=5.0, ceilings=(BOUND,)
    )
    (found,) = report.ceilings
    assert (found.spikes, found.synops, found.basis) == (4, 7, "certified for two samples")
    # 7 operations at 1, 2, 3 pJ and 6 updates at 10 pJ
    assert found.dynamic_pj == found.network_pj == Interval(67.0, 74.0, 81.0)
    assert found.total_pj is not None
    assert found.total_pj.high == 81.0 + 30_000.0
    assert report.dynamic_pj is not None
    assert report.dynamic_pj.maximum.high <= found.dynamic_pj.high
    assert found.dynamic_pj.high <= report.worst_case.dynamic_pj.high
    assert "certified for two samples: network at most 81 pJ" in report.table()


def test_no_ceiling_is_above_the_trivial_bound() -> None:
    program = tiny()
    wide = Ceiling("loose", {"a": 1000, "b": 1000}, {"x->a": 1000, "a->b": 1000})
    report = estimate_energy(
        program, run(program, SAMPLES), chip(energy=plain_energy()), ceilings=(wide,)
    )
    assert report.ceilings[0].dynamic_pj == report.worst_case.dynamic_pj


REFUSED: dict[str, tuple[Mapping[str, int], Mapping[str, int], str]] = {
    "another population": (
        {"a": 1},
        BOUND.synops,
        "ceiling: bounds the populations a, the program has a, b",
    ),
    "another connection": (
        BOUND.spikes,
        {},
        "ceiling: bounds the connections none, the program has a->b, x->a",
    ),
    "below nothing": ({"a": -1, "b": 0}, BOUND.synops, "ceiling: a is -1, expected 0 or more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ceilings_of_something_else_are_refused(name: str) -> None:
    spikes, synops, message = REFUSED[name]
    program = tiny()
    bound = Ceiling("bad", spikes, synops)
    with pytest.raises(InputError, match=f"^{message}$"):
        estimate_energy(
            program, run(program, SAMPLES), chip(energy=plain_energy()), ceilings=(bound,)
        )


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with certificates of the demonstration's network on 20 digits."""
    home = tmp_path_factory.mktemp("certified")
    nd.save(shipped_program(), str(home / "p.h5"))
    asked = ("--data", "digits", "--samples", "20", "--out", str(home / "run"))
    suite = ("--suite", "certify", "--eps", "16,32")
    assert command_line(app, ["verify", str(home / "p.h5"), *asked, *suite]) == 0
    return home


def energy_of(home: Path, samples: int, profile: str = "loihi1,loihi2") -> list[dict[str, Any]]:
    asked = ("--data", "digits", "--samples", str(samples), "--out", str(home / "run"))
    arguments = ["energy", str(home / "p.h5"), "--profile", profile, *asked]
    assert command_line(app, arguments) == 0
    content = json.loads((home / "run" / "energy.json").read_text())
    return [entry["report"] for entry in content["profiles"]]


def test_mean_largest_and_certified_stand_in_that_order(certified: Path) -> None:
    for report in energy_of(certified, 20):
        found = report["ceilings"]
        assert [entry["basis"] for entry in found] == [
            "certified for data within eps 16 of the first 20 samples",
            "certified for data within eps 32 of the first 20 samples",
            "certified for all data of the range",
        ]
        seen = [report["dynamic_pj"]["mean"], report["dynamic_pj"]["maximum"]]
        most = [entry["dynamic_pj"] for entry in found]
        highs = [one["high"] for one in (*seen, *most, report["worst_case"]["dynamic_pj"])]
        assert all(low <= high * (1 + 1e-12) for low, high in pairwise(highs))


def test_certificates_of_other_samples_bound_nothing(certified: Path) -> None:
    assert energy_of(certified, 19, "loihi2")[0]["ceilings"] == []


def test_a_bound_below_what_a_sample_did_is_a_damaged_file(
    certified: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = certified / "run" / "verify.json"
    held = path.read_text()
    content = json.loads(held)
    row = next(one for one in content["worst_case"]["spikes"] if one["largest"] > 0)
    row["within"][0] = row["largest"] - 1
    path.write_text(json.dumps(content))
    asked = ("--data", "digits", "--samples", "20", "--out", str(certified / "run"))
    try:
        code = command_line(app, ["energy", str(certified / "p.h5"), "--profile", "loihi2", *asked])
        assert code == 2
        assert f"{row['name']} is bounded by less than its samples did" in capsys.readouterr().err
    finally:
        path.write_text(held)


def test_bounds_of_nothing_cost_only_updates() -> None:
    program = tiny()
    none = Ceiling("silent", dict.fromkeys("ab", 0), {"x->a": 0, "a->b": 0})
    profile = chip(energy=plain_energy())
    report = estimate_energy(program, run(program, SAMPLES), profile, ceilings=(none,))
    assert report.ceilings[0].dynamic_pj == Interval(60.0, 60.0, 60.0)
    assert np.isclose(report.ceilings[0].spikes, 0)
