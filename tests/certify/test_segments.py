"""Segments against every current, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.bounds import Interval
from neurodeploy.certify.segments import Extremes, segments_of
from neurodeploy.fixedpoint import M
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Stage, prepare

NEURONS, STEPS = 6, 7


def stage_of(neuron: nd.CubaLif) -> Stage:
    """Return a population of `NEURONS` such neurons that an input drives one to one."""
    program = nd.Program(
        inputs=(nd.Input("x", (NEURONS,), 20),),
        populations=(nd.Population("h", (NEURONS,), neuron),),
        connections=(nd.Connection("x", "h", nd.Dense(np.eye(NEURONS, dtype=np.int32))),),
        readout=nd.Readout("h", "s"),
    )
    return prepare(program, RunOptions()).stages[0]


def drawn(rng: np.random.Generator, **fields: Any) -> nd.CubaLif:
    """Return neurons with parameters of their own."""

    def each(low: int, high: int) -> Any:
        return rng.integers(low, high + 1, NEURONS).astype(np.int32)

    return nd.CubaLif(
        **{
            "current_decay": each(0, 4096),
            "voltage_decay": each(0, 4096),
            "threshold": each(-5, 90),
            "bias": each(-20, 20),
            "initial": each(-2000, 2000),
            "reset": str(rng.choice(["zero", "subtract", "none"])),
            **fields,
        }
    )


def spikes(neuron: nd.CubaLif, currents: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the spikes of constant currents ``(n, NEURONS)``, ``(n, STEPS, NEURONS)``."""
    program = nd.Program(
        inputs=(nd.Input("x", (NEURONS,), 20),),
        populations=(nd.Population("h", (NEURONS,), neuron),),
        connections=(nd.Connection("x", "h", nd.Dense(np.eye(NEURONS, dtype=np.int32))),),
        readout=nd.Readout("h", "s"),
    )
    columns = np.repeat(currents[:, None], STEPS, axis=1).astype(np.int32)
    return np.asarray(nd.simulate(program, columns, engine="reference")["h"].s)


@pytest.mark.parametrize("seed", range(40))
def test_a_segment_is_a_run_of_currents_with_one_spike_train(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain = rng.integers(0, 120, STEPS).astype(np.int32) if seed % 3 == 0 else None
    neuron = drawn(rng, gain=gain)
    low, high = np.full(NEURONS, -150), np.full(NEURONS, 250)
    found = segments_of(stage_of(neuron), Interval(low, high), STEPS)
    assert found is not None
    every = np.repeat(np.arange(-150, 251)[:, None], NEURONS, axis=1)
    expected = spikes(neuron, every)
    run, inside = found.reached(Interval(every, every))
    assert inside.all()
    assert (run.low == run.high).all()
    for column in range(NEURONS):
        assert (found.train[run.low[:, column], :, column] == expected[:, :, column]).all()
        trains = found.train[np.unique(run.low[:, column]), :, column]
        assert (trains[1:] != trains[:-1]).any(axis=1).all()


def test_currents_that_wrap_u_are_left_out() -> None:
    neuron = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=100)
    far = Interval(np.full(NEURONS, -(2**20)), np.full(NEURONS, 2**20))
    found = segments_of(stage_of(neuron), far, STEPS)
    assert found is not None
    assert (found.start[0] == 1 - M // 64).all()
    assert (found.end == M // 64).all()
    beyond = Interval(np.zeros((1, NEURONS), int), np.full((1, NEURONS), M // 64 + 1))
    assert not found.reached(beyond)[1].any()


@pytest.mark.parametrize(
    "fields",
    [
        {"gain": np.array([64, -1], np.int32)},
        {"voltage_decay": -1},
        {"current_decay": 4097},
    ],
)
def test_neurons_that_are_not_monotone_have_no_segments(fields: dict[str, Any]) -> None:
    neuron = nd.CubaLif(**{"current_decay": 4096, "voltage_decay": 0, "threshold": 100, **fields})
    reach = Interval(np.full(NEURONS, -9), np.full(NEURONS, 9))
    assert segments_of(stage_of(neuron), reach, STEPS) is None


def test_a_threshold_that_moves_has_no_segments() -> None:
    neuron = nd.HomeostaticLif(
        current_decay=4096,
        voltage_decay=0,
        threshold=100,
        theta=1,
        signature=np.zeros((STEPS, NEURONS), np.int32),
        shift=4,
        low=0,
        high=9000,
    )
    reach = Interval(np.full(NEURONS, -9), np.full(NEURONS, 9))
    assert segments_of(stage_of(neuron), reach, STEPS) is None


def test_more_trains_than_the_limit_have_no_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurodeploy.certify.segments.MAX_SEGMENTS", 3)
    neuron = nd.CubaLif(current_decay=4096, voltage_decay=100, threshold=100)
    reach = Interval(np.zeros(NEURONS, int), np.full(NEURONS, 900))
    assert segments_of(stage_of(neuron), reach, STEPS) is None


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9])
def test_extremes_are_those_of_every_run(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.integers(-50, 50, (count, NEURONS))
    ends = np.sort(rng.integers(0, count, (2, 40, NEURONS)), axis=0)
    found = Extremes(values).over(Interval(ends[0], ends[1]))
    for row in range(40):
        for column in range(NEURONS):
            part = values[ends[0, row, column] : ends[1, row, column] + 1, column]
            assert found.low[row, column] == part.min()
            assert found.high[row, column] == part.max()
