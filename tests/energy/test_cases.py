"""Measured cases are predicted when they are asked for, by the code that prices a network."""

from __future__ import annotations

from typing import Any

import pytest
from measured_cases import SPOTTER_ACTIVITY, spotter, spotter_activity

from neurodeploy.energy import estimate_energy
from neurodeploy.energy.cases import case_counts, validate
from neurodeploy.energy.counts import counted
from neurodeploy.energy.report import ValidationCase
from neurodeploy.profile import ChipProfile, load_profile

SERIES = ("blouw_2019_n1", "blouw_2019_n4", "blouw_2019_n8")
"""Runs of the scaling series to which nothing was fitted."""
OTHERS = ("blouw_2019_n0", "blouw_2019_spotter")
"""Networks of another structure."""


def rows(profile: ChipProfile) -> dict[tuple[str, str], ValidationCase]:
    return {(case.case, case.quantity): case for case in validate(profile)}


def changed(name: str, **tables: dict[str, Any]) -> ChipProfile:
    content = load_profile(name).model_dump(exclude_none=True)
    for table, entries in tables.items():
        for key, change in entries.items():
            content[table][key] = {**content[table][key], **change}
    return ChipProfile.model_validate(content)


@pytest.mark.parametrize("chains", [0, 2])
def test_the_counts_of_a_case_are_those_of_the_network_it_describes(chains: int) -> None:
    case = load_profile("loihi1").cases[f"blouw_2019_n{chains}"]
    program = spotter(chains)
    network = counted(program, spotter_activity(program, SPOTTER_ACTIVITY), "taps")
    found = case_counts(case, "taps", 1)
    for name in ("updates", "spikes", "synops"):
        assert found.total(name)[0] == pytest.approx(float(network.total(name)[0]), rel=5e-3)


@pytest.mark.parametrize("chains", [0, 2])
def test_a_case_is_predicted_as_the_same_network_of_a_user_is_priced(chains: int) -> None:
    profile = load_profile("loihi1")
    name = f"blouw_2019_n{chains}"
    program = spotter(chains)
    step = profile.cases[name].step_us
    assert step is not None
    report = estimate_energy(
        program, spotter_activity(program, SPOTTER_ACTIVITY), profile, step_us=step.bounds[1]
    )
    assert report.dynamic_pj is not None
    mid = report.dynamic_pj.mean.mid
    assert mid is not None
    case = rows(profile)[name, "dynamic uJ per inference"]
    assert case.predicted.mid == pytest.approx(mid / 1e6, rel=1e-3)


def test_predictions_follow_the_constants() -> None:
    """The fault this guards against: typed predictions, the same whatever the constants are."""
    key = ("blouw_2019_spotter", "dynamic uJ per inference")
    shipped = rows(load_profile("loihi1"))[key]
    dear = rows(changed("loihi1", energy={"synop_pj": {"low": 2360, "mid": 2710, "high": 3550}}))
    awake = {"low": 0.0, "mid": 0.0, "high": 0.0}
    asleep = rows(changed("loihi1", power={"host_awake_mw": awake, "host_work_mw": awake}))
    assert shipped.error is not None and dear[key].error is not None
    assert abs(shipped.error) < 0.04
    assert dear[key].error > 1
    assert asleep[key].error == pytest.approx(-1, abs=0.05)


@pytest.mark.parametrize("name", SERIES)
def test_held_out_runs_of_the_series_without_being_given_the_step_time(name: str) -> None:
    found = rows(load_profile("loihi1"))
    power, energy = found[name, "running mW"], found[name, "dynamic uJ per inference"]
    assert (power.role, energy.role) == ("held-out", "held-out")
    assert power.error_untimed is not None and abs(power.error_untimed) < 0.01
    assert energy.error_untimed is not None and abs(energy.error_untimed) < 0.02
    # as good as the line through the calibration rows, within the scatter of repeats (0.5 %)
    assert power.line is not None and energy.line is not None
    for case, line in ((power, power.line), (energy, energy.line)):
        assert case.error is not None
        assert abs(case.error) <= abs(line / case.measured - 1) + 0.005


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("quantity", ["running mW", "dynamic uJ per inference"])
def test_skill_over_both_null_models_where_the_structure_differs(name: str, quantity: str) -> None:
    case = rows(load_profile("loihi1"))[name, quantity]
    assert case.role == "held-out"
    assert case.skill_constant is not None and case.skill_constant > 0
    assert case.skill_line is not None and case.skill_line > 0
    assert case.error_above_idle is not None and case.error is not None
    assert abs(case.error_above_idle) > abs(case.error)


def test_every_measured_value_lies_within_what_is_predicted_of_it() -> None:
    for name in ("loihi1", "loihi2"):
        for case in validate(load_profile(name)):
            assert case.contained, (name, case.case, case.quantity)


def test_calibration_rows_have_no_skill_and_bounds_no_error() -> None:
    loihi1, loihi2 = rows(load_profile("loihi1")), rows(load_profile("loihi2"))
    fitted = loihi1["blouw_2019_n2", "running mW"]
    assert (fitted.role, fitted.activity, fitted.skill_line) == ("calibration", "fitted", None)
    bounded = loihi2["lavadl_pilotnet_lif", "dynamic uJ per inference"]
    assert (bounded.predicted.mid, bounded.error, bounded.contained) == (None, None, True)


def test_a_case_without_counts_predicts_its_static_energy_alone() -> None:
    names = [q for case, q in rows(load_profile("loihi2")) if case == "lavadl_pilotnet_sdnn"]
    assert names == ["static uJ per inference"]
