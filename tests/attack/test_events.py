"""Attacks on events: what they may change, and that they find what there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from attack.networks import Arena, arena, events, presented, program

from neurodeploy.attack import lost
from neurodeploy.attack.budget import Budget
from neurodeploy.attack.events import EventNoise, Events, Flips, Shifts, flipped, moved
from neurodeploy.attack.gradient import Pgd
from neurodeploy.encode import Columns
from neurodeploy.errors import OptionError

FLIPS = (
    Flips(),
    Flips(mode="insert"),
    Flips(mode="delete"),
    Flips(beam=3),
    Flips(guided=False),
    EventNoise(),
)
SHIFTS = (Shifts(turns=5), Shifts(turns=5, guided=False), EventNoise())


def under(unit: str, size: int, inputs: int = 6, lengths: Any = None) -> Arena:
    net = program(inputs, 0, threshold=40)
    data = events(net)
    if lengths is not None:
        x = data.x * (np.arange(10) < np.asarray(lengths)[:, None])[..., None]
        split = replace(data.split, x=x.astype(np.int32), lengths=np.asarray(lengths))
        data = replace(data, split=split)
    return arena(net, data, Budget.of(data, unit, size))


@pytest.mark.parametrize("attack", FLIPS, ids=lambda attack: attack.name)
def test_flips_keep_their_number_and_kind(attack: Any) -> None:
    place = under("flips", 3)
    x, clean = attack.run(place.field), place.space.clean
    assert np.isin(x, (0, 1)).all()
    assert (flipped(clean, x) <= 3).all()
    if getattr(attack, "mode", "") == "insert":
        assert (x >= clean).all()
    if getattr(attack, "mode", "") == "delete":
        assert (x <= clean).all()


@pytest.mark.parametrize("attack", SHIFTS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("shift", [1, 3])
def test_shifts_keep_every_event_within_its_steps(attack: Any, shift: int) -> None:
    place = under("shift", shift)
    x, clean = attack.run(place.field), place.space.clean
    found = moved(clean, x)
    assert ((found >= 0) & (found <= shift)).all()
    assert np.array_equal(x.sum(1), clean.sum(1))


def test_moves_of_events_are_measured_in_their_order() -> None:
    clean = np.zeros((3, 5, 1), np.int32)
    clean[:, [0, 3]] = 1
    x = np.zeros_like(clean)
    x[0, [1, 4]] = 1
    x[1, [3, 4]] = 1
    x[2, [0]] = 1
    assert moved(clean, x).tolist() == [1, 3, -1]
    assert flipped(clean, x).tolist() == [4, 2, 1]


@pytest.mark.parametrize("unit", ["flips", "shift"])
def test_nothing_happens_behind_the_end_of_a_sample(unit: str) -> None:
    lengths = [4] * 12
    place = under(unit, 3, lengths=lengths)
    for attack in FLIPS if unit == "flips" else SHIFTS:
        x = attack.run(place.field)
        assert np.array_equal(x[:, 4:], place.space.clean[:, 4:]), attack.name


def test_a_wide_beam_finds_every_pair_that_is_enough() -> None:
    """Against all pairs of flips, one by one, on a small network."""
    net = program(3, 0, threshold=30)
    data = presented(Columns(5, 1), 8, (5, 3), net)
    place = arena(net, data, Budget.of(data, "flips", 2))
    clean, rows = place.space.clean, np.arange(8)
    falls = lost(place.field.answer(clean, rows), data.y)
    for pair in combinations(range(15), 2):
        for chosen in (pair, pair[:1], pair[1:]):
            x = clean.reshape(8, -1).copy()
            x[:, chosen] = 1 - x[:, chosen]
            falls |= lost(place.field.answer(x.reshape(clean.shape), rows), data.y)
    attack = Flips(candidates=15, beam=15)
    found = lost(place.field.answer(attack.run(place.field), rows), data.y)
    assert np.array_equal(found, falls)
    assert falls.sum() > 0


def test_the_gradient_leads_to_better_moves_than_chance() -> None:
    place = under("shift", 3, inputs=20)
    rows = np.arange(len(place.data))

    def fooled(attack: Any) -> int:
        x = attack.run(place.field)
        return int(lost(place.field.answer(x, rows), place.data.y).sum())

    assert fooled(Shifts(turns=20)) >= fooled(Shifts(turns=1, guided=False))


BAD: dict[str, tuple[Any, str]] = {
    "flips of values": (
        lambda: Budget.of(presented(Columns(4, 9), 3, (4, 6), program(6, 4)), "flips", 2),
        "flips and shifts are budgets of binary columns, these data have a budget eps",
    ),
    "no flip": (lambda: under("flips", 0), "flips is 0, these data allow 1 to 60"),
    "too many flips": (lambda: under("flips", 61), "flips is 61, these data allow 1 to 60"),
    "shift out of the sample": (lambda: under("shift", 10), "shift is 10, these data allow 1 to 9"),
    "eps of events": (
        lambda: under("eps", 8),
        "eps 8: the data are binary columns, whose budget is a number of flips or a shift in steps",
    ),
    "mode": (
        lambda: Flips(mode="swap"),
        "mode is 'swap', expected one of flip, insert, delete",
    ),
    "event attack on values": (
        lambda: Flips().run(
            arena(
                program(9, 4),
                presented(Columns(4, 9), 3, (4, 9), program(9, 4)),
                Budget("eps", 2, 2),
            ).field
        ),
        "event attacks need binary columns, expected a budget of flips or shifts",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_budgets_give_one_line(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(OptionError) as caught:
        make()
    assert str(caught.value) == message


def test_events_take_any_number_that_is_not_0_for_one_event() -> None:
    data = events(program(6, 0))
    many = replace(data, split=replace(data.split, x=3 * data.x))
    assert np.array_equal(Events.of(many, flips=1).clean, Events.of(data, flips=1).clean)
    with pytest.raises(OptionError, match="expected a gradient-free attack"):
        Pgd().run(replace(under("flips", 1).field, slopes=None))
