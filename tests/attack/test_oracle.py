"""Through every encoder: the twin gives the engine's verdicts, and the gradient points uphill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attack.networks import Arena, arena, presented, program

from neurodeploy.attack import Space, lost, margins
from neurodeploy.attack.backward import RULES, Adaptive, Backward, RateGradient, Surrogate
from neurodeploy.attack.budget import Budget
from neurodeploy.attack.gradient import (
    Apgd,
    Bim,
    Fgsm,
    MiFgsm,
    Pgd,
    RFgsm,
    SaPgd,
    TargetedApgd,
)
from neurodeploy.attack.search import Boundary, Exhaustive, Noise, RandomSearch, Square
from neurodeploy.encode import Columns, Delta, Direct, Encoder, Latency, Level, Rate
from neurodeploy.errors import OptionError

ENCODERS: dict[str, tuple[Encoder, tuple[int, ...], int, float]] = {
    "direct": (Direct(6, 16, levels=16), (9,), 9, 48),
    "direct of more levels": (Direct(6, 5, levels=31), (9,), 9, 60),
    "direct of fewer levels": (Direct(6, 100, levels=7), (9,), 9, 40),
    "direct with a gap": (Direct(6, 16, gap=2, levels=16), (9,), 9, 48),
    "rate": (Rate(8, 20, seed=3), (9,), 9, 60),
    "latency": (Latency(8, 20), (9,), 9, 60),
    "delta": (Delta(8, 20, threshold=4), (8, 3), 6, 60),
    "level": (Level(8, 20, levels=4), (8, 3), 12, 60),
    "graded columns": (Columns(6, 12), (6, 9), 9, 3),
}


def under(name: str, samples: int = 24, feedback: bool = False) -> Arena:
    encoder, shape, inputs, eps = ENCODERS[name]
    net = program(inputs, encoder.message_bits, feedback=feedback, threshold=60)
    data = presented(encoder, samples, shape, net)
    return arena(net, data, Budget.of(data, "eps", eps))


METHODS = (
    Fgsm(),
    RFgsm(),
    Bim(steps=5),
    MiFgsm(steps=5),
    Pgd("margin", steps=8, restarts=2),
    SaPgd("ce", Adaptive("triangle"), steps=12),
    Apgd("dlr", Adaptive("gaussian"), steps=12),
    TargetedApgd(steps=6, classes=2),
    Square(queries=30),
    RandomSearch(queries=30),
    Boundary(queries=30),
    Exhaustive(limit=64),
    Noise(),
)


@pytest.mark.parametrize("feedback", [False, True], ids=["aligned", "stream"])
@pytest.mark.parametrize("name", ENCODERS)
def test_attacked_data_keep_the_budget_and_twin_and_engine_agree(name: str, feedback: bool) -> None:
    place = under(name, feedback=feedback)
    data, rows = place.data, np.arange(len(place.data))
    low, high = data.ball(slice(0, len(data)), place.budget.steps)
    for attack in METHODS:
        x = attack.run(place.field)
        assert x.dtype == np.int32
        kept = place.budget.data_of(place.space, x)
        assert ((kept >= low) & (kept <= high)).all(), attack.name
        columns = data.columns(slice(0, len(data)), kept)
        assert np.array_equal(columns, place.space.columns(x, rows)), attack.name
        scores = place.engine.scores(columns)
        slope = place.field.oracle("margin", Surrogate())(x, rows)
        assert np.array_equal(slope.scores, scores), attack.name


@pytest.mark.parametrize("name", ENCODERS)
def test_the_gradient_finds_more_than_noise(name: str) -> None:
    place = under(name, samples=40)
    columns = place.data.columns(slice(0, 40))
    right = ~lost(place.engine.scores(columns), place.data.y)

    def fooled(attack: Any) -> int:
        kept = place.budget.data_of(place.space, attack.run(place.field))
        scores = place.engine.scores(place.data.columns(slice(0, 40), kept))
        return int((lost(scores, place.data.y) & right).sum())

    assert fooled(Pgd("margin", Surrogate("atan"), steps=20, restarts=2)) > fooled(Noise())


WAYS: tuple[Backward, ...] = (
    *(Surrogate(shape) for shape in ("triangle", "sigmoid", "atan", "gaussian")),
    *(Adaptive(shape) for shape in ("triangle", "gaussian", "atan")),
    *(RateGradient(rule) for rule in RULES),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way_backward_lowers_margins(way: Backward) -> None:
    """Summed over the samples, a step along the gradient does better than one against it."""
    place = under("direct", samples=60)
    rows = np.arange(60)
    gradient = place.field.oracle("margin", way)(place.space.clean, rows).gradient
    assert np.isfinite(gradient).all() and gradient.any()

    def total(sign: int) -> int:
        x = place.space.project(place.space.clean + sign * 3 * np.sign(gradient), rows)
        return int(margins(place.field.answer(x, rows), place.data.y).sum())

    assert total(1) < total(-1)


def test_assg_learns_of_each_sample_whatever_the_batch() -> None:
    """Statistics belong to samples: alone or among others, the gradients are the same."""
    place = under("direct", samples=6)
    together, alone = (place.field.oracle("margin", Adaptive("atan")) for _ in range(2))
    x = place.space.clean
    for _ in range(3):
        both = together(x, np.arange(6)).gradient
        one = np.concatenate([alone(x[k : k + 1], np.array([k])).gradient for k in range(6)])
        np.testing.assert_allclose(both, one, rtol=1e-4, atol=1e-9)


def test_draws_of_a_random_encoder_are_averaged_and_the_judged_one_is_scored() -> None:
    place = under("rate")
    rows = np.arange(len(place.data))
    one = place.field.oracle("margin", Surrogate(), 1)(place.space.clean, rows)
    many = place.field.oracle("margin", Surrogate(), 5)(place.space.clean, rows)
    assert np.array_equal(one.scores, many.scores)
    assert not np.array_equal(one.gradient, many.gradient)


def test_levels_are_enough_where_an_encoder_has_fewer_than_the_data() -> None:
    """Every datum of the ball gives a level of the grid, and each level has a datum there."""
    encoder = Direct(2, 100, levels=7)
    net = program(9, encoder.message_bits)
    data = presented(encoder, 5, (9,), net)
    space = Space.around(data, 13)
    low, high = data.ball(slice(0, 5), 13)
    for shift in range(27):
        levels = encoder.values(np.minimum(low + shift, high))
        assert ((levels >= space.low) & (levels <= space.high)).all()
    for level in range(8):
        x = np.clip(np.full_like(space.clean, level), space.low, space.high)
        kept = space.data_of(x, 13)
        assert ((kept >= low) & (kept <= high)).all()
        assert np.array_equal(encoder.values(kept), x)
    assert np.array_equal(space.data_of(space.clean, 13), data.x)


def test_what_is_enumerated_misses_nothing() -> None:
    """On data of two free values no attack finds more than all of their combinations hold."""
    encoder = Direct(6, 16, levels=16)
    net = program(2, encoder.message_bits, threshold=30)
    data = presented(encoder, 40, (2,), net)
    place = arena(net, data, Budget.of(data, "eps", 48))
    rows = np.arange(40)
    every = lost(place.field.answer(Exhaustive().run(place.field), rows), data.y)
    assert every.any()
    for attack in METHODS:
        found = lost(place.field.answer(attack.run(place.field), rows), data.y)
        assert not (found & ~every).any(), attack.name


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(
        OptionError, match=r"share of ASSG is 0\.5, expected above 0 and below 0\.5"
    ):
        Adaptive("atan", 0.5)
    with pytest.raises(OptionError, match="rate gradient is 'x', expected one of rga, bptr, hart"):
        RateGradient("x")
