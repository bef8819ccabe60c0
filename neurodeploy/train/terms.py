"""Terms of a loss that compare the passes of a step: `TERMS` holds them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.registry import ByName
from neurodeploy.train.layer_records import Result
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.network import Network, Run
from neurodeploy.train.response import impulse_response

if TYPE_CHECKING:
    from neurodeploy.train.methods import Loss

LAYERS = ("last", "all")
"""Spiking layers that an MPPD term may look at."""


@dataclass(frozen=True)
class Passes:
    """The passes of a step: the samples as they are and, if asked for, perturbed; their labels."""

    clean: Run
    perturbed: Run
    y: Tensor


@dataclass(frozen=True)
class Term:
    """value : of the network, the passes and the settings. layers : whether it takes ``layers``."""

    value: Callable[[Network, Passes, Loss], Tensor]
    layers: bool = False


def perturbation_dynamics(layer: SpikingLayer, clean: Result, perturbed: Result) -> Tensor:
    """Return Y, how far a perturbation moves the membrane without spikes, ``(T, batch, N)``.

        d[t] = (stop_gradient(a_clean[t]) - a_perturbed[t]) / threshold
        U[t] = keep_u * U[t-1] + d[t];   Y[t] = keep_v * Y[t-1] + U[t],   0 before the start

    With current_decay 4096, U = d and this is the recursion of the paper, whose threshold is 1.
    Here it may be learned: without the division, smaller weights and a smaller threshold together
    would lower Y and change nothing.

    Source: Ding et al., ICML 2024, arXiv:2405.20694, section 3 (MS-MPPD).
    """
    grid = layer.quantised()
    threshold = grid.threshold.expand(layer.shape).reshape(-1)
    difference = (clean.a.detach() - perturbed.a).float() / threshold
    steps = clean.s.shape[0]
    decays = (grid.current_decay.detach().mean(), grid.voltage_decay.detach().mean())
    response = impulse_response(float(decays[0]), float(decays[1]), steps).to(difference)
    if difference.shape[0] == 1:
        return response.sum(1)[:, None, None] * difference
    return torch.einsum("ts,sbn->tbn", response, difference)


def _dynamics(network: Network, clean: Run, perturbed: Run, layers: str) -> list[Tensor]:
    spiking = [layer for layer in network.spiking_layers if layer.spiking]
    return [
        perturbation_dynamics(layer, clean.results[layer.name], perturbed.results[layer.name])
        for layer in (spiking if layers == "all" else spiking[-1:])
    ]


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean()


def ms_mppd(network: Network, clean: Run, perturbed: Run, layers: str = "last") -> Tensor:
    """``mean(Y^2)`` over steps, batch and neurons of the last spiking layer, or the mean over all.

    Source: Ding et al., ICML 2024, arXiv:2405.20694, equation of the mean-square MPPD.
    """
    return _mean([y.square().mean() for y in _dynamics(network, clean, perturbed, layers)])


def mppd_l1(network: Network, clean: Run, perturbed: Run, layers: str = "last") -> Tensor:
    """``mean(|Y|)`` over steps, batch and neurons of the last spiking layer, or the mean over all.

    Source: the l1 variant of MS-MPPD, MPPD-TV, ICLR 2026.
    """
    return _mean([y.abs().mean() for y in _dynamics(network, clean, perturbed, layers)])


def trades(clean: Run, perturbed: Run) -> Tensor:
    """Mean over the batch of KL(softmax of the clean logits, softmax of the perturbed ones).

    Source: Zhang et al., ICML 2019, arXiv:1901.08573, equation 5; there clean_share is 1.
    """
    own, other = (functional.log_softmax(run.logits, 1) for run in (perturbed, clean))
    return functional.kl_div(own, other, reduction="batchmean", log_target=True)


TERMS: ByName[Term] = ByName(
    "term",
    {
        "ms-mppd": Term(lambda n, p, s: ms_mppd(n, p.clean, p.perturbed, s.layers), layers=True),
        "mppd-l1": Term(lambda n, p, s: mppd_l1(n, p.clean, p.perturbed, s.layers), layers=True),
        "trades": Term(lambda n, p, s: trades(p.clean, p.perturbed)),
    },
)
