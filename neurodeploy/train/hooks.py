"""What is done to the weights after each step of the optimizer: `HOOKS`, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurodeploy.draws import permutation
from neurodeploy.registry import ByName

if TYPE_CHECKING:
    from neurodeploy.train.methods import Hook
    from neurodeploy.train.network import Network

STRENGTH = 5e-4
LIMIT = 4.0
WIDE = 200
"""Rows from which on a dense layer is made orthogonal in parts."""
SHARE = 0.3
ROW_STREAM = 2**48
"""Added to ``2^12 * step + layer`` in the key of the chosen rows, which no order of samples has."""


@dataclass(frozen=True)
class Moment:
    """Which step of a run it is. seed : of the run; step : counted from 0 over all epochs."""

    seed: int
    step: int


@dataclass(frozen=True)
class HookKind:
    """apply : changes the weights in place. uses : its settings."""

    apply: Callable[[Network, Hook, Moment], None]
    uses: frozenset[str]


def orthogonal(network: Network, spec: Hook, moment: Moment) -> None:
    """Move the rows of each weight matrix towards orthogonal ones of length 1.

    ``W <- (1 + b) W - b W W^T W`` with b the strength and W as ``(out, inputs)``; of a dense layer
    with 200 outputs or more a random 30 % of the rows in each step, as if they were the matrix.

    Source: Ding et al., NeurIPS 2022 (SNN-RAT), regulariser on the weights.
    """
    strength = STRENGTH if spec.strength is None else spec.strength
    if strength == 0:
        return
    for number, layer in enumerate(network.spiking_layers):
        rows: Tensor | slice = slice(None)
        count = len(layer.weight)
        if layer.spec.kind == "dense" and count >= WIDE:
            order = permutation(count, moment.seed, ROW_STREAM + 4096 * moment.step + number)
            rows = torch.from_numpy(order[: round(SHARE * count)]).to(layer.weight.device)
        for weight in layer.weights:
            matrix = weight.flatten(1)
            part = matrix[rows]
            matrix[rows] = (1 + strength) * part - strength * (part @ part.t()) @ part


def clip(network: Network, spec: Hook, moment: Moment) -> None:
    """Clamp all weights to ``-limit .. limit``, in units of the layer.

    Source: Geng and Li, TMLR 2025, arXiv:2308.10373, training (weights within -4 .. 4).
    """
    limit = LIMIT if spec.limit is None else spec.limit
    for layer in network.spiking_layers:
        for weight in (*layer.weights, getattr(layer, "recurrent", None)):
            if weight is not None:
                weight.clamp_(-limit, limit)


HOOKS: ByName[HookKind] = ByName(
    "hook",
    {
        "orthogonal": HookKind(orthogonal, frozenset({"strength"})),
        "clip": HookKind(clip, frozenset({"limit"})),
    },
)


@torch.no_grad()
def after_step(network: Network, hooks: tuple[Hook, ...], moment: Moment) -> None:
    """Apply ``hooks`` in order."""
    for spec in hooks:
        HOOKS[spec.kind].apply(network, spec, moment)
