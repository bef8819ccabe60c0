"""Profiles that extend another one, the template to start from, and the chips for mapping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import neurodeploy as nd
from neurodeploy.errors import ProfileError
from neurodeploy.profile import load_profile, profile_names, template
from neurodeploy.profile.template import ELSEWHERE, section_types

MINE = 'extends = "loihi1"\n[identity]\nname = "mine"\n'
LIMIT = 'cores_per_chip = { value = 64, grade = "vendor", source = "sheet" }\n'
TILES = 'tiles_per_chip = { value = 16, grade = "vendor", source = "sheet" }\n'
NO_MESH = '[noc]\nwidth_tiles = { grade = "none" }\n'
SHEET = '[citations]\nsheet = "Data sheet"\n'


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_file_lays_its_keys_over_those_of_a_chip(tmp_path: Path) -> None:
    chip = load_profile(written(tmp_path, MINE + "[limits]\n" + LIMIT + TILES + NO_MESH + SHEET))
    parent = load_profile("loihi1")
    assert (chip.name, chip.identity.vendor) == ("mine", "Intel")
    assert chip.identity.based_on == "loihi1, version 1"
    cores = chip.limits.quantity("cores_per_chip")
    assert cores is not None
    assert (cores.value, cores.grade, cores.source) == (64, "vendor", "sheet")
    assert chip.noc.quantity("width_tiles") is None
    assert chip.precision == parent.precision
    assert chip.energy == parent.energy
    assert chip.cases == parent.cases
    assert parent == load_profile("loihi1")


def test_a_number_is_replaced_with_its_evidence(tmp_path: Path) -> None:
    text = MINE + "[limits]\ncores_per_chip = { value = 128 }\n"
    with pytest.raises(ProfileError, match=r"limits\.cores_per_chip\.grade: missing"):
        load_profile(written(tmp_path, text))


def test_a_case_is_changed_in_part(tmp_path: Path) -> None:
    text = MINE + '[cases.blouw_2019_n2]\ntitle = "Another title"\n'
    chip = load_profile(written(tmp_path, text))
    case, was = chip.cases["blouw_2019_n2"], load_profile("loihi1").cases["blouw_2019_n2"]
    assert case.title == "Another title"
    assert case.steps == was.steps


def test_a_path_is_seen_from_the_file_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chips").mkdir()
    written(tmp_path / "chips", MINE, "base.toml")
    text = 'extends = "base.toml"\n[identity]\nname = "child"\nboard = "Ours"\n'
    written(tmp_path / "chips", text, "child.toml")
    monkeypatch.chdir(tmp_path)
    chip = nd.load_profile("chips/child.toml")
    assert (chip.name, chip.identity.board) == ("child", "Ours")
    assert chip.identity.based_on == "mine, version 1"
    assert chip.limits == load_profile("loihi1").limits


CIRCLES = {
    "itself": (
        {"a.toml": "a.toml"},
        "a.toml: extends goes in a circle, a.toml extends a.toml",
    ),
    "through two others": (
        {"a.toml": "b.toml", "b.toml": "c.toml", "c.toml": "a.toml"},
        ("a.toml: extends goes in a circle, a.toml extends b.toml extends c.toml extends a.toml"),
    ),
    "two others": (
        {"a.toml": "b.toml", "b.toml": "c.toml", "c.toml": "b.toml"},
        ("b.toml: extends goes in a circle, a.toml extends b.toml extends c.toml extends b.toml"),
    ),
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_is_one_line(name: str, tmp_path: Path) -> None:
    files, message = CIRCLES[name]
    for file, parent in files.items():
        written(tmp_path, f'extends = "{parent}"\n[identity]\nname = "x"\n', file)
    with pytest.raises(ProfileError) as raised:
        load_profile(tmp_path / "a.toml")
    assert str(raised.value).replace(f"{tmp_path}/", "") == message


BAD = {
    "unknown chip": (
        'extends = "lohi1"\n[identity]\nname = "mine"\n',
        (
            "profile 'lohi1' is not shipped, did you mean 'loihi1'? (a file of your own is given "
            "by its path, ending in .toml)"
        ),
    ),
    "missing file": ('extends = "absent.toml"\n', "absent.toml: no such file"),
    "a number": ("extends = 7\n", "mine.toml: extends is 7, expected a chip's name or a path"),
    "empty": ('extends = ""\n', "mine.toml: extends is '', expected a chip's name or a path"),
    "no name": (
        'extends = "loihi1"\n[identity]\nboard = "x"\n',
        ("mine.toml: identity.name is missing, a profile that extends another has its own"),
    ),
    "no table": (
        'extends = "loihi1"\nlimits = 7\n[identity]\nname = "mine"\n',
        "mine.toml: limits is 7, expected a table",
    ),
    "unknown key": (
        MINE + "[limits]\ncore_per_chip = 7\n",
        "mine.toml: limits.core_per_chip: unknown key, did you mean 'cores_per_chip'?",
    ),
    "contradicts its parent": (
        MINE + "[limits]\n" + LIMIT + SHEET,
        "mine.toml: limits: tiles_per_chip times cores_per_tile is 128, cores_per_chip says 64",
    ),
    "unknown choice": (
        MINE
        + '[limits]\nmap_cut = { value = "rows", grade = "vendor", source = "sheet" }\n'
        + SHEET,
        "mine.toml: limits: map_cut is 'rows', expected one of any, width",
    ),
    "choice without value": (
        MINE + '[limits]\nmap_cut = { grade = "vendor", source = "sheet" }\n' + SHEET,
        "mine.toml: limits.map_cut: value is missing",
    ),
    "choice of grade none": (
        MINE + '[limits]\nmap_cut = { value = "any", grade = "none" }\n',
        "mine.toml: limits.map_cut: grade none means unknown, it cannot hold a value",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_one_line(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    with pytest.raises(ProfileError) as raised:
        load_profile(written(tmp_path, text))
    assert str(raised.value).replace(f"{tmp_path}/", "") == message


def test_the_template_loads_and_names_every_key(tmp_path: Path) -> None:
    chip = load_profile(written(tmp_path, template()))
    assert (chip.name, chip.identity.status) == ("my_chip", "limits")
    for name, kind in section_types():
        part = template().split(f"[{name}]\n")[1].split("\n[")[0]
        for key in kind.model_fields:
            assert key in ELSEWHERE or f"\n# {key} = " in part, f"{name}.{key}"


def test_every_line_of_the_template_can_be_used(tmp_path: Path) -> None:
    lines = template().splitlines()
    kept = [re.sub(r"^# (?!extends)(?=[a-z_]+ = [^=])", "", line) for line in lines]
    chip = load_profile(written(tmp_path, "\n".join(kept)))
    for _, section in chip.sections():
        for key in type(section).model_fields:
            assert key in ELSEWHERE or getattr(section, key) not in (None, ()), key
    assert chip.identity.board == "Board that was measured"


def test_shipped_chips_state_what_serves_mapping() -> None:
    for name in set(profile_names()) - {"loihi1", "loihi2"}:
        chip = load_profile(name)
        assert chip.identity.status == "limits"
        stated = [key for key, _ in chip.limits.quantities()]
        assert bool(stated) == chip.identity.chip
    assert not load_profile("generic_45nm").identity.chip


def test_encodings_of_loihi_are_those_that_faults_use() -> None:
    from neurodeploy.sim.faults.words import LOIHI

    for name in ("loihi1", "loihi2"):
        precision = load_profile(name).precision
        assert precision.choice("weight_encoding") == LOIHI.weight
        for parameter, encoding in (("threshold", "threshold"), ("current_decay", "decay")):
            form = LOIHI.parameters()[parameter]
            less = "-less-one" if form.offset else ""
            assert precision.choice(f"{encoding}_encoding") == form.code + less
        assert precision.choice("bias_encoding") == LOIHI.parameters()["bias"].code
