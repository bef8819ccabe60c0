"""Small runs on real data that the tests of training share."""

from __future__ import annotations

from typing import Any

from neurodeploy.train.config import Config, parse_config
from neurodeploy.train.loop import Loop
from neurodeploy.train.progress import Silent
from neurodeploy.train.run import prepare

TEXT = """
seed = 3
[data]
name = "digits"
train_samples = 192
validation_samples = 60
test_samples = 60
[encoder]
kind = "direct"
steps = 4
levels = 16
[[layer]]
kind = "dense"
size = 24
[[layer]]
kind = "dense"
size = 10
[training]
epochs = 2
batch = 32
"""
PGD = '[perturbation]\nkind = "pgd"\neps = 32.0\nsteps = 3\n'


def looped(text: str) -> Loop:
    """Return a loop at its start, whose checkpoints go nowhere."""
    config: Config = parse_config(text)
    feed, network = prepare(config)
    loop = Loop(config, network, feed, Silent(), lambda _: "nowhere")
    loop.start()
    return loop


def trained(text: str) -> dict[str, Any]:
    """Return the parameters after training."""
    loop = looped(text)
    loop.run()
    return loop.network.state_dict()


def equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether two sets of parameters are the same, bit for bit."""
    return first.keys() == second.keys() and all(bool((first[k] == second[k]).all()) for k in first)
