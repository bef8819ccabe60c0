"""Strengths on the shipped network of digits: against each other, and against a plain attack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from attack.networks import Arena, arena
from torch.nn import functional

from neurodeploy.attack import ATTACKS, EVENT_ATTACKS, STRENGTHS, Attack, lost, strength
from neurodeploy.attack.backward import Adaptive
from neurodeploy.attack.budget import Budget
from neurodeploy.attack.gradient import Fgsm, Pgd, SaPgd
from neurodeploy.attack.registry import PLAIN
from neurodeploy.attack.search import Noise
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program
from neurodeploy.errors import OptionError

SAMPLES = 16


BEYOND = 64
"""A budget of four grey steps: the shipped network is trained to withstand two."""


def place(eps: float) -> Arena:
    program = shipped_program()
    data = present(program, load_data("digits").test).first(SAMPLES)
    return arena(program, data, Budget.of(data, "eps", eps))


def standing(here: Arena, attacks: Any) -> Any:
    """Return which samples stand against all of some attacks."""
    left = np.ones(SAMPLES, np.bool_)
    rows = np.arange(SAMPLES)
    for attack in attacks:
        left &= ~lost(here.field.answer(attack.run(here.field), rows), here.data.y)
    return left


def worst_case(name: str) -> int:
    """Return how many samples the white-box attacks of a strength leave; the fallen are dropped."""
    here = place(BEYOND)
    left = np.flatnonzero(standing(here, [_Nothing()]))
    for attack in strength(name):
        if attack.needs_gradient and len(left):
            some = arena(here.net, here.data.take(left), here.budget)
            x = attack.run(some.field)
            left = left[~lost(some.field.answer(x, np.arange(len(left))), some.data.y)]
    return len(left)


def plain(here: Arena) -> Any:
    """PGD in a few lines of torch, its answers counted by the engine: 3 surrogates, 20 steps."""
    data, twin = here.data, here.twins.twin
    clean = torch.tensor(data.x, dtype=torch.float32)
    y, rows = torch.tensor(data.y), slice(0, SAMPLES)
    most, share = BEYOND // 16, data.encoder.high / data.domain.peak
    left = np.ones(SAMPLES, np.bool_)
    for surrogate in ("fast_sigmoid", "triangle", "atan"):
        x = clean.clone()
        for _ in range(20):
            leaf = x.clone().requires_grad_()
            shown = torch.from_numpy(data.columns(rows, x.int().numpy())).float()
            columns = shown + share * (leaf - leaf.detach())[:, None]
            logits = twin(columns, surrogate=surrogate).logits
            functional.cross_entropy(10 * logits, y).backward()
            assert leaf.grad is not None
            x = (x + leaf.grad.sign()).clamp(clean - most, clean + most).clamp(0, 16)
            scores = here.engine.scores(data.columns(rows, x.int().numpy()))
            left &= ~lost(scores, data.y)
    return left


def test_more_strength_leaves_less_and_less_than_a_plain_attack() -> None:
    clean = int(standing(place(BEYOND), [_Nothing()]).sum())
    quick, strong = worst_case("quick"), worst_case("strong")
    assert strong <= quick < clean
    assert strong <= int(plain(place(BEYOND)).sum())


def test_an_adaptive_surrogate_leaves_less_than_the_best_fixed_one() -> None:
    """The shipped network is trained by PGD. The fixed ones have as many steps, and two losses."""
    program = shipped_program()
    data = present(program, load_data("digits").test).first(60)
    here = arena(program, data, Budget.of(data, "eps", 48))

    def left(attacks: Any) -> int:
        stands, rows = np.ones(60, np.bool_), np.arange(60)
        for attack in attacks:
            stands &= ~lost(here.field.answer(attack.run(here.field), rows), data.y)
        return int(stands.sum())

    losses = ("ce", "margin")
    fixed = [left([Pgd(loss, way, steps=100) for loss in losses]) for way in PLAIN]
    adaptive = [SaPgd(loss, Adaptive("atan", 0.47), steps=100) for loss in losses]
    assert left(adaptive) < min(fixed)


def test_attacks_beat_random_noise_of_equal_size() -> None:
    here = place(80)  # the shipped network is trained to withstand 32
    noise = standing(here, [Noise(queries=5)]).sum()
    for attack in strength("quick"):
        if not attack.sign_only:
            assert standing(here, [attack]).sum() < noise, attack.name


def test_nothing_stands_where_pixels_may_be_anything() -> None:
    here = place(255)
    for attack in strength("quick"):
        if attack.iterated:
            assert not standing(here, [attack]).any(), attack.name


def test_names_are_different_within_a_strength_and_attacks_are_registered() -> None:
    for name in STRENGTHS:
        for unit in ("eps", "flips", "shift"):
            for random in (False, True):
                found = strength(name, unit, random)
                assert len({attack.name for attack in found}) == len(found)
                table = ATTACKS if unit == "eps" else EVENT_ATTACKS
                assert all(table[attack.kind] is type(attack) for attack in found)
    with pytest.raises(OptionError, match="strength is 'weak', expected one of quick, standard"):
        strength("weak")


def test_results_are_functions_of_the_seed_and_the_sample() -> None:
    """The samples in another order, and fewer of them, are attacked alike."""
    here, there = place(32), place(32)
    some = np.array([5, 13, 7])
    fewer = arena(here.net, there.data.take(some), here.budget)
    for attack in (*strength("quick"), Fgsm()):
        if not attack.needs_gradient:
            whole, part = attack.run(here.field), attack.run(fewer.field)
            assert np.array_equal(whole[some], part), attack.name


class _Nothing(Attack):
    """Leaves the data alone."""

    kind = "nothing"

    def run(self, field: Any) -> Any:
        return field.space.clean
