"""Chip profiles: the schema refuses what is not evidence, and the shipped files pass it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurodeploy.errors import ProfileError
from neurodeploy.profile import INTERVAL_ONLY, load_profile, profile_names

HEAD = """
[identity]
name = "chip"
status = "estimates"
schema_version = 1
"""
ENERGY = """
[energy]
count_convention = "taps"
synop_pj = { low = 1.0, mid = 2.0, high = 3.0, grade = "simulated", source = "book" }
"""
TAIL = """
[citations]
book = "A book"
"""
CASE = """
[cases.run]
title = "a run"
steps = { value = 4, grade = "measured", source = "book" }
updates = { value = 10, grade = "measured", source = "book" }
spikes = { value = 5, grade = "measured", source = "book" }
synops_taps = { value = 100, grade = "measured", source = "book" }
synops_nonzero = { value = 80, grade = "measured", source = "book" }
dynamic_mj = { value = 1.0, grade = "measured", source = "book" }
"""
FITTED = '{ low = 0.0, mid = 5.0, high = 10.0, grade = "fitted", cases = 1, source = "book" }'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chip.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_profiles_load_under_their_own_name() -> None:
    assert {"loihi1", "loihi2"} <= set(profile_names())
    assert [load_profile(name).name for name in profile_names()] == list(profile_names())


def test_every_shipped_number_names_a_source() -> None:
    for name in profile_names():
        profile = load_profile(name)
        for _, section in profile.sections():
            for key, quantity in section.quantities():
                assert not quantity.known or quantity.sources, key


def test_loihi1_uses_the_interval_of_all_published_synop_energies() -> None:
    energy = load_profile("loihi1").energy
    assert energy.synop_pj is not None
    assert energy.synop_pj.bounds == (23.6, 27.1, 35.5)
    assert energy.includes == ()
    assert energy.synop_pj.holds("hop") == (False, True, False)


def test_loihi2_has_no_constant_of_its_own_but_two_measured_totals() -> None:
    profile = load_profile("loihi2")
    assert profile.energy.joint == ("lavadl_pilotnet_lif", "lavadl_pilotnet_sdnn")
    assert [key for key, quantity in profile.energy.quantities() if quantity.known] == []
    assert all(profile.cases[name].dynamic_mj is not None for name in profile.energy.joint)


def test_no_energy_of_a_shipped_profile_is_a_point_of_a_weak_grade() -> None:
    for name in profile_names():
        for key, quantity in load_profile(name).energy.quantities():
            if quantity.known and quantity.grade in INTERVAL_ONLY:
                low, mid, high = quantity.bounds
                assert low <= mid <= high and low < high, key


def test_a_profile_of_ones_own_is_loaded_by_path(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + ENERGY + TAIL)
    assert load_profile(path) == load_profile(str(path))
    assert load_profile(path).energy.quantity("synop_pj") is not None


def test_absent_and_grade_none_are_unknown_and_never_zero(tmp_path: Path) -> None:
    text = HEAD + ENERGY + 'spike_pj = { grade = "none", note = "not found" }\n' + TAIL
    energy = load_profile(written(tmp_path, text)).energy
    assert energy.quantity("spike_pj") is None
    assert energy.quantity("axon_in_pj") is None
    assert energy.spike_pj is not None
    with pytest.raises(ProfileError, match="value is unknown"):
        _ = energy.spike_pj.bounds


BAD = {
    "unknown key in a section": (
        HEAD + "[energy]\nsynop_pJ = { value = 1.0 }\n",
        "energy.synop_pJ: unknown key, did you mean 'synop_pj'?",
    ),
    "unknown section": (HEAD + "[enrgy]\n", "enrgy: unknown key, did you mean 'energy'?"),
    "unknown key in a quantity": (
        HEAD + ENERGY.replace("source", "sauce") + TAIL,
        "energy.synop_pj.sauce: unknown key, did you mean 'source'?",
    ),
    "missing source": (
        HEAD + ENERGY.replace(', source = "book"', ""),
        "energy.synop_pj: source is missing, expected a key of [citations]",
    ),
    "source without citation": (
        HEAD + ENERGY,
        "file: energy.synop_pj: source 'book' is not in [citations]",
    ),
    "order": (
        HEAD + ENERGY.replace("mid = 2.0", "mid = 9.0") + TAIL,
        "energy.synop_pj: low 1, mid 9, high 3 are out of order",
    ),
    "point value of a weak grade": (
        HEAD + ENERGY.replace("low = 1.0, mid = 2.0, high = 3.0", "value = 2.0") + TAIL,
        "energy: synop_pj is a single value of grade simulated, "
        "expected an interval with low, mid and high",
    ),
    "half an interval": (
        HEAD + ENERGY.replace("mid = 2.0, ", "") + TAIL,
        "energy.synop_pj: expected either value, or low, mid and high",
    ),
    "both forms": (
        HEAD + ENERGY.replace("low = 1.0", "value = 2.0, low = 1.0") + TAIL,
        "energy.synop_pj: expected either value, or low, mid and high",
    ),
    "number of grade none": (
        HEAD + '[power]\nstatic_mw = { value = 0.0, grade = "none" }\n',
        "power.static_mw: grade none means unknown, it cannot hold a number",
    ),
    "negative": (
        HEAD + '[power]\nstatic_mw = { value = -1.0, grade = "measured", source = "book" }' + TAIL,
        "power: static_mw is -1, expected 0 to 1e+06",
    ),
    "not finite": (
        HEAD + '[power]\nstatic_mw = { value = nan, grade = "measured", source = "book" }' + TAIL,
        "power.static_mw.value: nan, input should be a finite number",
    ),
    "bare number": (
        HEAD + "[power]\nstatic_mw = 3.0\n",
        "power.static_mw: 3.0, input should be a valid dictionary or instance of Quantity",
    ),
    "unknown grade": (
        HEAD + ENERGY.replace('"simulated"', '"guessed"') + TAIL,
        "energy.synop_pj.grade: 'guessed', input should be 'measured', 'fitted', 'vendor', "
        "'pre-silicon', 'simulated', 'derived', 'secondary' or 'none'",
    ),
    "fitted without cases": (
        HEAD + ENERGY.replace('"simulated"', '"fitted"') + TAIL,
        "energy.synop_pj: cases is missing, a fitted value says how many totals it rests on",
    ),
    "synops without convention": (
        HEAD + ENERGY.replace('count_convention = "taps"\n', "") + TAIL,
        "energy: synop_pj needs count_convention, 'taps' or 'nonzero'",
    ),
    "joint constraint without case": (
        HEAD
        + '[energy]\ncount_convention = "taps"\njoint_constraint = "run"\n'
        + f"synop_pj = {FITTED}\nneuron_update_active_pj = {FITTED}\n"
        + TAIL,
        "file: energy.joint_constraint: no case 'run' in [cases]",
    ),
    "missing identity": (TAIL, "identity: missing, this key is required"),
    "version of the schema": (
        HEAD.replace("schema_version = 1", "schema_version = 2"),
        "identity.schema_version: 2, input should be 1",
    ),
    "not TOML": ("[identity\n", "not valid TOML, Expected ']' at the end of a table declaration"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_profile_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path = written(tmp_path, text)
    with pytest.raises(ProfileError) as raised:
        load_profile(path)
    assert str(raised.value).startswith(f"{path}: {message}")
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_an_unknown_name_say_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.toml: no such file$"):
        load_profile(tmp_path / "absent.toml")
    with pytest.raises(ProfileError, match=r"profile 'lohi2' is not shipped, did you mean 'loihi2"):
        load_profile("lohi2")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="cannot be read as UTF-8 text"):
        load_profile(path)


def test_importing_the_package_does_not_import_the_schema_library() -> None:
    """`nd.load_profile` is there, but pydantic is loaded on first use only."""
    program = (
        "import sys, neurodeploy as nd\n"
        "heavy = {'pydantic', 'rich', 'jinja2', 'plotly', 'typer', 'torch', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert nd.load_profile('loihi2').name == 'loihi2'\n"
        "assert callable(nd.estimate_energy)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
