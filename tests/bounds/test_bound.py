"""The function `bound`: layouts, records, any number of steps, and bad input."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from bound_checks import MODELS, violations, wild_program

import neurodeploy as nd
from neurodeploy.bounds import bound
from neurodeploy.bounds.drive import SUMS
from neurodeploy.bounds.invariants import INVARIANTS
from neurodeploy.bounds.neurons import INTERVAL_STEPS
from neurodeploy.errors import CapacityError, InputError, NeurodeployError, OptionError
from neurodeploy.sim.dynamics import DYNAMICS
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare
from neurodeploy.sim.reference import CURRENTS

M = 2**23


def single(weight: int = 100, **neuron: Any) -> nd.Program:
    fields = {"current_decay": 4096, "voltage_decay": 0, "threshold": 1000, **neuron}
    return nd.Program(
        (nd.Input("x", 1, 8),),
        (nd.Population("a", 1, nd.CubaLif(**fields)),),
        (nd.Connection("x", "a", nd.Dense([[weight]])),),
        nd.Readout("a"),
    )


def over(low: int, high: int, steps: int | None, program: nd.Program, **options: Any) -> Any:
    """Bound population ``a`` for inputs low..high in every step."""
    return bound(program, [[[low]]], [[[high]]], steps=steps, **options)["a"]


def test_intervals_have_the_layout_of_a_trace() -> None:
    found = over(0, 5, 4, single())
    assert found.v.high.shape == (1, 4, 1)
    # 5 * 100 * 64 = 32000 a step; above 64000 it may have fired, and is 64000 at most otherwise
    assert found.v.high[0, :, 0].tolist() == [32_000, 64_000, 64_000, 64_000]
    assert found.v.low[0, :, 0].tolist() == [0, 0, 0, 0]
    assert found.s.high[0, :, 0].tolist() == [0, 0, 1, 1]
    assert found.largest("v") == 96_000
    assert not found.may_overflow


def test_one_column_stands_for_every_step() -> None:
    program = single()
    once = bound(program, [[[1]]], [[[5]]], steps=3)
    thrice = bound(program, np.full((1, 3, 1), 1), np.full((1, 3, 1), 5), steps=3)
    for one, two in zip(once, thrice, strict=True):
        assert one.variables.keys() == two.variables.keys()
        for name in one.variables:
            assert np.array_equal(one.variables[name].high, two.variables[name].high)


def test_extrema_are_the_hull_over_the_steps() -> None:
    program, low, high = single(), [[[-3]], [[0]]], [[[5]], [[9]]]
    whole = bound(program, low, high, steps=5)["a"]
    least = bound(program, low, high, steps=5, extrema=True)["a"]
    for name, interval in whole.variables.items():
        assert np.array_equal(least.variables[name].low, interval.over_time().low)
        assert np.array_equal(least.variables[name].high, interval.over_time().high)


def test_a_plan_bounds_as_its_options_say() -> None:
    program = single()
    plan = prepare(program, RunOptions(timing="pipelined"))
    by_plan = bound(plan, [[[1]]], [[[5]]], steps=3)["a"]
    by_options = over(1, 5, 3, program, timing="pipelined")
    assert np.array_equal(by_plan.v.high, by_options.v.high)
    assert by_plan.u.high[0, :, 0].tolist() == [0, 32_000, 32_000]


def test_bounds_travel_and_stay_as_they_are() -> None:
    found = bound(single(), [[[0]]], [[[5]]], steps=2)
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert np.array_equal(other["a"].v.high, found["a"].v.high)
        assert other.steps == 2
    with pytest.raises(ValueError, match="read-only"):
        found["a"].v.high[:] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.steps = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="no variable 'act' in these bounds"):
        _ = found["a"].act
    with pytest.raises(InputError, match=r"^no population 'b' in these bounds, there are a$"):
        _ = found["b"]


# --- Any number of steps -------------------------------------------------------------------------


def test_what_holds_for_some_steps_may_not_hold_for_more() -> None:
    """A stream of 200 000 steps saturates v, which 1000 steps cannot."""
    program = single(weight=1, threshold=2**17 - 1, reset="none")
    assert not over(0, 1, 1000, program).may_overflow
    ever = over(0, 1, None, program)
    assert (ever.overflow["u"].any(), ever.overflow["v"].all()) == (False, True)
    assert ever.v.high == M - 1
    trace = nd.simulate(program, np.ones((200_000, 1), np.uint8))
    assert trace.activity.v_saturations["a"] > 0


def test_a_current_that_decays_is_bounded_for_ever_to_the_unit() -> None:
    """The limit is reached: bounds of enough steps are the same."""
    for decay in (37, 700, 4000, 4096):
        program = single(weight=-3, current_decay=decay, voltage_decay=4096, threshold=2**17 - 1)
        steps = 12 * 4096 // decay + 2
        some, ever = (over(-4, 9, n, program, extrema=True) for n in (steps, None))
        assert ever.u.low == some.u.low
        assert ever.u.high == some.u.high
        assert not ever.may_overflow


def test_a_reset_keeps_v_below_the_threshold_for_ever() -> None:
    program = single(bias=7)
    ever = over(-5, 5, None, program)
    assert ever.v.high == 64_000
    assert ever.largest("v") >= M - 1  # downwards it may saturate
    assert over(0, 5, None, program).largest("v") == 64_000 + 32_000 + 7 * 64


def test_neurons_that_cannot_fire_are_known_to_be_silent() -> None:
    ever = over(0, 5, None, single(voltage_decay=2048, threshold=2000))
    assert ever.s.high == 0


@pytest.mark.parametrize("seed", range(12))
def test_long_runs_stay_inside_what_holds_for_ever(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = wild_program(rng, MODELS[seed % len(MODELS)])
    shape = program.inputs[0].shape
    scale = 2 ** int(rng.integers(0, 24))
    low = rng.integers(-scale, scale, (1, 1, *shape))
    high = low + rng.integers(0, scale, low.shape)
    options = {"timing": str(rng.choice(["aligned", "pipelined"]))}
    found = bound(program, low, high, steps=None, **options)
    data = rng.integers(low, high + 1, (2, 1500, *shape))
    data[1] = np.where(rng.random(data[1].shape) < 0.1, low[0], high[0])
    assert violations(program, {"input": data}, found, options)[0] == []


def test_feedback_is_bounded_for_ever() -> None:
    program = nd.Program(
        (nd.Input("x", 2, 0),),
        (nd.Population("a", 2, nd.CubaLif(2048, 1024, 5)),),
        (
            nd.Connection("x", "a", nd.Dense([[3, 2], [1, 4]])),
            nd.Connection("a", "a", nd.Dense([[0, -7], [6, 0]]), feedback=True),
        ),
        nd.Readout("a"),
    )
    ever = bound(program, [[[0, 0]]], [[[1, 1]]], steps=None)["a"]
    # a of neuron 0 is 0 to 5 and -7 to 0 from feedback, u at most doubles it
    assert ever.u.high[0].tolist() == [2 * 5 * 64 - 1, 2 * 11 * 64 - 1]
    assert ever.u.low[0].tolist() == [-(2 * 7 * 64 - 1), 0]


# --- Models and refusals -------------------------------------------------------------------------


def test_every_model_has_an_interval_step_and_an_invariant() -> None:
    assert set(INTERVAL_STEPS) == set(INVARIANTS) == set(DYNAMICS)
    assert set(SUMS) == set(CURRENTS)


BAD: dict[str, tuple[dict[str, Any], type[NeurodeployError], str]] = {
    "ends changed places": (
        {"low": [[[2]], [[7]]], "high": [[[2]], [[4]]]},
        InputError,
        "input x: low is 7 and high 4 at [1, 0, 0], expected low <= high",
    ),
    "shapes": (
        {"low": [[[2]]], "high": [[[2], [3]]]},
        InputError,
        "input x: low has shape (1, 1, 1), high (1, 2, 1), expected one shape",
    ),
    "columns": (
        {"low": [[[2], [2]]], "high": [[[2], [3]]]},
        InputError,
        "input x: bounds have 2 columns, expected 1 or 3",
    ),
    "floats": (
        {"low": [[[2.0]]]},
        InputError,
        "input x: has dtype float64",
    ),
    "no columns": (
        {"low": np.zeros((1, 0, 1), int), "high": np.zeros((1, 0, 1), int)},
        InputError,
        "input x: low has shape (1, 0, 1), expected values",
    ),
    "no steps": (
        {"steps": 0},
        OptionError,
        "steps is 0, expected a whole number, 1 or more, or None",
    ),
    "a truth": (
        {"steps": True},
        OptionError,
        "steps is True, expected a whole number, 1 or more, or None",
    ),
    "memory": (
        {"steps": 10**12},
        CapacityError,
        "bounds of 1000000000000 steps needs",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_line(name: str) -> None:
    changed, error, text = BAD[name]
    given = {"low": [[[2]]], "high": [[[5]]], "steps": 3, **changed}
    with pytest.raises(error) as caught:
        bound(single(), **given)
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)
