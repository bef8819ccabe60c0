"""A power log refines a profile: the case is kept, and what is predicted of it is what was read."""

from __future__ import annotations

from pathlib import Path

import pytest
from energy_toys import chip, plain_energy, quantity, run, tiny

from neurodeploy.energy import estimate_energy
from neurodeploy.energy.cases import validate
from neurodeploy.energy.fit import fitted
from neurodeploy.energy.log import PowerLog, read_log
from neurodeploy.errors import InputError, OptionError, ProfileError
from neurodeploy.profile import ChipProfile, load_profile, profile_names, write_profile

SAMPLES = [[[1, 1], [0, 0]], [[0, 0], [0, 0]]]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bench.csv"
    path.write_text(text, "utf-8")
    return path


def refined(profile: ChipProfile, power_mw: float, step_us: float = 100.0) -> ChipProfile:
    program = tiny()
    log = PowerLog(power_mw, 10.0, 20)
    return fitted(profile, program, run(program, SAMPLES), log, step_us=step_us, name="bench")


def test_a_log_is_averaged_over_its_time(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, "time_s,power_mw,note\n0,100,a\n1,100,b\n3,200,c\n"))
    assert log == PowerLog((100 + 2 * 150) / 3, 3.0, 3)
    watts = read_log(written(tmp_path, "power_w,time_s\n0.1,5\n0.1,6\n"))
    assert watts.mean_mw == pytest.approx(100.0)


BAD = {
    "time backwards": ("time_s,power_mw\n0,1\n2,1\n1,1\n", ", line 4: time_s is 1 after 2"),
    "time standing": ("time_s,power_mw\n0,1\n0,1\n", ", line 3: time_s is 0 after 0"),
    "negative power": ("time_s,power_mw\n0,1\n1,-1\n", ", line 3: power_mw is -1, expected 0 to"),
    "a gigawatt": ("time_s,power_w\n0,1\n1,1e9\n", ", line 3: power_w is 1e9, expected 0 to 1000"),
    "no number": ("time_s,power_mw\n0,x\n1,1\n", ", line 2: power_mw is 'x', expected a number"),
    "not finite": ("time_s,power_mw\n0,nan\n1,1\n", ", line 2: power_mw is 'nan', expected"),
    "short row": ("time_s,power_mw\n0\n1,1\n", ", line 2: power_mw is None, expected a number"),
    "other columns": ("t,p\n0,1\n1,1\n", ": has the columns t, p; expected time_s and power_mw"),
    "two powers": ("time_s,power_mw,power_w\n0,1,1\n1,1,1\n", ": has the columns time_s"),
    "one row": ("time_s,power_mw\n0,1\n", ": has 1 readings, expected 2 or more"),
    "empty": ("", ": has 0 readings, expected 2 or more"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_log_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path = written(tmp_path, text)
    with pytest.raises(InputError) as raised:
        read_log(path)
    assert str(raised.value).startswith(f"{path}{message}")
    assert "\n" not in str(raised.value)


def test_a_missing_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: no such file$"):
        read_log(tmp_path / "absent.csv")


@pytest.mark.parametrize("power_mw", [105.0, 112.0])
def test_the_refined_profile_predicts_what_was_read(power_mw: float) -> None:
    found = refined(load_profile("loihi1"), power_mw)
    rows = {(row.case, row.quantity): row for row in validate(found)}
    row = rows["bench", "running mW"]
    assert row.measured == power_mw
    assert row.error == pytest.approx(0.0, abs=2e-3)
    assert (row.role, row.contained) == ("calibration", True)
    assert found.power.host_work_mw is not None
    assert (found.power.host_work_mw.grade, found.power.host_work_mw.cases) == ("fitted", 1)


def test_a_log_narrows_what_measured_totals_allow() -> None:
    before = load_profile("loihi2")
    after = refined(before, 290.0)
    program = tiny()
    activity = run(program, SAMPLES)
    wide, narrow = (
        estimate_energy(program, activity, profile, step_us=100.0).headline_pj.mean
        for profile in (before, after)
    )
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert narrow.high < 0.9 * wide.high
    # what was read: 290 mW less 232 to 282 mW over 200 us
    assert narrow.contains(290.0 * 200e3)
    assert after.energy.joint[-1] == "bench"


def test_power_below_the_idle_chip_is_taken_for_a_wrong_unit() -> None:
    for name, level in (("loihi1", 0.11), ("loihi2", 0.68)):
        with pytest.raises(ProfileError, match=r"^bench: reads .* mW, below the idle chip .* unit"):
            refined(load_profile(name), level)
    with pytest.raises(ProfileError, match=r"^bench: reads 60 mW, below idle chip, awake host"):
        refined(load_profile("loihi1"), 60.0)


def test_a_log_that_contradicts_the_cases_before_it_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"no constants agree with all of .*, bench$"):
        refined(load_profile("loihi2"), 50_000.0)


def test_bad_options_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^step_us is 0, expected"):
        refined(load_profile("loihi1"), 110.0, step_us=0)
    with pytest.raises(OptionError, match=r"has a case 'bench' already"):
        refined(refined(load_profile("loihi1"), 110.0), 110.0)
    with pytest.raises(ProfileError, match=r"static_mw is unknown"):
        refined(chip(energy=plain_energy(), power={"host_awake_mw": quantity(1.0)}), 110.0)


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_that_is_written_reads_as_the_same(name: str, tmp_path: Path) -> None:
    shipped = load_profile(name)
    costs = shipped.identity.status != "limits"
    for profile in (shipped, *([refined(shipped, 300.0)] if costs else [])):
        write_profile(profile, tmp_path / "mine.toml")
        assert load_profile(tmp_path / "mine.toml") == profile
