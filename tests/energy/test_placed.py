"""Energy of placed networks: exact messages and links, the busiest core, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from placement.chips import chain, maps

import neurodeploy as nd
from neurodeploy.energy.units import energy
from neurodeploy.errors import InputError
from neurodeploy.placement import core_counts, core_load, place
from neurodeploy.placement.steptime import step_times
from neurodeploy.profile import load_profile

PROFILE = load_profile("loihi1")
PROGRAM = maps((2, 32, 32), (8, 3, 1, 1), (8, 3, 2, 1), 10)
X = (np.random.default_rng(0).random((5, 6, 2, 32, 32)) < 0.2).astype(np.uint8)
TRACE = nd.simulate(PROGRAM, X)
PLACEMENT = place(PROGRAM, PROFILE)
LOAD = core_load(PROGRAM, PLACEMENT, PROFILE, X, TRACE)


def terms(report: Any) -> dict[str, Any]:
    return {term.key: term for term in report.terms}


def test_messages_and_links_are_counted_not_bounded() -> None:
    counts = core_counts(PROGRAM, PLACEMENT, X, TRACE)
    assert counts.total("hops_horizontal").any()
    report = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE, load=LOAD)
    found = terms(report)
    for key, name in (
        ("axon_out_pj", "axons_out"),
        ("hop_horizontal_pj", "hops_horizontal"),
        ("hop_vertical_pj", "hops_vertical"),
        ("spike_local_pj", "within_tile"),
    ):
        mean = counts.total(name).mean()
        assert found[key].count_mean == pytest.approx(mean)
        low, high = getattr(PROFILE.energy, key).bounds[::2]
        if key == "axon_out_pj":  # the others are within the synapse's constant at the middle
            assert found[key].energy_pj.low == pytest.approx(low * mean)
        assert found[key].energy_pj.high == pytest.approx(high * mean)


def test_the_unplaced_bounds_hold_the_placed_estimate() -> None:
    placed = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE, load=LOAD)
    unplaced = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE)
    mine, theirs = placed.headline_pj.mean, unplaced.headline_pj.mean
    assert theirs.low <= mine.low <= mine.high <= theirs.high
    assert placed.duration is not None and unplaced.duration is not None
    assert unplaced.duration.inference_us.low <= placed.duration.inference_us.low
    assert placed.duration.inference_us.high <= unplaced.duration.inference_us.high
    left_out = {entry.name for entry in placed.excluded}
    assert not left_out & {"spike_local_pj", "axon_out_ns", "hop_horizontal_ns"}


def test_a_step_takes_what_the_slowest_core_takes() -> None:
    counts = core_counts(PROGRAM, PLACEMENT, X, TRACE)
    times = step_times(PROFILE, counts, "taps")
    assert times is not None
    t = {
        name: getattr(PROFILE.timing, name).bounds[1]
        for name in ("axon_in_ns", "synop_ns", "neuron_update_ns", "spike_out_ns", "axon_out_ns")
    }
    sample, step = 3, 4
    work = [
        counts["axons_in"][sample, step, k] * t["axon_in_ns"]
        + counts["synops_taps"][sample, step, k] * t["synop_ns"]
        + counts.neurons[k] * t["neuron_update_ns"]
        + counts["spikes"][sample, step, k] * t["spike_out_ns"]
        + counts["axons_out"][sample, step, k] * t["axon_out_ns"]
        for k in range(len(counts.cores))
    ]
    assert times.cores[1, sample, step] == pytest.approx(max(work))
    assert times.slowest[sample, step] == int(np.argmax(work))
    assert LOAD.cores_ns is not None
    assert LOAD.cores_ns[1, sample] == pytest.approx(times.cores[1, sample].sum())
    overlapped = step_times(PROFILE, counts, "taps", overlapped=True)
    assert overlapped is not None
    assert np.all(overlapped.cores <= times.cores)


def test_fill_steps_and_shares_of_cores_are_told() -> None:
    report = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE, load=LOAD)
    placed = report.placed
    assert placed is not None and report.duration is not None
    assert (placed.fill_steps, placed.chips) == (2, 1)
    assert placed.first_us is not None and placed.static_core_pj is not None
    whole = report.duration.inference_us.mid
    assert placed.first_us.mid == pytest.approx(whole * (6 + 2) / 6)
    assert placed.static_core_pj.mid * placed.cores == pytest.approx(report.parts.static.mid)
    text = report.table(200)
    assert f"placed on {placed.cores} cores" in text
    assert energy(placed.static_core_pj.mid).split()[0] in text


def test_a_stream_of_inferences_is_shared_out() -> None:
    whole = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE, load=LOAD)
    half = nd.estimate_energy(PROGRAM, TRACE.activity, PROFILE, load=LOAD, steps=3)
    key = "axon_out_pj"
    assert terms(half)[key].count_mean == pytest.approx(terms(whole)[key].count_mean / 2)


def test_loihi2_keeps_its_bounds_and_tells_the_cores() -> None:
    profile = load_profile("loihi2")
    placement = place(PROGRAM, profile)
    load = core_load(PROGRAM, placement, profile, X, TRACE)
    assert load.cores_ns is None and load.reason == "profile has no timing.synop_ns"
    report = nd.estimate_energy(PROGRAM, TRACE.activity, profile, load=load)
    plain = nd.estimate_energy(PROGRAM, TRACE.activity, profile)
    assert report.dynamic_pj == plain.dynamic_pj
    assert report.placed is not None and report.placed.cores == len(placement.cores)


OTHER = chain(5, 4)
WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (TRACE.activity, {}, "load is a Activity, expected what core_load gives"),
    (
        replace(LOAD, steps=7),
        {},
        "load: counts 5 samples of 7 steps, the activity 5 of 6; count the",
    ),
    (
        replace(LOAD, totals={**LOAD.totals, "spikes": LOAD.totals["spikes"] + 1}),
        {},
        "load: counts other spikes than the activity; count the same run",
    ),
    (LOAD, {"profile": "loihi2"}, "load: is of a placement on loihi1, the profile is loihi2"),
    (
        replace(LOAD, placement=place(OTHER, PROFILE)),
        {},
        f"load: is of program {OTHER.digest[:12]}, the activity of {PROGRAM.digest[:12]}",
    ),
]


@pytest.mark.parametrize(("load", "given", "message"), WRONG)
def test_a_load_of_something_else_is_refused(load: Any, given: Any, message: str) -> None:
    profile = load_profile(given.get("profile", "loihi1"))
    with pytest.raises(InputError) as caught:
        nd.estimate_energy(PROGRAM, TRACE.activity, profile, load=load)
    assert str(caught.value).startswith(message)
