"""The network in floats runs by its equations, term by term."""

from __future__ import annotations

import numpy as np

from neurodeploy.conversion.float_simulation import simulate_float
from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatDense,
    FloatNetwork,
    FloatPopulation,
)


def population(**changes: object) -> FloatPopulation:
    values = {
        "current_decay": 0.5,
        "voltage_decay": 0.25,
        "current_gain": 2.0,
        "voltage_gain": 0.5,
        "drive": 0.1,
        "leak": 0.05,
        "threshold": 1.0,
        "origin": -0.5,
        "start": 0.25,
    } | changes
    numbers = {k: None if v is None else np.asarray(v) for k, v in values.items() if k != "reset"}
    return FloatPopulation("n", (1,), **numbers, reset=str(values.get("reset", "zero")))  # type: ignore[arg-type]


def network(neuron: FloatPopulation, delay: int = 0, back: float = 0.0) -> FloatNetwork:
    late = np.full((1, 1), delay) if delay else None
    connections = [FloatConnection("x", "n", FloatDense(np.array([[1.5]]), late))]
    if back:
        connections.append(FloatConnection("n", "n", FloatDense(np.array([[back]])), True))
    return FloatNetwork({"x": (1,)}, (neuron,), tuple(connections), "n")


def by_hand(x: list[int], reset: str, back: float = 0.0) -> tuple[list[int], list[float]]:
    current, v, last, spikes, volts = 0.0, 0.25, 0, [], []
    for value in x:
        current = 0.5 * current + 2.0 * (1.5 * value + back * last + 0.1)
        v = 0.75 * v + 0.5 * current + 0.05
        last = int(v > 1.0)
        if last:
            v = {"zero": -0.5, "subtract": v - 1.5, "none": v}[reset]
        spikes.append(last)
        volts.append(v)
    return spikes, volts


def test_every_reset() -> None:
    x = [1, 0, 0, 1, 1, 0, 0, 0, 0, 1]
    for reset in ("zero", "subtract", "none"):
        trace = simulate_float(network(population(reset=reset)), np.array(x)[None, :, None])["n"]
        spikes, volts = by_hand(x, reset)
        assert trace.s[0, :, 0].tolist() == spikes and 0 < sum(spikes) < len(x) + 1
        assert np.allclose(trace.v[0, :, 0], volts)


def test_feedback_arrives_a_step_later() -> None:
    x = [1, 0, 0, 1, 1, 0, 0, 0, 0, 1]
    found = simulate_float(network(population(), back=-0.7), np.array(x)[None, :, None])["n"]
    assert found.s[0, :, 0].tolist() == by_hand(x, "zero", -0.7)[0]


def test_a_delay_shifts_the_input() -> None:
    x = np.array([1, 0, 0, 1, 1, 0, 0, 0])
    late = simulate_float(network(population(), delay=2), x[None, :, None])["n"]
    shifted = np.concatenate([[0, 0], x[:-2]])
    now = simulate_float(network(population()), shifted[None, :, None])["n"]
    assert np.array_equal(late.v, now.v)


def test_values_count_where_messages_have_bits() -> None:
    x = np.array([[3], [0], [1]])[None]
    graded = simulate_float(network(population(threshold=None)), x, 8)["n"].before
    binary = simulate_float(network(population(threshold=None)), x)["n"].before
    assert np.isclose(graded[0, 0, 0] - binary[0, 0, 0], 0.5 * 2.0 * 1.5 * 2)
