"""Every number of a profile is priced, or named among what was left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from energy_toys import chip, plain_energy, quantity, reason, run, term, tiny

import neurodeploy as nd
from neurodeploy.energy import Interval, estimate_energy
from neurodeploy.energy.unpriced import UNPRICED
from neurodeploy.errors import OptionError
from neurodeploy.profile import load_profile
from neurodeploy.profile.costs import Energy, Power, StepTiming

SAMPLES = [[[1, 1], [0, 0]], [[0, 0], [0, 0]]]

PRICED = {
    "energy": {
        "synop_pj",
        "synop_dense_pj",
        "synop_conv_pj",
        "neuron_update_active_pj",
        "neuron_update_inactive_pj",
        "spike_pj",
        "axon_in_pj",
        "axon_out_pj",
        "hop_horizontal_pj",
        "hop_vertical_pj",
        "barrier_sync_nj_per_step",
        "host_nj_per_step",
        "input_event_pj",
    },
    "power": {"static_mw", "host_awake_mw", "host_work_mw", "chip_fraction"},
    "timing": {
        "synop_ns",
        "neuron_update_ns",
        "spike_out_ns",
        "barrier_sync_us",
        "host_us_per_step",
        "whole_step_us",
    },
}


def report_of(samples: Any = SAMPLES, step_us: float | None = 5.0, **sections: Any) -> Any:
    program = tiny()
    return estimate_energy(program, run(program, samples), chip(**sections), step_us=step_us)


def headline(**sections: Any) -> Interval:
    mean: Interval = report_of(**sections).headline_pj.mean
    return mean


@pytest.mark.parametrize(
    ("table", "section"), [("energy", Energy), ("power", Power), ("timing", StepTiming)]
)
def test_every_key_has_a_price_or_a_reason(table: str, section: Any) -> None:
    numbers = {
        key for key, field in section.model_fields.items() if "Quantity" in str(field.annotation)
    }
    assert numbers == PRICED[table] | set(UNPRICED.get(table, {}))


@pytest.mark.parametrize("key", sorted(UNPRICED["energy"]))
def test_an_energy_without_a_price_is_named(key: str) -> None:
    more = {key: quantity(1.0)}
    assert headline(energy=plain_energy(**more)) == headline(energy=plain_energy())
    assert reason(report_of(energy=plain_energy(**more)), key) == UNPRICED["energy"][key]


@pytest.mark.parametrize("key", sorted(UNPRICED["timing"]))
def test_a_time_without_a_use_is_named(key: str) -> None:
    report = report_of(energy=plain_energy(), timing={key: quantity(1.0)})
    assert reason(report, key) == UNPRICED["timing"][key]


def test_a_constant_for_one_kind_stands_before_the_common_one() -> None:
    report = report_of(energy=plain_energy(synop_dense_pj=quantity(7.0)))
    assert term(report, "synaptic operations, dense").constant == Interval(7.0, 7.0, 7.0)
    assert term(report, "synaptic operations, conv").key == "synop_pj"


def test_a_sub_cost_is_left_out_only_where_a_constant_holds_it() -> None:
    """Hops are within the middle of the synop constant: they are charged at the high end."""
    mesh = {"topology": "mesh", "width_tiles": quantity(8.0), "height_tiles": quantity(4.0)}
    energies = plain_energy(hop_horizontal_pj=quantity(3.0))
    energies["synop_pj"] = {**energies["synop_pj"], "includes": ["hop"], "includes_at": ["mid"]}
    energies["synop_pj"]["source"] = "book"
    report = report_of(SAMPLES[:1], energy=energies, noc=mesh)
    # the two neurons of a fire once, one core holds b: 2 messages over 0 to 7 links
    assert term(report, "horizontal hops").energy_pj == Interval(0.0, 0.0, 2 * 7 * 3.0)


def test_messages_go_to_every_core_of_their_targets() -> None:
    report = report_of(
        SAMPLES[:1],
        energy=plain_energy(axon_out_pj=quantity(10.0)),
        limits={"neurons_per_core_max": quantity(1.0)},
    )
    # the two neurons of a fire once and b has one core; b fires and sends nowhere
    assert term(report, "axon messages").energy_pj == Interval(20.0, 20.0, 20.0)


def test_hops_without_a_mesh_are_left_out_with_the_reason() -> None:
    report = report_of(energy=plain_energy(hop_vertical_pj=quantity(4.0)))
    assert reason(report, "vertical hops") == "the profile describes no mesh ([noc])"


def test_host_work_is_a_power_where_the_profile_has_one() -> None:
    power = {"host_work_mw": quantity(2.0)}
    report = report_of(energy=plain_energy(host_nj_per_step=quantity(9.0)), power=power)
    # 2 mW over two steps of 5 us
    assert term(report, "host work").energy_pj.mid == 20_000.0
    assert "host_work_mw" in reason(report, "host_nj_per_step")


def test_awake_hosts_and_static_power_are_charged_for_every_chip() -> None:
    report = report_of(
        energy=plain_energy(),
        power={"static_mw": quantity(3.0), "host_awake_mw": quantity(1.0)},
        limits={"neurons_per_core_max": quantity(1.0), "cores_per_chip": quantity(2.0)},
    )
    assert term(report, "static power").energy_pj.mid == 60_000.0
    assert term(report, "host awake").energy_pj.mid == 20_000.0


def test_parts_stand_apart_before_the_sum() -> None:
    report = report_of(
        energy=plain_energy(barrier_sync_nj_per_step=quantity(1.0)),
        power={"static_mw": quantity(3.0), "host_awake_mw": quantity(1.0)},
    )
    assert report.parts.network == Interval(63.0, 66.0, 69.0)
    assert report.parts.host.mid == 2_000.0 + 10_000.0
    assert report.parts.static.mid == 30_000.0
    assert report.total_pj.mean.mid == 42_066.0
    assert report.dominant.startswith("static power 71%; the network itself 0.16%")


def test_energy_by_population_adds_up_to_the_network() -> None:
    report = report_of(energy=plain_energy(spike_pj=quantity(1.0)))
    assert [layer.name for layer in report.layers] == ["a", "b"]
    assert sum(layer.energy_pj.mid for layer in report.layers) == report.parts.network.mid
    assert report.layers[0].synops == 2.0


def test_a_whole_measured_step_is_not_added_to_the_work_within_it() -> None:
    times = {"synop_ns": quantity(10.0), "neuron_update_ns": quantity(100.0)}
    long = {**times, "whole_step_us": quantity(50.0), "barrier_sync_us": quantity(1.0)}
    report = report_of(step_us=None, energy=plain_energy(), timing=long)
    assert report.duration.step_us == Interval(50.0, 50.0, 50.0)
    assert report.duration.bounded_by.startswith("whole steps as measured")
    short = {**times, "whole_step_us": quantity(0.001), "barrier_sync_us": quantity(1.0)}
    report = report_of(step_us=None, energy=plain_energy(), timing=short)
    assert report.duration.step_us.low > 1.0


def test_the_worst_case_holds_time_and_static_energy() -> None:
    report = report_of(energy=plain_energy(), power={"static_mw": quantity(3.0)})
    worst = report.worst_case
    assert worst.static_pj == Interval(30_000.0, 30_000.0, 30_000.0)
    assert worst.total_pj.high == worst.dynamic_pj.high + 30_000.0
    assert report.total_pj.mean.high <= report.total_pj.maximum.high <= worst.total_pj.high


def test_a_stream_of_four_frames_is_four_inferences() -> None:
    program = tiny()
    frame = [[1, 1], [0, 0]]
    profile = chip(energy=plain_energy(), power={"static_mw": quantity(3.0)})
    alone = estimate_energy(program, run(program, [frame]), profile, step_us=5.0)
    four = estimate_energy(program, run(program, [frame * 4]), profile, step_us=5.0, steps=2)
    assert four.headline_pj.mean == alone.headline_pj.mean
    assert four.steps == 2
    assert four.inference == "2 steps, one of 4 in each sample, which are shared evenly"


@pytest.mark.parametrize("steps", [0, -2, 3])
def test_steps_that_do_not_divide_the_run_are_refused(steps: int) -> None:
    program = tiny()
    with pytest.raises(OptionError, match=rf"^steps is {steps}, the run has 2; expected a whole"):
        estimate_energy(program, run(program, SAMPLES), chip(energy=plain_energy()), steps=steps)


def test_neurons_that_the_chip_lacks_are_said_first() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 2, 8),),
        populations=(nd.Population("a", 2, nd.SigmaDelta(threshold=1, bias=0, spike_exp=0)),),
        connections=(nd.Connection("x", "a", nd.Dense([[1, 1], [0, 1]])),),
        readout=nd.Readout("a", "sigma"),
    )
    activity = nd.simulate(program, np.ones((1, 2, 2), np.int32)).activity
    warnings = estimate_energy(program, activity, load_profile("loihi1")).warnings
    assert warnings[0].startswith("the chip has no SigmaDelta neurons, it has CubaLif")
    assert warnings[1].startswith("input x sends values, and the profile does not say")


def test_a_bias_image_is_no_input_event() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 2), nd.Input("image", 2, 8)),
        populations=(nd.Population("a", 2, nd.CubaLif(4096, 0, 1)),),
        connections=(
            nd.Connection("x", "a", nd.Dense([[1, 1], [0, 1]])),
            nd.Connection("image", "a", nd.Direct(), port="bias"),
        ),
        readout=nd.Readout("a"),
    )
    x = {"x": np.array([[[1, 0], [0, 0]]]), "image": np.full((1, 2, 2), 9)}
    activity = nd.simulate(program, x).activity
    profile = chip(energy=plain_energy(input_event_pj=quantity(1.0)))
    report = estimate_energy(program, activity, profile)
    assert sum(int(n[0]) for n in activity.input_events.values()) == 5
    assert term(report, "input events").count_mean == 1.0
    assert not any("sends values" in warning for warning in report.warnings)
