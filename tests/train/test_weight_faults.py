"""Passes over weights whose stored bits have flipped: words of the chip, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training_scenes import TEXT, equal, looped, trained  # noqa: E402  (needs torch)

from neurodeploy.sim.faults import LOIHI  # noqa: E402
from neurodeploy.sim.faults.words import loihi  # noqa: E402
from neurodeploy.train.methods import Perturbation  # noqa: E402
from neurodeploy.train.passes import run_passes  # noqa: E402
from neurodeploy.train.perturbations import Scene  # noqa: E402
from neurodeploy.train.weight_faults import (  # noqa: E402
    faulty,
    flipped,
    random_flips,
    word_bits,
    worst_flips,
)

RANDOM = '[perturbation]\nkind = "bit-flips"\nrate = 0.02\n'
WORST = '[perturbation]\nkind = "worst-flips"\nflips = 3\n'


def scene(**settings: Any) -> Scene:
    loop = looped(TEXT)
    split = loop.feed.data.train.first(20)
    return Scene(loop.network.train(), loop.feed, split, Perturbation(**settings), 1)


def test_flips_read_as_the_words_of_the_chip() -> None:
    weight = 2 * np.random.default_rng(1).integers(-40, 30, (5, 7))
    weight[0, :2] = -98, 74
    form = loihi([weight])
    given = torch.tensor(weight, dtype=torch.float32, requires_grad=True)
    assert word_bits(given) == form.bits == LOIHI.weights([weight]).bits == 7
    index, bit = torch.tensor([0, 3, 3, 9, 9, 34]), torch.tensor([6, 0, 4, 2, 2, 5])
    found = flipped(given, index, bit)
    expected = weight.reshape(-1).copy()
    for place, bits in ((0, (6,)), (3, (0, 4)), (34, (5,))):  # twice the same bit is none
        expected[place] = form.flipped(int(expected[place]), bits)
    assert found.detach().reshape(-1).tolist() == expected.tolist()
    found.sum().backward()
    assert given.grad is not None
    assert bool((given.grad == 1).all())


def test_random_flips_are_as_many_as_the_rate_says_and_a_function_of_the_batch() -> None:
    given = scene(kind="bit-flips", rate=0.02)
    found = random_flips(given)
    for layer in given.network.spiking_layers:
        weight = layer.quantised().weight
        index, bit = found[layer.name]
        assert len(index) == round(0.02 * weight.numel() * word_bits(weight))
        assert int(index.max()) < weight.numel()
        assert int(bit.max()) < word_bits(weight)
    again = random_flips(given)
    assert all(torch.equal(a, b) for n in found for a, b in zip(found[n], again[n], strict=True))


def test_the_worst_flips_raise_the_loss_more_than_random_ones() -> None:
    given = scene(kind="worst-flips", flips=5)
    network = given.network
    x = given.feed.batch(given.split, draw=1)
    y = torch.from_numpy(given.split.y.astype(np.int64))
    worst = worst_flips(given)
    assert sum(len(index) for index, _ in worst.values()) == 5
    assert network.training

    def loss(flips: Any) -> float:
        with torch.no_grad(), faulty(given, flips):
            return float(torch.nn.functional.cross_entropy(network(x, 4).logits, y))

    nothing = {n: (torch.zeros(0, dtype=torch.int64),) * 2 for n in worst}
    generator = torch.Generator().manual_seed(0)
    sizes = {layer.name: layer.weight.numel() for layer in network.spiking_layers}
    name = max(worst, key=lambda n: len(worst[n][0]))
    random = {
        **nothing,
        name: (torch.randint(sizes[name], (5,), generator=generator), torch.full((5,), 2)),
    }
    assert loss(worst) > loss(random)
    assert loss(worst) > loss(nothing)


@pytest.mark.parametrize("text", [RANDOM, WORST])
def test_training_on_flips_repeats_bit_for_bit_and_is_another(text: str) -> None:
    first = trained(TEXT + text)
    assert equal(first, trained(TEXT + text))
    assert not equal(first, trained(TEXT))


def test_the_second_pass_alone_has_the_flips() -> None:
    loop = looped(TEXT + RANDOM)
    split = loop.feed.data.train.first(20)
    clean, other = run_passes(loop.config, loop.network.train(), loop.feed, split, 1, 0.5)
    alone = loop.network(loop.feed.batch(split, draw=1), 4)
    assert other is not None
    assert torch.equal(clean.logits, alone.logits)
    assert not torch.equal(other.logits, clean.logits)
    other.logits.sum().backward()
    assert all(layer.weight.grad is not None for layer in loop.network.spiking_layers)
