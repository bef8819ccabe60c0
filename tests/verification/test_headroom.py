"""Headroom of u and v: measured values, bounds that hold, overflow that is seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import toys
from generate import random_input, random_program
from hypothesis import given, settings
from hypothesis import strategies as st
from presentations import given_columns
from verification.closed_form import reach

import neurodeploy as nd
from neurodeploy.answers import RunChoice, settle
from neurodeploy.bounds import bound
from neurodeploy.neuron import CubaLif
from neurodeploy.verification.headroom import bits, headroom
from neurodeploy.verification.observed import before_reset

M = 2**23


def single(weight: int = 100, **neuron: Any) -> nd.Program:
    fields = {"current_decay": 4096, "voltage_decay": 0, "threshold": 1000, **neuron}
    return nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.CubaLif(**fields)),),
        connections=(nd.Connection("x", "a", nd.Dense([[weight]])),),
        readout=nd.Readout("a"),
    )


def measured(program: nd.Program, columns: Any, timing: str = "aligned", **run: Any) -> Any:
    """Headroom of every population, with the reference engine."""
    data = given_columns(np.asarray(columns))
    choice = RunChoice(engine="reference", timing=timing, **run)
    return headroom(program, data, recipe=settle(program, data.steps, choice))


def over(program: nd.Program, columns: Any, **run: Any) -> Any:
    """Headroom of the only population."""
    (found,) = measured(program, columns, **run)
    return found


def test_measured_values_include_v_before_its_reset() -> None:
    # 5 * 100 * 64 = 32000 per step: v is 32000, then 64000 (not above), then 96000 > 64000: spike
    found = over(single(), np.full((1, 4, 1), 5))
    assert (found.state("u").observed, found.state("v").observed) == (32_000, 96_000)
    assert found.v_before_reset
    plain = found.to_dict()
    assert plain["u_bits"] == pytest.approx(np.log2(M / 32_000))
    assert (plain["u_largest"], plain["v_largest"], plain["u_wraps"]) == (32_000, 96_000, 0)


def test_bounds_by_hand() -> None:
    def bounds(**neuron: Any) -> tuple[int, int]:
        found = over(single(**neuron), np.full((1, 4, 1), 5))
        assert found.proven
        return found.state("u").bound, found.state("v").bound

    assert bounds() == (32_000, 64 * 1000 + 32_000)
    assert bounds(reset="subtract")[1] == 64 * 1000 + 32_000
    assert bounds(reset="none")[1] == 4 * 32_000
    assert bounds(reset="none", voltage_decay=2048)[1] == 32_000 + 16_000 + 8000 + 4000
    assert bounds(current_decay=2048)[0] == 32_000 + 16_000 + 8000 + 4000
    assert bounds(bias=-3)[1] == 64_000 + 32_000 - 3 * 64
    assert bounds(gain=[-64, 200])[0] == 100_000
    assert bounds(current_decay=-4096)[0] == 15 * 32_000
    assert bounds(reset="subtract", threshold=-1000)[1] == 4 * 32_000 + 3 * 64_000


def test_bits_count_down_to_the_limit_of_24_bit_states() -> None:
    assert bits(0) == 23
    assert bits(1) == 23
    assert bits(M) == 0
    assert bits(2 * M) == -1


def test_overflow_leaves_no_bits_and_no_proof() -> None:
    found = over(single(), np.full((1, 3, 1), 2000))
    u = found.state("u")
    assert u.overflows > 0
    assert (found.to_dict()["u_bits"], found.proven, u.verdict) == (0.0, False, "seen")
    assert u.bound == 64 * 100 * 2000
    saturated = over(single(threshold=2**20, reset="none"), np.full((1, 9, 1), 200)).state("v")
    assert saturated.overflows > 0
    assert saturated.verdict == "seen"


def test_weights_of_both_signs_are_bounded_by_the_worse_sign() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 3),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 4096, 1)),),
        connections=(nd.Connection("x", "a", nd.Dense([[10, 20, -90]])),),
        readout=nd.Readout("a"),
    )
    assert over(program, np.ones((1, 2, 3), int)).state("u").bound == 64 * 90


def test_a_bias_port_hides_v_before_the_reset_and_says_so() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 0, 10)),),
        connections=(nd.Connection("x", "a", nd.Direct(), port="bias"),),
        readout=nd.Readout("a"),
    )
    found = over(program, np.full((1, 3, 1), 9))
    assert not found.v_before_reset
    assert (found.state("u").bound, found.state("v").bound) == (0, 64 * 10 + 64 * 9)


# --- What it says, and for how long --------------------------------------------------------------


def test_a_verdict_says_for_how_many_steps_it_holds() -> None:
    """v without leak cannot saturate in 4 steps; in a longer stream it can."""
    found = over(single(reset="none"), np.full((1, 4, 1), 5))
    assert [row.verdict for row in found.rows()] == ["never", "impossible"]
    assert {row.assumes for row in found.rows()} == {"from rest, 4 steps, inputs 0 to 5"}
    plain = found.to_dict()
    assert (plain["proven"], plain["proven_for_ever"]) == (True, False)
    assert plain["assumes"] == {"steps": 4, "low": 0, "high": 5, "refusal": ""}
    leaky = over(single(reset="none", voltage_decay=2048), np.full((1, 4, 1), 5))
    assert leaky.to_dict()["proven_for_ever"]


def recurrent() -> nd.Program:
    """An accumulator that reads a neuron which drives itself: its current survives a reset."""
    return nd.Program(
        inputs=(nd.Input("x", 1),),
        populations=(
            nd.Population("a", 1, nd.CubaLif(4096, 4096, 1)),
            nd.Population("b", 1, nd.CubaLif(4096, 0, 131_071, reset="none")),
        ),
        connections=(
            nd.Connection("x", "a", nd.Dense([[2]])),
            nd.Connection("a", "a", nd.Dense([[2]]), feedback=True),
            nd.Connection("a", "b", nd.Dense([[10]])),
        ),
        readout=nd.Readout("b"),
    )


def test_a_stream_is_measured_as_the_stream_that_it_is() -> None:
    """One spike, then the population drives itself for ever, in every later sample as well."""
    columns = np.zeros((3, 4, 1), int)
    columns[0, 3] = 1
    alone, streamed = measured(recurrent(), columns), measured(recurrent(), columns, "pipelined")
    assert [found[1].state("v").observed for found in (alone, streamed)] == [640, 4 * 640]
    assert streamed[1].v_before_reset
    never = measured(recurrent(), columns, "pipelined", reset_interval=-1)[1]
    assert (never.state("v").observed, never.v_before_reset) == (9 * 640, False)


def test_a_bound_holds_for_any_number_of_steps_where_a_stream_carries_states() -> None:
    columns = np.ones((2, 4, 1), int)
    _, found = measured(recurrent(), columns, "pipelined")
    assert {row.assumes for row in found.rows()} == {"in any number of steps, inputs 0 to 1"}
    assert [row.verdict for row in found.rows()] == ["never", "possible"]
    assert not found.to_dict()["proven"]


def test_a_stream_that_its_reset_clears_is_bound_sample_by_sample() -> None:
    program, columns = single(reset="none", bias=3), np.full((2, 4, 1), 5)
    alone, cleared = over(program, columns), over(program, columns, timing="pipelined")
    assert [row for row in cleared.rows()] == [row for row in alone.rows()]
    kept = over(program, columns, timing="pipelined", reset_interval=-1)
    assert kept.state("v").observed == 8 * (32_000 + 192) + 192
    assert kept.state("v").verdict == "possible"


def test_what_was_not_seen_may_be_possible() -> None:
    """One input of 2 is too small to wrap u, two of them at a time are not."""
    program = nd.Program(
        inputs=(nd.Input("x", 2, 8),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 4096, 1)),),
        connections=(nd.Connection("x", "a", nd.Dense([[50_000, 50_000]])),),
        readout=nd.Readout("a"),
    )
    columns = np.array([[[2, 0], [0, 2]]])
    u = over(program, columns).state("u")
    assert (u.overflows, u.verdict, u.bound) == (0, "possible", 64 * 200_000)


def test_a_row_tells_bound_observed_limit_and_verdict() -> None:
    (row, _) = over(single(), np.full((1, 4, 1), 5)).rows()
    assert asdict(row) == {
        "population": "a",
        "state": "u",
        "bound": 32_000,
        "observed": 32_000,
        "limit": M,
        "overflows": 0,
        "verdict": "never",
        "assumes": "from rest, 4 steps, inputs 0 to 5",
    }


def test_sigma_delta_populations_are_bounded_too() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.SigmaDelta(threshold=1)),),
        connections=(nd.Connection("x", "a", nd.Dense([[3]])),),
        readout=nd.Readout("a", "sigma"),
    )
    found = over(program, np.ones((1, 5, 1), int))
    sigma = found.state("sigma")
    assert (sigma.observed, sigma.bound, sigma.verdict) == (15, 15, "impossible")
    assert not found.has_current


def test_saturations_of_resonators_are_seen() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.ResonateFire(0, 4096, 2**17 - 1)),),
        connections=(
            nd.Connection("x", "a", nd.Dense([[200]]), port="re"),
            nd.Connection("x", "a", nd.Dense([[1]]), port="im"),
        ),
        readout=nd.Readout("a"),
    )
    assert [row.verdict for row in over(program, np.full((1, 9, 1), 200)).rows()] == ["seen"] * 2
    assert over(program, np.full((1, 9, 1), 2)).state("re").verdict == "impossible"


def test_a_model_without_bounds_is_measured_and_nothing_is_ruled_out() -> None:
    with toys.known():
        program = nd.Program(
            (nd.Input("x", 3, 8),),
            (
                nd.Population("a", 3, toys.Bucket(100, 12)),
                nd.Population("b", 3, nd.CubaLif(4096, 0, 1)),
            ),
            (
                nd.Connection("x", "a", nd.Dense(np.eye(3, dtype=int))),
                nd.Connection("a", "b", nd.Dense(np.eye(3, dtype=int))),
            ),
            nd.Readout("b"),
        )
        found = measured(program, np.full((1, 20, 3), 5))
    assert not any(entry.proven for entry in found)
    assert [row.state for entry in found for row in entry.rows()] == ["u", "v"]
    u = found[1].state("u")
    assert u is not None
    assert (u.bound, u.observed, u.verdict) == (None, 64, "possible")
    assert str(found[1].assumes) == "no bounds: population a: no interval step for Bucket"


# --- Against runs and closed forms ---------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["aligned", "pipelined"]))
def test_no_run_of_a_random_program_exceeds_its_bounds(seed: int, timing: str) -> None:
    """Nor is a bound looser than the closed form, where that has one."""
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    if len(program.inputs) > 1:
        return
    columns = random_input(rng, program, steps=6, batch=3)[program.inputs[0].name]
    values = min(0, int(columns.min())), max(0, int(columns.max()))
    for found in measured(program, columns, timing=timing):
        for entry in found.states:
            if entry.observed is not None and entry.bound is not None:
                assert entry.observed <= entry.bound or entry.overflows
            assert not entry.overflows or entry.possible or entry.state in ("re", "im")
            assert entry.for_ever or not entry.possible
        population = program.node(found.population)
        for name, known in zip("uv", reach(program, population, values, 6), strict=True):
            if known is not None and found.assumes.steps:
                assert found.state(name).bound <= known


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_are_no_looser_than_closed_forms(seed: int) -> None:
    """Extreme programs, in which u wraps now and then: the closed form bounds u before it folds."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, extreme=True)
    low, high, steps = -int(rng.integers(0, 900)), int(rng.integers(1, 900)), 7
    ends = (
        {node.name: np.full((1, 1, *node.shape), end) for node in program.inputs}
        for end in (low, high)
    )
    found = bound(program, *ends, steps=steps, extrema=True)
    for population in program.populations:
        for name, known in zip("uv", reach(program, population, (low, high), steps), strict=True):
            if known is not None:
                assert found[population.name].largest(name) <= known


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_v_before_the_reset_exceeds_the_threshold_exactly_at_spikes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    columns = random_input(rng, program, steps=6, batch=2)
    trace = nd.simulate(program, columns, engine="reference", record=("s", "u", "v"))
    for population in program.populations:
        plain = type(population.neuron) is CubaLif and population.neuron.gain is None
        ports = {c.port for c in program.connections if c.target == population.name}
        if plain and ports == {"a"}:
            layer = trace[population.name]
            v = before_reset(population, layer.u, layer.v)
            if np.abs(v).max() < M:
                assert np.array_equal(v > population.neuron.threshold.astype(int) << 6, layer.s > 0)
