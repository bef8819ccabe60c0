"""What is said of a Program holds: weight bits, the bound of u, sizes and findings."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from generate import random_program
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import neurodeploy as nd
from neurodeploy.summary import summarise, weight_use

M = 2**23


def dense(weight: Any, bits: int = 0, **neuron: Any) -> nd.Program:
    """One dense layer of CUBA-LIF neurons that never spike."""
    weight = np.asarray(weight)
    fields = {"current_decay": 4096, "voltage_decay": 4096, "threshold": 2**17 - 1} | neuron
    return nd.Program(
        inputs=(nd.Input("x", (weight.shape[1],), bits),),
        populations=(nd.Population("p", (weight.shape[0],), nd.CubaLif(**fields)),),
        connections=(nd.Connection("x", "p", nd.Dense(weight)),),
        readout=nd.Readout("p"),
    )


@pytest.mark.parametrize(
    ("weight", "step", "bits"),
    [
        ([0, 0], 0, 0),
        ([0, 1], 1, 1),
        ([0, 255], 1, 8),
        ([-255, 0], 1, 8),
        ([-128, 127], 1, 8),
        ([-129, 127], 1, 9),
        ([-256, 254], 2, 8),
        ([-256, 256], 256, 2),
        ([-512, 512], 256, 3),
        ([-6, 4], 2, 3),
    ],
)
def test_bits_are_what_the_weights_need(weight: list[int], step: int, bits: int) -> None:
    use = weight_use(np.array(weight, np.int32))
    assert (use.step, use.bits) == (step, bits)


@given(arrays(np.int32, st.integers(1, 12), elements=st.integers(-300, 300)))
def test_weights_fit_the_bits_and_no_fewer(weight: Any) -> None:
    use = weight_use(weight)
    scaled = weight // max(use.step, 1)
    assert np.array_equal(scaled * max(use.step, 1), weight)
    signed = bool(weight.min() < 0 < weight.max())

    def fits(bits: int) -> bool:
        low, high = (-(1 << bits >> 1), (1 << bits >> 1) - 1) if signed else (0, (1 << bits) - 1)
        values = scaled if signed else np.abs(scaled)
        return bool(values.min() >= low and values.max() <= high)

    assert fits(use.bits)
    assert use.bits == 0 or not fits(use.bits - 1)
    assert use.distinct == len(set(weight.tolist()))
    assert (use.zeros, use.count) == (int((weight == 0).sum()), weight.size)


@given(st.integers(0, 2**32), st.integers(1, 4096))
@settings(max_examples=20, deadline=None)
def test_u_stays_within_its_bound(seed: int, decay: int) -> None:
    """The events that drive one neuron hardest reach nearly the bound and never pass it."""
    rng = np.random.default_rng(seed)
    program = dense(rng.integers(-256, 255, (3, 6)), current_decay=decay)
    synapse = program.connections[0].synapse
    assert isinstance(synapse, nd.Dense)
    weight = np.asarray(synapse.weight)
    ups, downs = np.maximum(weight, 0).sum(1), -np.minimum(weight, 0).sum(1)
    row = int(np.maximum(ups, downs).argmax())
    x = np.tile(weight[row] > 0 if ups[row] >= downs[row] else weight[row] < 0, (150, 1))
    u = nd.simulate(program, x, engine="reference", record=("u",))["p"].u
    current = summarise(program).populations[0].current
    assert current is not None
    assert current.bound is not None
    if current.bound < M:
        assert int(np.abs(u).max()) <= current.bound
    if decay > 100:
        assert int(np.abs(u).max()) >= 0.9 * min(current.bound, M) or current.bound >= M


def test_u_without_decay_has_a_last_safe_step() -> None:
    program = dense([[100]], current_decay=0)
    current = summarise(program).populations[0].current
    assert current is not None
    assert (current.bound, current.ratio) == (None, None)
    assert current.safe_steps == M // 6400
    x = np.ones((current.safe_steps + 1, 1), int)
    activity = nd.simulate(program, x, engine="reference").activity
    assert activity.u_wraps["p"].sum() == 1
    activity = nd.simulate(program, x[:-1], engine="reference").activity
    assert activity.u_wraps["p"].sum() == 0


def test_graded_input_has_a_largest_safe_message() -> None:
    program = dense([[100, -50]], bits=16)
    current = summarise(program).populations[0].current
    assert current is not None
    assert current.safe_message == M // (150 * 64)
    for message, wraps in ((current.safe_message, 0), (current.safe_message + 1, 1)):
        activity = nd.simulate(program, [[message, -message]], engine="reference").activity
        assert activity.u_wraps["p"].sum() == wraps


FINDINGS = {
    "power of two": (
        dense([[-64, -2, -4, -64]]),
        "connection x->p: 2 of 4 weights act otherwise than stored, most of all -64 as -62 at ",
    ),
    "zeros": (dense([[0, 0]]), "connection x->p: all weights are zero, which Lava cannot load"),
    "wide": (dense([[-300, 0]]), "connection x->p: weights reach -300, a chip holds -256 to 254"),
    "bias": (dense([[1]], bias=32768), "population p: bias reaches 32768, a chip holds -32768 to"),
    "decay": (
        dense([[1]], voltage_decay=4097),
        "population p: voltage_decay reaches 4097, a chip holds 0 to 4096",
    ),
    "threshold": (
        dense([[1]], threshold=-1),
        "population p: threshold reaches -1, a chip holds 0 to 131071",
    ),
    "u": (dense([[254]], current_decay=7), "population p: u may reach 9512083, it wraps beyond"),
    "no decay": (
        dense([[254]], current_decay=0),
        "population p: u does not decay and may wrap after 516 steps of full input",
    ),
    "messages": (
        dense([[254]], bits=16),
        "population p: u may wrap for messages beyond 516, the input announces up to 65535",
    ),
}


@pytest.mark.parametrize(("program", "line"), FINDINGS.values(), ids=FINDINGS)
def test_finding_names_the_item_the_value_and_the_limit(program: nd.Program, line: str) -> None:
    assert any(found.startswith(line) for found in summarise(program).findings)


def test_plain_program_has_no_findings() -> None:
    assert summarise(dense([[2, -4], [6, 2]], threshold=1)).findings == ()


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_program_is_summed_up_in_json(seed: int) -> None:
    program = random_program(np.random.default_rng(seed), extreme=seed % 2 == 0)
    summary = summarise(program)
    found = json.loads(json.dumps(summary.to_dict()))
    assert found["digest"] == program.digest
    assert found["neurons"] == sum(np.prod(entry["shape"]) for entry in found["populations"])
    assert found["nonzero"] <= found["taps"]
    assert len(found["connections"]) == len(program.connections)
