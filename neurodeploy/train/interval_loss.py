"""Interval training as a configuration asks for it: the worst case in the loss, and measured."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.data.dataset import Split
from neurodeploy.train.feed import Feed, labels
from neurodeploy.train.interval import Worst, worst_case
from neurodeploy.train.methods import Interval
from neurodeploy.train.network import Network
from neurodeploy.train.ramps import factor

BATCH = 250
"""Samples whose bounds are measured at a time."""


def worst_of(
    network: Network,
    feed: Feed,
    split: Split,
    budget: int,
    spec: Interval | None = None,
    draw: int = 0,
) -> Worst:
    """Return the worst margins of samples within ``budget`` steps of the data.

    spec : whose room, method and columns hold; a random encoder draws ``draw``, the same numbers
    for both ends, so that bounds hold for these.
    """
    spec = spec or Interval(eps=1.0)
    steps = spec.columns or feed.steps
    low, high = (end[:steps].to(network.device) for end in feed.ends(split, budget, draw))
    y = labels(split).to(network.device)
    return worst_case(network, low, high, y, steps, spec.room, spec.method)


def with_worst_case(
    spec: Interval | None,
    network: Network,
    feed: Feed,
    split: Split,
    loss: Tensor,
    progress: float,
    draw: int = 0,
) -> Tensor:
    """Return ``(1 - w) * loss + w * CE(worst margins) + room_weight * excess``.

    w is the weight times the factor of its ramp; the budget is ``floor(eps * factor)`` in steps of
    the data. With weight 0 the loss is what it was.
    """
    if spec is None or spec.weight == 0:
        return loss
    weight = spec.weight * factor(spec.weight_ramp, progress)
    budget = feed.data.domain.reach(spec.eps * factor(spec.ramp, progress))
    worst = worst_of(network, feed, split, budget, spec, draw)
    y = labels(split).to(network.device)
    loss = (1 - weight) * loss + weight * functional.cross_entropy(worst.logits, y)
    return loss + spec.room_weight * worst.excess if spec.room_weight else loss


@torch.no_grad()
def bound_held(network: Network, feed: Feed, split: Split, spec: Interval) -> float:
    """Return the share of samples whose worst margins in eval mode are all below 0."""
    network.eval()
    budget, held = feed.data.domain.reach(spec.eps), 0
    for start in range(0, len(split), BATCH):
        part = split.take(slice(start, start + BATCH))
        held += int(worst_of(network, feed, part, budget, spec).held.sum())
    return held / len(split)
