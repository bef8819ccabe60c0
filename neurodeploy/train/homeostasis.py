"""Homeostatic networks begin with a clean one: its signatures and, as a rule, its weights.

Source: Geng and Li, TMLR 2025, arXiv:2308.10373, training: a clean LIF network, then its neural
dynamic signatures, then threshold-adapting neurons in the same network.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neurodeploy.train.config import Config, parse_config, to_toml
from neurodeploy.train.feed import Feed
from neurodeploy.train.methods import Loss, Perturbation
from neurodeploy.train.network import Network
from neurodeploy.train.specs import Conv, Dense, Neuron

BATCH = 512
OWN = ("step_gain", "theta", "signature", "recorded")
"""Parameters and buffers that plain neurons lack."""


def clean_config(config: Config, epochs: int) -> Config:
    """Return the configuration of the clean run: plain neurons, ``epochs`` epochs, samples as they
    are; its loss is the answer alone, its best epoch that of the validation part."""
    layers = tuple(
        layer.model_copy(update={"neuron": _plain(layer.neuron)})
        if isinstance(layer, (Dense, Conv)) and layer.neuron is not None
        else layer
        for layer in config.layer
    )
    training = config.training.model_copy(
        update={
            "epochs": epochs,
            "freeze_epochs": min(config.training.freeze_epochs, epochs - 1),
            "select": "clean",
            "average": 0.0,
        }
    )
    plain = config.model_copy(
        update={
            "name": f"{config.name}, clean",
            "neuron": _plain(config.neuron),
            "layer": layers,
            "loss": Loss(labels=config.loss.labels),
            "perturbation": Perturbation(),
            "homeostasis": None,
            "training": training,
        }
    )
    return parse_config(to_toml(plain))


def _plain(neuron: Neuron) -> Neuron:
    given = {name: getattr(neuron, name) for name in neuron.model_fields_set}
    given.pop("theta", None)
    learn = tuple(name for name in neuron.learn if name != "theta")
    return Neuron(**{**given, "model": "lif", "learn": learn})


def take_signatures(network: Network, clean: Network, feed: Feed, samples: int | None) -> None:
    """Record signatures on the first ``samples`` of the training part, None for all."""
    split = feed.data.train.first(samples)

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(split), BATCH):
            rows = slice(start, start + BATCH)
            yield feed.batch(split.take(rows)).to(network.device)

    network.record_signatures(clean.to(network.device), batches(), feed.steps)


@torch.no_grad()
def take_weights(network: Network, clean: Network) -> None:
    """Copy what both networks have; a gain, theta and signatures stay."""
    found = clean.state_dict()
    own = {
        name: value if name.rpartition(".")[2] in OWN else found[name]
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(own)
