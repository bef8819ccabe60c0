"""Overflow in balls around samples, and inputs that make it happen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.data import Dataset, Domain, Split
from neurodeploy.errors import OptionError
from neurodeploy.verification.overflow import OverflowSuite

PEAK = 100


def program(weight: Any, **neuron: Any) -> nd.Program:
    given = {"current_decay": 4096, "voltage_decay": 4096, "threshold": 2**20, **neuron}
    encoder = {"steps": 2, "peak": PEAK, "levels": PEAK, "gap": 0}
    return nd.Program(
        inputs=(nd.Input("x", (2,), 7),),
        populations=(nd.Population("out", (2,), nd.CubaLif(**given)),),
        connections=(nd.Connection("x", "out", nd.Dense(np.asarray(weight, np.int32))),),
        readout=nd.Readout("out", "v"),
        metadata={"encoder": "direct", **{f"encoder.{k}": v for k, v in encoder.items()}},
    )


def data(x: Any) -> Dataset:
    split = Split(np.asarray(x, np.int32), np.zeros(len(x), np.int64), np.arange(len(x)))
    return Dataset("made", split, split, split, 2, PEAK, False, 0, "here")


def asked(net: nd.Program, x: Any, eps: tuple[float, ...] = ()) -> dict[str, Any]:
    return nd.verify(net, data(x), (OverflowSuite(eps),)).to_dict()


def test_a_ball_may_overflow_where_its_centre_does_not() -> None:
    net = program([[1400, -1400], [1, 1]])
    found = asked(net, [[85, 0], [40, 0]], eps=(5.1, 25.5))
    rows = {(row["eps"], row["state"]): row for row in found["overflow_balls"]}
    assert rows[5.1, "u"]["possible"] == 0
    assert rows[5.1, "u"]["bound"] == 64 * 1400 * 87
    assert rows[25.5, "u"]["steps"] == 10
    assert (rows[25.5, "u"]["possible"], rows[25.5, "u"]["n"]) == (1, 2)
    assert rows[25.5, "u"]["bound"] == 64 * 1400 * 95


def test_an_input_is_made_that_overflows_where_bounds_fail() -> None:
    found = asked(program([[1400, -1400], [1, 1]]), [[90, 90], [94, 50]])
    witness = next(w for w in found["overflow_witnesses"] if w["state"] == "u")
    assert witness["population"] == "out"
    assert witness["neuron"] == 0
    assert witness["count"] == 2
    assert witness["x"] in ([PEAK, 0], [0, PEAK])


def test_nothing_is_made_where_bounds_hold() -> None:
    found = asked(program([[100, -100], [1, 1]]), [[90, 90]], eps=(25.5,))
    assert "overflow_witnesses" not in found
    assert all(row["possible"] == 0 for row in found["overflow_balls"])


def test_settings_without_budgets_are_those_of_before() -> None:
    assert OverflowSuite().settings() == {}
    assert OverflowSuite((8.0,)).settings() == {"eps": [8.0]}


def test_a_budget_of_no_step_is_refused() -> None:
    with pytest.raises(OptionError, match="eps 1 is 0 steps of data with peak 100"):
        asked(program([[100, -100], [1, 1]]), [[90, 90]], eps=(1.0,))


def test_bounds_of_balls_hold_what_comes_out() -> None:
    rng = np.random.default_rng(4)
    net = program(2 * rng.integers(-700, 700, (2, 2)), voltage_decay=400)
    x = rng.integers(0, PEAK + 1, (6, 2)).astype(np.int32)
    rows = asked(net, x, eps=(10.2,))["overflow_balls"]
    bound = {row["state"]: row["bound"] for row in rows}
    domain = Domain(0, PEAK, PEAK)
    for _ in range(50):
        low, high = domain.ball(x, 4)
        moved = rng.integers(low, high + 1)
        columns = np.repeat(moved[:, None], 2, axis=1).astype(np.int32)
        trace = nd.simulate(net, columns, record=("u",))
        assert np.abs(trace["out"].u).max() <= bound["u"]
