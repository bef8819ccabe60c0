"""No run leaves its bounds, of any model; and a rule that is wrong does not get past this test."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from bound_checks import MODELS, check_seed, violations, wild_neuron, wild_program
from generate import random_weight

import neurodeploy as nd
from neurodeploy.bounds import bound, cuba, drive, resonator, sigma_delta
from neurodeploy.bounds.interval import Interval
from neurodeploy.neuron import Neuron

SEEDS = range(120)


def test_random_inputs_stay_inside_the_intervals_of_random_programs() -> None:
    found = [check_seed(seed) for seed in SEEDS]
    assert [text for texts, _ in found for text in texts] == []
    assert sum(seen for _, seen in found) > 10**6


def tiny(rng: np.random.Generator, model: str) -> nd.Program:
    """Two inputs, one or two neurons, and a read-out that listens to them."""
    size = int(rng.integers(1, 3))
    first = nd.Population("first", (size,), wild_neuron(rng, model, (size,)))
    scale = int(rng.choice([1, 40, 2**16, 2**20]))
    delay = rng.integers(0, 2, (size, 2)) if rng.random() < 0.3 else None
    into = [
        nd.Connection(
            "input", "first", nd.Dense(scale * random_weight(rng, (size, 2)) // 2, delay), port=port
        )
        for port in first.neuron.ports
    ]
    second = nd.Population("second", (1,), wild_neuron(rng, "CubaLif", (1,)))
    out = nd.Connection("first", "second", nd.Dense(random_weight(rng, (1, size))))
    return nd.Program(
        (nd.Input("input", (2,), 8),), (first, second), (*into, out), nd.Readout("second")
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_input_of_a_small_box_stays_inside(model: str) -> None:
    """3 steps, 2 inputs with 2 values each: all 64 inputs, of 40 programs."""
    for seed in range(40):
        rng = np.random.default_rng([seed, MODELS.index(model)])
        program = tiny(rng, model)
        low = rng.integers(-3, 3, (1, 3, 2))
        high = low + 1
        every = low + np.array(list(itertools.product((0, 1), repeat=6))).reshape(-1, 3, 2)
        options = {"timing": str(rng.choice(["aligned", "pipelined"]))}
        if rng.random() < 0.5:
            options["reset_interval"] = int(rng.integers(1, 4))
        for steps in (3, None):
            found = bound(program, low, high, steps=steps, **options)
            assert violations(program, {"input": every}, found, options)[0] == []


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_what_is_monotone_in_one_input_is_bounded_exactly(reset: str) -> None:
    """Both ends of v before it can fire, and of u always, are reached by some input."""
    neuron = nd.CubaLif(700, 300, 2**17 - 1, bias=-5, reset=reset, initial=7)
    program = nd.Program(
        (nd.Input("x", 1, 8),),
        (nd.Population("a", 1, neuron),),
        (nd.Connection("x", "a", nd.Dense([[-37]])),),
        nd.Readout("a"),
    )
    every = np.array(list(itertools.product(range(-2, 3), repeat=4))).reshape(-1, 4, 1)
    trace = nd.simulate(program, every, engine="reference", record=("u", "v"))
    found = bound(program, every.min(axis=0)[None], every.max(axis=0)[None], steps=4)
    for name in ("u", "v"):
        values, interval = getattr(trace["a"], name), getattr(found["a"], name)
        assert np.array_equal(interval.low[0], values.min(axis=0))
        assert np.array_equal(interval.high[0], values.max(axis=0))


def test_a_point_is_followed_exactly() -> None:
    """A box of one input is the run itself where nothing wraps, for models that add no slack."""
    followed = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        program = wild_program(rng, MODELS[seed % 6])
        x = rng.integers(-9, 9, (1, 6, *program.inputs[0].shape))
        names = ("s", "u", "v", "vth", "sigma", "act")
        trace = nd.simulate(program, x, engine="reference", record=names)
        found = bound(program, x, x, steps=6)
        if any(bounds.may_overflow for bounds in found):
            continue
        followed += 1
        for bounds in found:
            for name, interval in bounds.variables.items():
                assert np.array_equal(interval.low, getattr(trace[bounds.name], name))
                assert np.array_equal(interval.high, interval.low)
    assert followed > 5


def _unchanged(value: Interval, *_: Any) -> Interval:
    return value


def _narrow(neuron: Neuron, step: int) -> int:
    return 64


MUTATIONS = {
    "u is not folded": (cuba, "correct_once", _unchanged),
    "v does not saturate": (cuba, "saturate", _unchanged),
    "the bias does not wrap": (cuba, "wrap", _unchanged),
    "a gain is left out": (cuba, "gain_at", _narrow),
    "negative factors keep the ends": (
        cuba,
        "scale",
        lambda value, factor: Interval(value.low * factor, value.high * factor),
    ),
    "an unstable neuron does not fire": (cuba, "either", lambda may, rest, *_: rest),
    "connections do not wrap": (drive, "wrap", _unchanged),
    "messages of binary sources count by value": (drive, "events", _unchanged),
    "sums of messages do not wrap": (sigma_delta, "wrap", _unchanged),
    "a change is never kept": (sigma_delta, "either", lambda may, rest, other, sent: sent),
    "re and im do not saturate": (resonator, "saturate", _unchanged),
    "lengths are not rounded up": (resonator, "ROUNDING", -200),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_rule_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, wrong = MUTATIONS[name]
    monkeypatch.setattr(module, attribute, wrong)
    for seed in range(400):
        if check_seed(seed)[0]:
            return
    pytest.fail(f"{name}: not noticed in 400 programs")
