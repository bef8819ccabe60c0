"""Attacks do what their papers say: against implementations that share no code with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from attack.networks import PEAK, relu
from attack.published import apgd, fgsm, square
from torch import Tensor
from torch.nn import functional

from neurodeploy.attack.gradient import Apgd, Bim, Fgsm, MiFgsm, Pgd, RFgsm, SaPgd, checkpoints
from neurodeploy.attack.losses import dlr, margin
from neurodeploy.attack.search import RandomSearch, Square

SAMPLES = 100


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(logits, y, reduction="none")


def floats(x: Any) -> Tensor:
    return torch.tensor(x[:SAMPLES], dtype=torch.float32) / PEAK


@pytest.mark.parametrize("radius", [8, 16, 32])
def test_fgsm_gives_the_very_data_of_its_paper(radius: int) -> None:
    """But for values whose gradient is 0 to the last bit."""
    net = relu()
    field = net.field(SAMPLES, radius, cross_entropy)
    right = net.logits(floats(net.x)).argmax(1) == torch.tensor(net.y[:SAMPLES])
    wanted = fgsm(
        net.logits, cross_entropy, floats(net.x), torch.tensor(net.y[:SAMPLES]), radius / PEAK
    )
    found = Fgsm().run(field)
    fooled = net.logits(wanted).argmax(1) != torch.tensor(net.y[:SAMPLES])
    rows = (fooled & right).numpy()
    assert rows.sum() > 5
    assert np.array_equal(found[rows], np.rint(wanted.numpy() * PEAK)[rows])


@pytest.mark.parametrize("loss", [cross_entropy, dlr])
@pytest.mark.parametrize("radius", [16, 24])
def test_apgd_is_as_strong_as_its_paper(loss: Any, radius: int) -> None:
    net = relu()
    y = torch.tensor(net.y[:SAMPLES])
    wanted = net.robust(apgd(net.logits, loss, floats(net.x), y, radius / PEAK, 40).numpy() * PEAK)
    found = net.robust(Apgd(steps=40).run(net.field(SAMPLES, radius, loss)))
    assert abs(found - wanted) <= 0.04
    assert 0.05 < wanted < 0.9


@pytest.mark.parametrize("radius", [16, 32])
def test_square_is_as_strong_as_its_paper(radius: int) -> None:
    net = relu()
    y = torch.tensor(net.y[:SAMPLES])
    wanted = net.robust(square(net.logits, floats(net.x), y, radius / PEAK, 300, 8).numpy() * PEAK)
    found = net.robust(Square(queries=300).run(net.field(SAMPLES, radius, cross_entropy)))
    assert abs(found - wanted) <= 0.06


ITERATED = (
    Bim(steps=20),
    MiFgsm(steps=20),
    Pgd(steps=20),
    SaPgd(steps=20),
    Apgd(steps=20),
    RandomSearch(queries=400),
    Square(queries=400),
)


@pytest.mark.parametrize("attack", ITERATED, ids=lambda attack: attack.kind)
def test_every_iterated_attack_leaves_nothing_at_the_full_range(attack: Any) -> None:
    net = relu()
    assert net.robust(attack.run(net.field(SAMPLES, PEAK, margin))) == 0


@pytest.mark.parametrize("attack", [Fgsm(), RFgsm(), *ITERATED], ids=lambda attack: attack.kind)
def test_every_attack_beats_random_noise_of_equal_size(attack: Any) -> None:
    net = relu()
    field = net.field(SAMPLES, 24, cross_entropy)
    coins = np.random.default_rng(2).random(field.space.clean.shape) < 0.5
    noise = net.robust(np.where(coins, field.space.low, field.space.high))
    assert net.robust(attack.run(field)) < noise - 0.1


def test_checkpoints_are_those_of_auto_pgd() -> None:
    """0.22, then intervals of 0.19, 0.16 ... down to 0.06."""
    assert checkpoints(100) == (22, 41, 57, 70, 80, 87, 93, 99)
    assert checkpoints(1) == ()
    assert checkpoints(2) == (1,)
