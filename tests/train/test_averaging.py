"""Averaged weights, and the epoch that is kept."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from training_scenes import PGD, TEXT, equal, looped, trained  # noqa: E402  (needs torch)

from neurodeploy.errors import TrainingError  # noqa: E402
from neurodeploy.train.averaging import in_place  # noqa: E402
from neurodeploy.train.config import parse_config  # noqa: E402
from neurodeploy.train.loop import evaluate  # noqa: E402

AVERAGE = "average = 0.9\n"


def test_the_average_follows_the_weights_as_written_out() -> None:
    loop = looped(TEXT + AVERAGE)
    own, found = loop._step, []

    def step(*given: Any) -> float:
        loss = own(*given)
        found.append(loop.network.spiking_layers[0].weight.detach().clone())
        return loss

    average = loop.network.spiking_layers[0].weight.detach().double().clone()
    loop._step = step
    loop.run()
    assert len(found) == 12
    for number, weight in enumerate(found):
        keep = min(0.9, (1 + number) / (10 + number))
        average = keep * average + (1 - keep) * weight.double()
    assert torch.allclose(loop.average["layers.0.weight"].double(), average, atol=1e-6)


def test_averages_leave_the_training_alone_and_are_what_is_kept() -> None:
    loop = looped(TEXT + AVERAGE)
    loop.run()
    assert equal(loop.network.state_dict(), trained(TEXT))
    with in_place(loop.average, loop.network):
        assert not equal(loop.network.state_dict(), trained(TEXT))
        rate = evaluate(loop.network, loop.feed, loop.feed.data.validation).rate
    assert loop.history[-1]["validation_accuracy"] == rate
    assert parse_config(TEXT).digest == parse_config(TEXT + "average = 0.0\n").digest
    assert parse_config(TEXT).digest != parse_config(TEXT + AVERAGE).digest


def test_an_averaged_run_goes_on_where_it_stopped() -> None:
    whole = looped(TEXT + AVERAGE)
    whole.run()
    kept: list[Any] = []
    first = looped(TEXT + AVERAGE)
    first.save = lambda state: kept.append(state) or "nowhere"
    first.run()
    again = looped(TEXT + AVERAGE)
    again.restore(kept[-1])
    assert equal(again.average, whole.average)
    assert equal(again.best_model, whole.best_model)
    kept[-1].average = None
    with pytest.raises(TrainingError, match="the checkpoint holds no averaged weights"):
        looped(TEXT + AVERAGE).restore(kept[-1])


@pytest.mark.parametrize(("select", "best"), [("clean", 2), ("perturbed", 1), ("last", 3)])
def test_the_epoch_that_is_kept(select: str, best: int) -> None:
    loop = looped(TEXT + f"select = '{select}'\n" + PGD)
    for epoch, (clean, other) in enumerate([(0.7, 0.6), (0.9, 0.5), (0.8, 0.5)], 1):
        row = {"epoch": epoch, "validation_accuracy": clean, "validation_perturbed": other}
        loop._remember_best(row)
    assert loop.best_epoch == best


def test_the_perturbed_accuracy_is_that_of_the_whole_budget() -> None:
    loop = looped(TEXT + "select = 'perturbed'\n" + PGD.replace("steps = 3", "ramp = {}"))
    loop.run()
    spec, part = loop.config.perturbation, loop.feed.data.validation
    assert (
        loop.history[-1]["validation_perturbed"]
        == evaluate(loop.network, loop.feed, part, spec).rate
    )
    assert loop.history[-1]["validation_perturbed"] < loop.history[-1]["validation_accuracy"]
