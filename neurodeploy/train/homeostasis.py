"""Homeostatic networks begin with a clean one: its signatures and, as a rule, its weights.

Source: Geng and Li, TMLR 2025, arXiv:2308.10373, training: a clean LIF network, then its neural
dynamic signatures, then threshold-adapting neurons in the same network.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neurodeploy.train.feed import Feed
from neurodeploy.train.network import Network

BATCH = 512
OWN = ("step_gain", "theta", "signature", "recorded")
"""Parameters and buffers that plain neurons lack."""


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
