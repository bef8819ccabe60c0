"""Headroom of u and v: measured values, bounds that hold, overflow that is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from generate import random_input, random_program
from hypothesis import given, settings
from hypothesis import strategies as st
from presentations import given_columns

import neurodeploy as nd
from neurodeploy.neuron import CubaLif
from neurodeploy.verification.headroom import before_reset, bits, headroom

RUN = {"engine": "reference"}
M = 2**23


def single(weight: int = 100, **neuron: Any) -> nd.Program:
    fields = {"current_decay": 4096, "voltage_decay": 0, "threshold": 1000, **neuron}
    return nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.CubaLif(**fields)),),
        connections=(nd.Connection("x", "a", nd.Dense([[weight]])),),
        readout=nd.Readout("a"),
    )


def test_measured_values_include_v_before_its_reset() -> None:
    # 5 * 100 * 64 = 32000 per step: v is 32000, then 64000 (not above), then 96000 > 64000: spike
    (found,) = headroom(single(), given_columns(np.full((1, 4, 1), 5)), run=RUN)
    assert (found.u_largest, found.v_largest) == (32_000, 96_000)
    assert found.v_before_reset
    assert found.u_bits == pytest.approx(np.log2(M / 32_000))


def test_bounds_by_hand() -> None:
    data = given_columns(np.full((1, 4, 1), 5))
    (reset,) = headroom(single(), data, run=RUN)
    assert (reset.u_bound, reset.v_bound) == (32_000, 64 * 1000 + 32_000)
    (subtract,) = headroom(single(reset="subtract"), data, run=RUN)
    assert subtract.v_bound == 4 * 32_000
    (leaky,) = headroom(single(reset="none", voltage_decay=2048), data, run=RUN)
    assert leaky.v_bound == 2 * 32_000
    (slow,) = headroom(single(current_decay=2048), data, run=RUN)
    assert slow.u_bound == 2 * 32_000
    (biased,) = headroom(single(bias=-3), data, run=RUN)
    assert biased.v_bound == 96_000
    assert all(entry.proven for entry in (reset, subtract, leaky, slow, biased))


def test_bits_count_down_to_the_limit_of_24_bit_states() -> None:
    assert bits(0) == 23
    assert bits(1) == 23
    assert bits(M) == 0
    assert bits(2 * M) == -1


def test_overflow_leaves_no_bits_and_no_proof() -> None:
    data = given_columns(np.full((1, 3, 1), 2000))
    (found,) = headroom(single(), data, run=RUN)
    assert found.u_wraps > 0
    assert (found.u_bits, found.proven) == (0.0, False)
    assert found.u_bound == 64 * 100 * 2000
    (saturated,) = headroom(
        single(threshold=2**20, reset="none"), given_columns(np.full((1, 9, 1), 200)), run=RUN
    )
    assert saturated.v_saturations > 0
    assert saturated.v_bits == 0.0


def test_weights_of_both_signs_are_bounded_by_the_worse_sign() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 3),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 4096, 1)),),
        connections=(nd.Connection("x", "a", nd.Dense([[10, 20, -90]])),),
        readout=nd.Readout("a"),
    )
    (found,) = headroom(program, given_columns(np.ones((1, 2, 3), int)), run=RUN)
    assert found.u_bound == 64 * 90


UNBOUNDED = {
    "gain": {"gain": [64, 64]},
    "a growing current": {"current_decay": -5},
    "a reset that raises v": {"reset": "subtract", "threshold": -4},
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_where_no_bound_is_known_none_is_claimed(name: str) -> None:
    (found,) = headroom(single(**UNBOUNDED[name]), given_columns(np.ones((1, 2, 1), int)), run=RUN)
    assert found.v_bound is None
    assert not found.proven


def test_a_bias_port_hides_v_before_the_reset_and_says_so() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 0, 10)),),
        connections=(nd.Connection("x", "a", nd.Direct(), port="bias"),),
        readout=nd.Readout("a"),
    )
    (found,) = headroom(program, given_columns(np.full((1, 3, 1), 9)), run=RUN)
    assert not found.v_before_reset
    assert found.u_bound is None


def test_populations_of_other_families_are_left_out() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.SigmaDelta(threshold=1)),),
        connections=(nd.Connection("x", "a", nd.Dense([[1]])),),
        readout=nd.Readout("a", "sigma"),
    )
    assert headroom(program, given_columns(np.ones((1, 2, 1), int)), run=RUN) == ()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["aligned", "pipelined"]))
def test_no_run_of_a_random_program_exceeds_its_bounds(seed: int, timing: str) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    if len(program.inputs) > 1:
        return
    columns = random_input(rng, program, steps=6, batch=3)[program.inputs[0].name]
    for found in headroom(program, given_columns(columns), run={**RUN, "timing": timing}):
        if found.u_bound is not None:
            assert found.u_largest <= found.u_bound or found.u_wraps
        if found.v_bound is not None:
            assert found.v_largest <= found.v_bound
        if found.proven:
            assert found.u_wraps == found.v_saturations == 0


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
