"""Attacks that follow another network: the one under attack judges every iterate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from attack.networks import arena, events, presented, program

import neurodeploy as nd
from neurodeploy.attack import lost, substitute
from neurodeploy.attack.budget import Budget
from neurodeploy.attack.events import Flips
from neurodeploy.attack.gradient import MiFgsm, SaPgd
from neurodeploy.attack.substitute import Lesson, Substitute
from neurodeploy.attack.transfer import RELU, Transfer, transfers
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program
from neurodeploy.encode import Delta, Direct
from neurodeploy.errors import DataError, OptionError
from neurodeploy.verification.elsewhere import check_source, seen_by, source_name

ENCODER = Direct(6, 16, levels=16)


@pytest.fixture(scope="module")
def digits() -> Any:
    """The shipped network, its test samples and a network of ReLUs trained for it."""
    net = shipped_program()
    sets = load_data("digits")
    learned = Substitute(Lesson.of(net, present(net, sets.train), seed=1))
    return net, present(net, sets.test).first(60), learned


def test_the_substitute_learns_the_task_in_the_shape_of_the_network(digits: Any) -> None:
    net, data, learned = digits
    assert learned.rate(data) > 0.9
    sizes = [p.shape[0] for p in learned.net.parameters() if p.dim() == 2]
    assert sizes == [p.size for p in net.populations]
    again = Substitute(Lesson.of(net, present(net, load_data("digits").train), seed=1))
    for one, other in zip(learned.net.parameters(), again.net.parameters(), strict=True):
        assert (one == other).all()


def test_transfer_fools_without_a_gradient_of_the_network_under_attack(digits: Any) -> None:
    net, data, learned = digits
    here = arena(net, data, Budget.of(data, "eps", 64))
    field = replace(here.field, slopes=None, others={RELU: learned.slopes(here.space, data.y)})
    rows = np.arange(len(data))
    clean = lost(field.answer(here.space.clean, rows), data.y).sum()
    for attack in (Transfer(RELU, MiFgsm(steps=20)), Transfer(RELU, SaPgd("margin", steps=20))):
        x = attack.run(field)
        assert not here.budget.outside(data, here.budget.data_of(here.space, x)).any()
        fooled = lost(field.answer(x, rows), data.y)
        assert fooled.sum() > clean + 10, attack.name
        moved = (x != here.space.clean).reshape(len(x), -1).any(1)
        assert (moved <= fooled).all()  # what is kept has fooled the network under attack


def test_a_network_transfers_to_itself_as_its_own_attack_does() -> None:
    net = program(9, ENCODER.message_bits, threshold=60)
    data = presented(ENCODER, 24, (9,), net)
    here = arena(net, data, Budget.of(data, "eps", 32))
    field = replace(here.field, others={"self": here.field.slopes})
    inner = SaPgd("margin", steps=8)
    assert np.array_equal(Transfer("self", inner).run(field), inner.run(field))


def test_events_are_transferred_too() -> None:
    net, other = program(6, 0, threshold=40), program(6, 0, seed=5, threshold=40)
    data = events(net)
    here, there = (arena(one, data, Budget.of(data, "flips", 3)) for one in (net, other))
    field = replace(here.field, others={"other": there.field.slopes})
    (attack,) = transfers("other", "flips")
    x = attack.run(field)
    assert lost(field.answer(x, np.arange(len(data))), data.y).any()
    assert not here.budget.outside(data, x).any()
    assert isinstance(attack.inner, Flips)


def test_a_series_and_a_map_have_substitutes(monkeypatch: pytest.MonkeyPatch) -> None:
    delta = Delta(8, 20, threshold=4)
    net = program(6, 0)
    data = presented(delta, 20, (8, 3), net)
    monkeypatch.setattr(substitute, "TURNS", 1)
    assert Substitute(Lesson.of(net, data, 0)).net[1].in_features == 24
    rng = np.random.default_rng(2)
    maps = nd.Program(
        inputs=(nd.Input("x", (1, 6, 6), message_bits=5),),
        populations=(
            nd.Population("map", (2, 4, 4), nd.CubaLif(4096, 512, 60)),
            nd.Population("out", (3,), nd.CubaLif(4096, 512, 40)),
        ),
        connections=(
            nd.Connection("x", "map", nd.Conv2d(2 * rng.integers(-30, 31, (2, 1, 3, 3)))),
            nd.Connection("map", "out", nd.Dense(2 * rng.integers(-30, 31, (3, 32)))),
        ),
        readout=nd.Readout("out", "s"),
    )
    shown = presented(ENCODER, 20, (1, 6, 6), maps)
    found = Substitute(Lesson.of(maps, shown, 0))
    kinds = [type(layer).__name__ for layer in found.net]
    assert kinds == ["Flatten", "Unflatten", "Conv2d", "Flatten", "ReLU", "Flatten", "Linear"]


def test_names_say_the_source() -> None:
    net = shipped_program()
    assert [one.name for one in transfers(RELU, "eps")] == [
        "transfer relu mi-fgsm-20 ce",
        "transfer relu sa-pgd-100 margin",
    ]
    assert source_name(net) == net.digest[:8]


def test_an_unknown_source_is_named() -> None:
    net = program(9, ENCODER.message_bits)
    data = presented(ENCODER, 3, (9,), net)
    here = arena(net, data, Budget.of(data, "eps", 32))
    with pytest.raises(
        OptionError, match=r"^transfer from 'relu', networks to transfer from: none$"
    ):
        Transfer().run(here.field)


def test_networks_that_do_not_fit_are_refused() -> None:
    net = program(9, ENCODER.message_bits)
    data = presented(ENCODER, 3, (9,), net)
    assert seen_by(net, data).encoder == ENCODER
    few = program(9, ENCODER.message_bits, seed=1)
    few = replace(few, metadata=Direct(6, 16, levels=4).metadata())
    with pytest.raises(OptionError) as caught:
        check_source(few, data)
    assert str(caught.value) == (
        f"transfer from {few.digest[:8]}: it takes values 0 to 4, the network under attack 0 to "
        "16; the two need encoders of the same levels"
    )
    with pytest.raises(DataError, match=f"^transfer from {program(8, 5).digest[:8]}: "):
        check_source(program(8, 5), data)
