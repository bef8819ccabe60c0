"""The energy estimator: hand-computed sums, the measured cases, refusals and caveats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from energy_toys import chip, joint_chip, plain_energy, quantity, reason, run, term, tiny
from measured_cases import (
    PILOTNET_DYNAMIC_UJ,
    PILOTNET_STATIC_UJ,
    PILOTNET_STEP_US,
    SPOTTER_ACTIVITY,
    pilotnet,
    pilotnet_activity,
    spotter,
    spotter_activity,
)

import neurodeploy as nd
from neurodeploy.energy import Interval, estimate_energy
from neurodeploy.energy.units import digits, energy, energy_range
from neurodeploy.errors import InputError, OptionError, ProfileError
from neurodeploy.profile import load_profile
from neurodeploy.sim.fanout import fan_out

# Sample 0: both inputs fire in step 0, so do both neurons of a, then b. Sample 1: silence.
SAMPLES = [[[1, 1], [0, 0]], [[0, 0], [0, 0]]]


def test_terms_are_counts_times_constants() -> None:
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), chip(energy=plain_energy()))
    # sample 0 counts 2 * 2 synapses out of x and 2 * 1 out of a
    synops = term(report, "synaptic operations")
    assert (synops.count_min, synops.count_mean, synops.count_max) == (0, 3, 6)
    assert synops.energy_pj == Interval(3.0, 6.0, 9.0)
    updates = term(report, "neuron updates")
    assert (updates.count_mean, updates.energy_pj.mid) == (6, 60.0)
    assert report.quantity == "dynamic energy per inference"
    assert report.headline_pj.mean == Interval(63.0, 66.0, 69.0)
    assert report.headline_pj.minimum == Interval(60.0, 60.0, 60.0)
    assert report.headline_pj.maximum == Interval(66.0, 72.0, 78.0)
    assert report.total_pj is None


def test_the_profile_chooses_the_count_convention() -> None:
    program = tiny()
    activity = run(program, SAMPLES)
    sparse = chip(energy=plain_energy(count_convention="nonzero"))
    report = estimate_energy(program, activity, sparse)
    assert report.count_convention == "nonzero"
    assert term(report, "synaptic operations").count_max == 5


def test_static_power_is_charged_over_the_time_that_is_given() -> None:
    profile = chip(energy=plain_energy(), power={"static_mw": quantity(2.0, 3.0, 4.0)})
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile, step_us=5.0)
    # 3 mW over 2 steps of 5 us = 30 nJ
    assert report.static_pj is not None
    assert report.static_pj.mean == Interval(20_000.0, 30_000.0, 40_000.0)
    assert report.quantity == "energy per inference"
    assert report.headline_pj.mean.mid == 30_066.0
    assert report.duration is not None
    assert report.duration.inference_us.mid == 10.0
    assert report.duration.bounded_by == "the step time that was given, 5 us"


def test_without_a_time_static_power_is_left_out_and_named() -> None:
    profile = chip(energy=plain_energy(), power={"static_mw": quantity(3.0)})
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile)
    assert report.static_pj is None
    assert report.duration is None
    assert reason(report, "static power") == (
        "time of an inference unknown: profile has no timing.synop_ns; give the step time"
    )


def test_time_from_the_profile_holds_for_any_placement() -> None:
    profile = chip(
        energy=plain_energy(),
        limits={"neurons_per_core_max": quantity(2.0), "cores_per_chip": quantity(4.0)},
        timing={
            "synop_ns": quantity(10.0),
            "neuron_update_ns": quantity(100.0),
            "barrier_sync_us": quantity(0.5),
        },
    )
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES[:1]), profile)
    # work = 6 * 10 + 6 * 100 ns, of which a does 440 ns. Low: shared by 4 cores. Mid: a on a core.
    # High: a neuron works at most 2 * (2 * 10 + 100) ns, a core has room for two: all of a, and
    # 40 ns of b. Barrier: 1 us
    assert report.duration is not None
    time = report.duration.inference_us
    assert (time.low, time.mid, time.high) == pytest.approx((1.165, 1.44, 1.48))
    assert report.duration.bounded_by == "the barrier, 69% of the step time"


def test_barrier_table_is_read_at_the_tiles_in_use() -> None:
    rows = [
        {"tiles": t, "us": {**quantity(us), "source": "book"}} for t, us in ((1, 1.0), (4, 2.0))
    ]
    profile = chip(
        energy=plain_energy(),
        limits={"neurons_per_core_max": quantity(1.0)},
        timing={
            "synop_ns": quantity(0.0),
            "neuron_update_ns": quantity(0.0),
            "barrier_sync_table": rows,
        },
    )
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile)
    assert report.duration is not None
    assert report.duration.step_us == Interval(2.0, 2.0, 2.0)


def test_inactive_updates_set_the_low_end_only() -> None:
    profile = chip(energy=plain_energy(neuron_update_inactive_pj=quantity(4.0)))
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile)
    assert term(report, "neuron updates").constant == Interval(4.0, 10.0, 10.0)
    assert any("not told apart" in caveat for caveat in report.warnings)


def test_sub_costs_that_a_constant_holds_are_not_charged_twice() -> None:
    profile = chip(energy=plain_energy(includes=["spike", "hop"], spike_pj=quantity(9.0)))
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile)
    assert [t.name for t in report.terms] == ["synaptic operations", "neuron updates"]
    assert reason(report, "spikes") == "already held by the other constants (includes)"
    assert reason(report, "horizontal hops") == "already held by the other constants (includes)"
    assert reason(report, "axon messages") == "axon_out_pj is unknown"


def test_constants_for_kinds_of_connection_stand_in_for_a_common_one() -> None:
    energies = plain_energy(synop_dense_pj=quantity(7.0))
    del energies["synop_pj"]
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES[:1]), chip(energy=energies))
    assert term(report, "synaptic operations, dense").energy_pj.mid == 42.0


@pytest.mark.parametrize(("synops", "flagged"), [(5, True), (6, False), (54, False), (55, True)])
def test_a_ratio_beyond_three_times_the_case_is_an_extrapolation(
    synops: int, flagged: bool
) -> None:
    """The case has one synop per update, tiny has 18 updates."""
    program = tiny()
    activity = run(program, SAMPLES[:1])
    moved = nd.Activity(
        steps=6,
        samples=1,
        input_events=activity.input_events,
        spikes=activity.spikes,
        updates={"a": np.array([12]), "b": np.array([6])},
        synops_taps={"x->a": np.array([0]), "a->b": np.array([synops])},
        synops_nonzero=activity.synops_nonzero,
        u_wraps=activity.u_wraps,
        v_saturations=activity.v_saturations,
    )
    report = estimate_energy(program, moved, joint_chip())
    found = any(w.startswith("extrapolation:") for w in report.warnings)
    assert found == flagged


def test_a_profile_with_synops_only_gives_synaptic_energy_and_says_so() -> None:
    energies = plain_energy(spike_pj=quantity(1.0))
    del energies["neuron_update_active_pj"]
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), chip(energy=energies))
    assert report.quantity == "synaptic energy per inference"
    assert report.headline_pj.mean == Interval(3.0, 6.0, 9.0)
    assert report.dynamic_pj is None
    assert report.total_pj is None
    assert report.warnings[0].startswith("only synaptic operations can be priced")
    assert "Energy per inference" not in report.table()


REFUSED = {
    "synop of grade none": (
        {"energy": plain_energy(synop_pj={"grade": "none"})},
        "profile chip: energy is refused, the energy of a synaptic operation (synop_pj) is "
        "unknown and no measured case bounds it",
    ),
    "no energy section": (
        {},
        "profile chip: energy is refused, the energy of a synaptic operation (synop_pj) is "
        "unknown and no measured case bounds it",
    ),
    "status limits": (
        {"identity": {"status": "limits"}, "energy": plain_energy()},
        "profile chip: energy is refused, its status is limits: it serves mapping only",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_energy_is_refused_without_a_usable_constant(name: str) -> None:
    sections, message = REFUSED[name]
    program = tiny()
    with pytest.raises(ProfileError) as raised:
        estimate_energy(program, run(program, SAMPLES), chip(**sections))
    assert str(raised.value) == message


def test_dynamic_energy_below_the_static_uncertainty_is_not_observable() -> None:
    profile = chip(energy=plain_energy(), power={"static_mw": quantity(2.0, 3.0, 4.0)})
    program = tiny()
    activity = run(program, SAMPLES)
    slow = estimate_energy(program, activity, profile, step_us=1000.0)
    fast = estimate_energy(program, activity, profile, step_us=0.001)
    assert any(w.startswith("I/O-bound: dynamic energy not observable") for w in slow.warnings)
    assert not any(w.startswith("I/O-bound") for w in fast.warnings)


def test_more_neurons_than_a_chip_holds_multiply_static_power() -> None:
    profile = chip(
        energy=plain_energy(),
        power={"static_mw": quantity(3.0)},
        limits={"neurons_per_core_max": quantity(1.0), "cores_per_chip": quantity(2.0)},
    )
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), profile, step_us=5.0)
    assert term(report, "static power").energy_pj.mid == 60_000.0
    assert any("at least 2 chips" in caveat for caveat in report.warnings)


def test_the_worst_case_is_kept_apart_and_never_below_a_sample() -> None:
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), chip(energy=plain_energy()))
    # 2 steps of 2 * 2 + 2 * 1 synapses and 3 neurons
    assert (report.worst_case.synops, report.worst_case.spikes) == (12, 6)
    assert report.worst_case.dynamic_pj == Interval(72.0, 84.0, 96.0)
    assert report.dynamic_pj is not None
    assert report.dynamic_pj.mean.high <= report.dynamic_pj.maximum.high
    assert report.dynamic_pj.maximum.high <= report.worst_case.dynamic_pj.high


KINDS: dict[str, tuple[Any, str]] = {
    "a name": (
        "loihi2",
        "profile is 'loihi2', expected a ChipProfile; give load_profile('loihi2')",
    ),
    "a path": (
        Path("my.toml"),
        "profile is 'my.toml', expected a ChipProfile; give load_profile('my.toml')",
    ),
    "nothing": (None, "profile is a NoneType, expected a ChipProfile"),
}


@pytest.mark.parametrize(("profile", "message"), KINDS.values(), ids=KINDS)
def test_what_is_no_profile_is_refused_with_the_way_out(profile: Any, message: str) -> None:
    program = tiny()
    trace = nd.simulate(program, np.ones((2, 3, 2), np.uint8))
    with pytest.raises(OptionError) as raised:
        estimate_energy(program, trace.activity, profile)
    assert str(raised.value) == message


def test_a_trace_in_place_of_its_activity_is_refused_with_the_way_out() -> None:
    program = tiny()
    trace: Any = nd.simulate(program, np.ones((2, 3, 2), np.uint8))
    with pytest.raises(OptionError) as raised:
        estimate_energy(program, trace, load_profile("loihi2"))
    assert str(raised.value) == ("activity is a Trace, expected an Activity; give trace.activity")


def test_activity_of_another_program_is_refused() -> None:
    program = tiny()
    activity = run(program, SAMPLES)
    with pytest.raises(InputError, match="use the activity of a run of this program"):
        estimate_energy(spotter(0), activity, chip(energy=plain_energy()))


def test_counts_that_an_engine_cannot_see_are_refused() -> None:
    program = tiny()
    activity = run(program, SAMPLES)
    unseen = nd.Activity(
        steps=2,
        samples=2,
        input_events=activity.input_events,
        spikes={"a": np.array([-1]), "b": np.array([-1])},
        updates=activity.updates,
        synops_taps=activity.synops_taps,
        synops_nonzero=activity.synops_nonzero,
        u_wraps=activity.u_wraps,
        v_saturations=activity.v_saturations,
    )
    with pytest.raises(InputError, match="a could not be counted by the engine of that run"):
        estimate_energy(program, unseen, chip(energy=plain_energy()))


@pytest.mark.parametrize("step_us", [0.0, -1.0, float("inf"), float("nan")])
def test_a_bad_step_time_is_refused(step_us: float) -> None:
    program = tiny()
    with pytest.raises(OptionError, match=r"^step_us is .*, expected a positive number"):
        estimate_energy(
            program, run(program, SAMPLES), chip(energy=plain_energy()), step_us=step_us
        )


def test_pilotnet_has_the_published_structure() -> None:
    program = pilotnet()
    taps = sum(int(fan_out(program, k).taps.sum()) for k in range(len(program.connections)))
    assert (program.neurons, taps) == (158_509, 14_144_550)
    totals = pilotnet_activity(program).totals()
    assert sum(totals["updates"].values()) == 2_536_144
    assert sum(totals["spikes"].values()) == 741_321
    assert sum(totals["synops_taps"].values()) == 48_267_067
    assert sum(totals["synops_nonzero"].values()) == 40_871_267


def test_the_loihi2_profile_contains_its_own_case() -> None:
    program = pilotnet()
    report = estimate_energy(
        program, pilotnet_activity(program), load_profile("loihi2"), step_us=PILOTNET_STEP_US
    )
    assert report.dynamic_pj is not None
    assert report.static_pj is not None
    mean = report.dynamic_pj.mean
    assert mean.contains(PILOTNET_DYNAMIC_UJ * 1e6)
    # the counts of the case are known within 10 %, and nothing else widens its own interval
    assert mean.low == pytest.approx(PILOTNET_DYNAMIC_UJ * 1e6 / 1.1, rel=1e-6)
    assert mean.high == pytest.approx(PILOTNET_DYNAMIC_UJ * 1e6 / 0.9, rel=1e-6)
    assert report.static_pj.mean.contains(PILOTNET_STATIC_UJ * 1e6)
    assert not any(w.startswith("extrapolation") for w in report.warnings)


def test_the_slope_of_the_scaling_series_is_met_without_the_host() -> None:
    """Measured on Loihi 1: 16.5 uJ per chain of ten 256-256 layers, 2 to 10 chains."""
    profile = load_profile("loihi1")
    energies = []
    for chains in (2, 10):
        program = spotter(chains)
        report = estimate_energy(
            program, spotter_activity(program, SPOTTER_ACTIVITY), profile, step_us=875.0
        )
        assert report.dynamic_pj is not None
        energies.append(report.dynamic_pj.mean.mid / 1e6)
    assert (energies[1] - energies[0]) / 8 == pytest.approx(16.5, rel=0.02)


def test_synops_alone_miss_the_measured_spotter_by_fifty_times() -> None:
    """A profile with nothing but a synop constant is off by 50x, and its report warns."""
    energies = {"count_convention": "taps", "synop_pj": quantity(27.1)}
    program = spotter(0)
    report = estimate_energy(program, spotter_activity(program, 0.1), chip(energy=energies))
    assert 271.4e6 / report.headline_pj.mean.mid > 50
    assert report.quantity == "synaptic energy per inference"
    assert "53x too low" in report.warnings[0]


def test_the_report_is_plain_data_with_the_same_content() -> None:
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLES), load_profile("loihi1"))
    data = json.loads(json.dumps(report.to_dict()))
    assert data["headline_pj"]["mean"]["mid"] == report.headline_pj.mean.mid
    assert data["terms"][0]["constant"] == {"low": 23.6, "mid": 27.1, "high": 35.5}
    assert data["statement"] == "No hardware was measured for this report."
    assert set(data["terms"][0]["sources"]) <= set(data["citations"])


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_the_table_reads_at_80_columns_and_states_what_every_report_must(name: str) -> None:
    program = tiny()
    text = estimate_energy(program, run(program, SAMPLES), load_profile(name)).table()
    assert max(len(line) for line in text.splitlines()) <= 80
    flat = " ".join(text.split())
    for statement in (
        "No hardware was measured for this report",
        "Left out",
        "counted as taps",
        "calibration",
        f"profile {name}, version 1",
        "time of an inference",
    ):
        assert statement in flat


@pytest.mark.parametrize(
    ("pj", "text"),
    [
        (0.0, "0 pJ"),
        (0.5, "0.5 pJ"),
        (999.4, "999 pJ"),
        (1000.0, "1 nJ"),
        (1.0935e9, "1.09 mJ"),
        (2.5e12, "2.5 J"),
        (123_456.0, "123 nJ"),
    ],
)
def test_energies_read_with_three_digits_and_a_fitting_unit(pj: float, text: str) -> None:
    assert energy(pj) == text


def test_ranges_share_one_unit() -> None:
    assert energy_range(Interval(5.79e8, 1.094e9, 1.0957e9)) == "1.09 (0.579 to 1.1) mJ"
    assert energy_range(Interval(26.0, 26.0, 26.0)) == "26 pJ"
    assert digits(0.00456) == "0.00456"
