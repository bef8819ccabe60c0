"""The constants that agree with measured totals: every corner, against a linear programme."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from energy_toys import chip, joint_chip, quantity, run, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_cases import PILOTNET_DYNAMIC_UJ, pilotnet, pilotnet_activity
from scipy.optimize import linprog

import neurodeploy as nd
from neurodeploy.energy import consistent, estimate_energy
from neurodeploy.energy.consistent import ConstantSet, consistent_set
from neurodeploy.errors import ProfileError
from neurodeploy.profile import load_profile

SAMPLE = [[[1, 1], [0, 0]]]


def programme(found: ConstantSet, counts: Any) -> tuple[float, float]:
    """Return the least and the largest energy by a linear programme."""
    weights = counts * found.units * found.scale
    size = max(float(weights.max()), 1.0)
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * weights / size, found.matrix, found.limits, method="highs")
        assert solved.success, solved.message
        ends.append(float(sign * solved.fun * size))
    return ends[0], ends[1]


def known(**case: float) -> dict[str, Any]:
    counts = {
        "steps": 4.0,
        "step_us": 1.0,
        "updates": 10.0,
        "spikes": 5.0,
        "synops_taps": 10.0,
        "synops_nonzero": 10.0,
        "dynamic_mj": 100e-9,
        **case,
    }
    numbers = {key: {**quantity(value), "source": "book"} for key, value in counts.items()}
    return {"title": "a case", **numbers}


def test_one_total_allows_everything_between_its_two_cheapest_and_dearest_corners() -> None:
    """6 synops, 6 updates, 3 spikes, 2 steps; the case has 10, 10, 5, 4 for 100 pJ."""
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLE), joint_chip())
    mean = report.headline_pj.mean
    # all on steps: 2 / 4 of 100 pJ; all on synops, updates or spikes: 6 / 10 of it
    assert (mean.low, mean.mid, mean.high) == (pytest.approx(50.0), None, pytest.approx(60.0))
    assert report.bounds_only
    assert report.joint_constraint == "run"


def test_a_second_case_cuts_the_set() -> None:
    """A run in which nothing happens shows that steps cost at most 5 pJ each."""
    profile = chip(
        energy={"count_convention": "taps", "joint_constraint": ["run", "idle"]},
        cases={
            "run": known(),
            "idle": known(synops_taps=0, synops_nonzero=0, updates=0, spikes=0, dynamic_mj=20e-9),
        },
    )
    program = tiny()
    mean = estimate_energy(program, run(program, SAMPLE), profile).headline_pj.mean
    # steps take exactly 5 pJ: 2 * 5 + 6 / 10 of the 80 pJ that are left
    assert (mean.low, mean.high) == (pytest.approx(58.0), pytest.approx(58.0))


def test_a_constant_that_is_known_from_elsewhere_narrows_the_set() -> None:
    narrow = {**quantity(4.0, 5.0, 6.0, grade="fitted", cases=1), "source": "book"}
    profile = chip(
        energy={"count_convention": "taps", "joint_constraint": "run", "synop_pj": narrow},
        cases={"run": known()},
    )
    found = consistent_set(profile)
    place = found.keys.index("synop_pj")
    assert found.corners is not None
    assert found.corners[:, place].min() == pytest.approx(4.0)
    assert found.corners[:, place].max() == pytest.approx(6.0)


def test_totals_that_contradict_each_other_are_refused() -> None:
    profile = chip(
        energy={"count_convention": "taps", "joint_constraint": ["run", "twin"]},
        cases={"run": known(), "twin": known(dynamic_mj=200e-9)},
    )
    program = tiny()
    with pytest.raises(ProfileError) as raised:
        estimate_energy(program, run(program, SAMPLE), profile)
    assert str(raised.value) == (
        "profile chip: energy is refused, no constants agree with all of run, twin"
    )


@given(st.lists(st.integers(0, 10**8), min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_corners_give_what_a_linear_programme_gives(counts: list[int]) -> None:
    found = consistent_set(load_profile("loihi2"))
    events = np.array(counts, np.float64)
    low, high = found.extremes(events[:, None])
    least, most = programme(found, events)
    assert low[0] == pytest.approx(least, rel=1e-6, abs=1e-6 * most)
    assert high[0] == pytest.approx(most, rel=1e-6)


def test_too_many_cases_to_list_their_corners_are_solved_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = np.array([[5e7, 1e4], [2e6, 3e6], [7e5, 0.0], [16.0, 8.0], [2445.0, 1000.0]])
    listed = consistent_set(load_profile("loihi2")).extremes(counts)
    monkeypatch.setattr(consistent, "MOST_CORNERS", 1)
    solved = consistent_set(load_profile("loihi2")).extremes(counts)
    np.testing.assert_allclose(solved, listed, rtol=1e-7)


def drawn(rng: np.random.Generator) -> dict[str, float]:
    """Return constants that explain PilotNet's measured energy with counts 10 % off at most."""
    share = rng.dirichlet(np.full(4, rng.choice([0.1, 1.0])))
    off = rng.uniform(0.9, 1.1, 2)
    total = PILOTNET_DYNAMIC_UJ * 1e6
    return {
        "synop": share[0] * total / (48_267_067 * off[0]),
        "update": share[1] * total / 2_536_144,
        "spike": share[2] * total / (741_321 * off[1]),
        "step": share[3] * total / 16,
    }


def random_network(rng: np.random.Generator, loud: bool) -> tuple[nd.Program, nd.Activity]:
    """Return a chain of random sizes, run on random events; loud : every neuron always fires."""
    sizes = rng.integers(2, 40, rng.integers(2, 5)).tolist()
    names = [f"p{k}" for k in range(len(sizes) - 1)]
    neurons = [
        nd.CubaLif(4096, int(rng.integers(0, 2000)), -1 if loud else int(rng.choice([5, 200])))
        for _ in names
    ]
    weights = [rng.integers(0 if loud else -120, 120, (b, a)) for a, b in itertools.pairwise(sizes)]
    program = nd.Program(
        inputs=(nd.Input("x", sizes[0]),),
        populations=tuple(
            nd.Population(name, size, neuron)
            for name, size, neuron in zip(names, sizes[1:], neurons, strict=True)
        ),
        connections=tuple(
            nd.Connection(source, target, nd.Dense(weight))
            for source, target, weight in zip(["x", *names], names, weights, strict=False)
        ),
        readout=nd.Readout(names[-1]),
    )
    steps = int(rng.integers(1, 30))
    x = (rng.random((3, steps, sizes[0])) < rng.random()).astype(np.uint8)
    return program, nd.simulate(program, x, engine="reference").activity


def test_no_constants_that_agree_with_the_case_leave_the_printed_interval() -> None:
    """Networks from silent to one in which every neuron fires, 1000 draws of the constants."""
    rng = np.random.default_rng(5)
    constants = [drawn(rng) for _ in range(1000)]
    profile = load_profile("loihi2")
    loudest = 0.0
    for number in range(12):
        program, activity = random_network(rng, loud=number == 0)
        report = estimate_energy(program, activity, profile)
        totals = activity.totals()
        synops, updates, spikes = (
            sum(totals[name].values()) / 3 for name in ("synops_taps", "updates", "spikes")
        )
        loudest = max(loudest, spikes / updates)
        for c in constants:
            priced = (
                c["synop"] * synops
                + c["update"] * updates
                + c["spike"] * spikes
                + c["step"] * activity.steps
            )
            mean = report.headline_pj.mean
            assert mean.low * (1 - 1e-9) <= priced <= mean.high * (1 + 1e-9)
            worst = report.worst_case.dynamic_pj
            assert priced <= worst.high * (1 + 1e-9)
    assert loudest == 1.0


def test_the_bounds_cover_pilotnet_from_the_profile_alone() -> None:
    program = pilotnet()
    report = estimate_energy(program, pilotnet_activity(program), load_profile("loihi2"))
    assert report.dynamic_pj is not None
    assert report.dynamic_pj.mean.contains(1.094e9)


def test_what_would_narrow_the_bounds_is_said() -> None:
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLE), load_profile("loihi2"))
    assert report.narrowing[0].startswith(
        "the high end puts what was measured (lavadl_pilotnet_lif, lavadl_pilotnet_sdnn) on "
        "barrier and host, per step, the low end on synaptic operations"
    )
    assert "152.8 us; give the step time" in report.narrowing[1]


def test_bounds_have_no_centre_anywhere() -> None:
    program = tiny()
    report = estimate_energy(program, run(program, SAMPLE), load_profile("loihi2"))
    content = report.to_dict()
    assert content["headline_pj"]["mean"]["mid"] is None
    joint = [term for term in content["terms"] if term["grade"].startswith("fitted")]
    assert len(joint) == 5
    assert all(term["constant"]["mid"] is None for term in joint)
    assert all(term["energy_pj"]["mid"] is None for term in joint)
