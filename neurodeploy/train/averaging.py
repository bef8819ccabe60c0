"""Averaged weights: a slow copy of what is trained, which is validated and lowered in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from neurodeploy.train.checkpoint import copied
from neurodeploy.train.network import Network

State = dict[str, Any]


@torch.no_grad()
def follow(average: State, network: Network, decay: float, step: int) -> None:
    """Let ``average`` follow the parameters and buffers of ``network``, in place.

    ``a <- d a + (1 - d) w`` with ``d = min(decay, (1 + step) / (10 + step))``, step counted from 0;
    what is no float is copied.

    Source: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992), 838, in its exponential form;
    for adversarial training: Rebuffi et al., arXiv:2103.01946.
    """
    kept = min(decay, (1 + step) / (10 + step))
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - kept)
        else:
            average[name].copy_(value)


@contextmanager
def in_place(average: State | None, network: Network) -> Iterator[None]:
    """Let ``network`` hold the averaged weights within, where there are any."""
    if average is None:
        yield
        return
    own = copied(network.state_dict())
    network.load_state_dict(average)
    try:
        yield
    finally:
        network.load_state_dict(own)
