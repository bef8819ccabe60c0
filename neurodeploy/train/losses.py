"""What training minimises: cross-entropy, firing-rate regularisation, and terms of robust training.

A term compares a clean and a perturbed pass; `TERMS` holds them by the name used in a
configuration, so that another published method is another function here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.train.config import Loss
from neurodeploy.train.layer_records import Result
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.network import Network, Run
from neurodeploy.train.response import impulse_response

Term = Callable[[Network, Run, Run], Tensor]


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


def _last_spiking(network: Network) -> SpikingLayer:
    return [layer for layer in network.spiking_layers if layer.spiking][-1]


def _dynamics_of_last(network: Network, clean: Run, perturbed: Run) -> Tensor:
    layer = _last_spiking(network)
    return perturbation_dynamics(layer, clean.results[layer.name], perturbed.results[layer.name])


def ms_mppd(network: Network, clean: Run, perturbed: Run) -> Tensor:
    """``mean(Y^2)`` over steps, batch and neurons of the last spiking layer.

    Source: Ding et al., ICML 2024, arXiv:2405.20694, equation of the mean-square MPPD.
    """
    return _dynamics_of_last(network, clean, perturbed).square().mean()


def mppd_l1(network: Network, clean: Run, perturbed: Run) -> Tensor:
    """``mean(|Y|)`` over steps, batch and neurons of the last spiking layer.

    Source: the l1 variant of MS-MPPD, MPPD-TV, ICLR 2026.
    """
    return _dynamics_of_last(network, clean, perturbed).abs().mean()


TERMS: dict[str, Term] = {"ms-mppd": ms_mppd, "mppd-l1": mppd_l1}


def rate_penalty(network: Network, run: Run, target: float) -> Tensor:
    """Return the mean over spiking layers of ``(mean firing rate - target)^2``."""
    rates = [run.results[n.name].s.mean() for n in network.spiking_layers if n.spiking]
    if not rates:
        return torch.zeros(())
    return torch.stack([(rate - target) ** 2 for rate in rates]).mean()


def rest_penalty(network: Network, run: Run, gap: int) -> Tensor:
    """Return the mean firing rate of spiking layers in the last ``(gap + 1) // 2`` columns."""
    last = (gap + 1) // 2
    rates = [run.results[n.name].s[-last:].mean() for n in network.spiking_layers if n.spiking]
    return torch.stack(rates).mean() if rates else torch.zeros(())


def total_loss(
    spec: Loss, network: Network, y: Tensor, clean: Run, perturbed: Run | None, gap: int = 0
) -> Tensor:
    """Return the loss of one batch.

        chi * CE(clean) + (1 - chi) * CE(perturbed) + rho * term
            + rate_weight * rate penalty + rest_weight * rest penalty

    and CE(clean) in place of the first two without a perturbed pass. gap : silent columns at the
    end of each sample.
    """
    loss = functional.cross_entropy(clean.logits, y)
    if perturbed is not None:
        share = spec.clean_share
        loss = share * loss + (1 - share) * functional.cross_entropy(perturbed.logits, y)
        if spec.term != "none":
            loss = loss + spec.term_weight * TERMS[spec.term](network, clean, perturbed)
    if spec.rate_weight:
        loss = loss + spec.rate_weight * rate_penalty(network, clean, spec.rate_target)
    if spec.rest_weight:
        loss = loss + spec.rest_weight * rest_penalty(network, clean, gap)
    return loss
