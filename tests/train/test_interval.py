"""Interval training: bounds of the twin, the loss they give, and what may be asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training_scenes import PGD, TEXT, equal, looped, trained  # noqa: E402  (needs torch)

import neurodeploy as nd  # noqa: E402
from neurodeploy.answers import RunChoice, settle  # noqa: E402
from neurodeploy.certificates.claims import CERTIFIED  # noqa: E402
from neurodeploy.certify.prover import Prover  # noqa: E402
from neurodeploy.data import Presentation  # noqa: E402
from neurodeploy.errors import OptionError  # noqa: E402
from neurodeploy.train import Conv, Dense, DenseSkip, Network, Neuron, Readout, SumPool  # noqa: E402
from neurodeploy.train.config import parse_config  # noqa: E402
from neurodeploy.train.feed import labels  # noqa: E402
from neurodeploy.train.interval import worst_case  # noqa: E402
from neurodeploy.train.interval_loss import bound_held, worst_of  # noqa: E402
from neurodeploy.train.methods import Interval  # noqa: E402

STEPS = 4
READ_V = '[readout]\nkind = "integrator"\n'
INTERVAL = "[interval]\neps = 32.0\n"
LAST = Neuron(voltage_decay=0)
INTEGRATOR = Readout(kind="integrator")
NETS: dict[str, dict[str, Any]] = {
    "dense": {"layers": (Dense(size=12), Dense(size=3, neuron=LAST, bias=True))},
    "leaking read-out": {"layers": (Dense(size=12), Dense(size=3, bias=True))},
    "window": {
        "layers": (Dense(size=12), Dense(size=3, neuron=LAST)),
        "readout": Readout(kind="integrator", window=2),
    },
    "current memory": {
        "layers": (
            Dense(size=12, neuron=Neuron(current_decay=2048), bias=True),
            Dense(size=3, neuron=Neuron(current_decay=1024)),
        )
    },
    "two hidden": {"layers": (Dense(size=12), Dense(size=9, bias=True), Dense(size=3))},
    "spiking read-out": {"layers": (Dense(size=12), Dense(size=3)), "readout": Readout()},
    "delays": {"layers": (Dense(size=12, max_delay=2), Dense(size=3, neuron=LAST))},
    "gains": {"layers": (Dense(size=12, neuron=Neuron(learn=("gain",))), Dense(size=3))},
    "conv": {"layers": (Conv(channels=3, kernel=2), Dense(size=3, neuron=LAST))},
    "conv, pool": {
        "layers": (Conv(channels=3, kernel=2), SumPool(size=2), Dense(size=3, neuron=LAST))
    },
    "pool, conv, dense": {
        "layers": (SumPool(size=2), Conv(channels=3, kernel=2), Dense(size=8), Dense(size=3))
    },
}


def network_of(name: str, shape: tuple[int, ...] = (1, 5, 5)) -> Network:
    given = {"readout": INTEGRATOR, **NETS[name]}
    network = Network(shape, input_scale=16.0, message_bits=5, seed=len(name), steps=STEPS, **given)
    generator = torch.Generator().manual_seed(5)
    network.calibrate(whole(generator, 64, shape), STEPS)
    return network.eval()


def whole(generator: Any, samples: int, shape: tuple[int, ...]) -> Any:
    return torch.randint(0, 17, (1, samples, *shape), generator=generator).float()


@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_no_datum_of_a_box_comes_nearer_than_the_bounds_say(name: str) -> None:
    network, generator = network_of(name), torch.Generator().manual_seed(11)
    samples, shape = 20, network.shape
    x = whole(generator, samples, shape)
    low, high = (x - 2).clamp(min=0), (x + 2).clamp(max=16)
    y = network(x, STEPS).logits.argmax(1)
    worst = worst_case(network, low, high, y, STEPS).logits
    assert (worst[torch.arange(samples), y] == 0).all()
    reached = torch.full_like(worst, -math.inf)
    for _ in range(25):
        share = torch.rand(x.shape, generator=generator)
        share = torch.where(torch.rand(x.shape, generator=generator) < 0.7, share.round(), share)
        logits = network(torch.round(low + share * (high - low)), STEPS).logits
        reached = torch.maximum(reached, logits - logits[torch.arange(samples), y][:, None])
    # One unit of v for what truncation may change, which the bounds leave out.
    slack = 4 * STEPS * network.readout.scale / (64 * network.spiking_layers[-1].unit)
    assert (reached <= worst + slack).all()


@torch.no_grad()
def test_the_box_of_a_single_datum_gives_its_own_margins() -> None:
    for name in ("dense", "leaking read-out", "current memory", "two hidden", "conv, pool"):
        network, generator = network_of(name), torch.Generator().manual_seed(2)
        x = whole(generator, 30, network.shape)
        logits = network(x, STEPS).logits
        y = logits.argmax(1)
        found = worst_case(network, x, x, y, STEPS)
        own = logits - logits[torch.arange(30), y][:, None]
        assert torch.allclose(found.logits, own, atol=0.05), name
        assert (found.held == (own.topk(2, 1).values[:, 1] < 0)).float().mean() > 0.9


def test_gradients_reach_every_parameter() -> None:
    for name in ("dense", "two hidden", "conv, pool", "spiking read-out"):
        network, generator = network_of(name), torch.Generator().manual_seed(3)
        x = whole(generator, 30, network.shape)
        y = network(x, STEPS).logits.argmax(1)
        low, high = (x - 2).clamp(min=0), (x + 2).clamp(max=16)
        found = worst_case(network, low, high, y, STEPS)
        torch.nn.functional.cross_entropy(found.logits, y).backward()
        for what, parameter in network.named_parameters():
            if parameter.requires_grad and not what.endswith("bias"):
                assert parameter.grad is not None, (name, what)
                assert bool(parameter.grad.abs().sum() > 0), (name, what)


@torch.no_grad()
def test_excess_counts_currents_beyond_their_room() -> None:
    network, generator = network_of("dense"), torch.Generator().manual_seed(3)
    x = whole(generator, 30, network.shape)
    y = torch.zeros(30, dtype=torch.int64)
    assert worst_case(network, x, x, y, STEPS).excess == 0
    small = worst_case(network, x, x, y, STEPS, room=1e-4)
    limit = 1e-4 * 2**17
    a = network(x, STEPS).results["hidden1"].a
    assert float(small.excess) == pytest.approx(
        2 * float((a.abs() - limit).clamp(min=0).mean()) / network.layers[0].unit, rel=1e-5
    )


def test_weight_0_trains_the_baseline_and_another_weight_does_not() -> None:
    text = TEXT + READ_V
    baseline = trained(text)
    assert equal(baseline, trained(text + INTERVAL + "weight = 0.0\n"))
    assert not equal(baseline, trained(text + INTERVAL))
    assert not equal(trained(text + PGD), trained(text + PGD + INTERVAL))
    assert parse_config(text).digest != parse_config(text + INTERVAL).digest


def test_what_the_bounds_hold_is_what_the_integers_certify() -> None:
    """The read-out keeps everything, so that training and certificate bound the same sums."""
    text = TEXT.replace("size = 10", "size = 10\nneuron = { voltage_decay = 0 }") + READ_V
    text = text.replace("epochs = 2", "epochs = 20") + "[optimizer]\nlearning_rate = 2e-2\n"
    loop = looped(text + INTERVAL.replace("32", "16"))
    loop.run()
    network, part = loop.network.eval(), loop.feed.data.validation
    program, steps = nd.lower(network), loop.feed.encoder.columns
    data = Presentation(part, loop.feed.encoder, loop.feed.data.domain, program.inputs[0].shape)
    recipe = settle(program, steps, RunChoice(timing="aligned"))
    prover = Prover(program, loop.feed.encoder, loop.feed.data.domain, recipe, 0)
    certified = prover.prove(data, (1,)).verdict[:, 0] == CERTIFIED
    held = worst_of(network, loop.feed, part, 1).held.numpy()
    assert not np.any(certified & ~held)
    assert certified.mean() > held.mean() - 0.1 > 0.1
    assert bound_held(network, loop.feed, part, Interval(eps=16.0)) == pytest.approx(held.mean())
    assert loop.history[-1]["validation_held"] == pytest.approx(held.mean())


def test_the_kept_epoch_is_the_best_in_accuracy_and_bounds_together() -> None:
    loop = looped(TEXT + READ_V + INTERVAL + "weight = 0.75\n")
    loop._remember_best({"epoch": 1, "validation_accuracy": 0.9, "validation_held": 0.1})
    loop._remember_best({"epoch": 2, "validation_accuracy": 0.8, "validation_held": 0.3})
    loop._remember_best({"epoch": 3, "validation_accuracy": 1.0, "validation_held": 0.2})
    assert (loop.best_epoch, loop.best_accuracy) == (2, pytest.approx(0.25 * 0.8 + 0.75 * 0.3))


WRONG = {
    TEXT + INTERVAL + "room = 0.5\n": "interval.room: is set, but interval.room_weight is 0",
    TEXT + INTERVAL + "ramp = { start = 0.5, end = 0.5 }\n": (
        "interval.ramp.start: is 0.5, expected less than end 0.5"
    ),
    TEXT.replace("size = 24", "size = 24\nrecurrent = true") + INTERVAL: (
        "interval: layer 1 is recurrent, and has no bounds that training knows"
    ),
    TEXT + "[neuron]\nmodel = 'homeostatic'\n[homeostasis]\nclean = 'run'\n" + INTERVAL: (
        "interval: layer 1 has neurons 'homeostatic', whose threshold moves, and no bounds that "
        "training knows; use 'lif'"
    ),
    TEXT + "[interval]\nweight = 0.5\n": "interval.eps: is missing",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: WRONG[text][:40])
def test_wrong_entries_are_named_in_one_line(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_config(text)
    assert str(caught.value) == WRONG[text]


def test_a_budget_of_no_step_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^interval: eps 8 is 0 steps of data with peak 16"):
        looped(TEXT + INTERVAL.replace("32", "8"))


def test_networks_without_such_bounds_are_refused() -> None:
    x, y = torch.zeros((1, 2, 25)), torch.zeros(2, dtype=torch.int64)
    recurrent = Network((25,), (Dense(size=4, recurrent=True), Dense(size=3)), message_bits=5)
    with pytest.raises(OptionError, match="layer hidden1 is recurrent"):
        worst_case(recurrent, x, x, y, STEPS)
    own = Neuron(learn=("voltage_decay",), per_neuron=True)
    last = (Dense(size=4), Dense(size=3, neuron=own))
    learned = Network((25,), last, message_bits=5, readout=INTEGRATOR)
    with pytest.raises(OptionError, match="layer output learns voltage_decay per neuron"):
        worst_case(learned, x, x, y, STEPS)
    skipping = (Dense(size=4), Dense(size=3, skip=(DenseSkip(source="input"),)))
    graph = Network((25,), skipping, message_bits=5, readout=INTEGRATOR)
    with pytest.raises(OptionError, match=r"^interval: layers read others than the one before"):
        worst_case(graph, x, x, y, STEPS)


def test_ends_of_a_split_are_those_of_its_ball() -> None:
    loop = looped(TEXT + READ_V + INTERVAL)
    split = loop.feed.data.train.first(5)
    low, high = loop.feed.ends(split, 2)
    assert torch.equal(low[0].int(), torch.from_numpy(split.x.astype(np.int32) - 2).clamp(min=0))
    assert torch.equal(high[0].int(), torch.from_numpy(split.x.astype(np.int32) + 2).clamp(max=16))
    assert labels(split).shape == (5,)
