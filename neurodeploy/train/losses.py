"""What training minimises: cross-entropy, firing-rate regularisation, and terms of robust training.

Terms that compare the passes of a step are in `neurodeploy.train.terms`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.train.methods import Loss
from neurodeploy.train.network import Network, Run
from neurodeploy.train.ramps import factor
from neurodeploy.train.terms import TERMS, Passes


@dataclass(frozen=True)
class Weights:
    """What counts in a step. clean : share of the clean pass (chi). term : factor (rho)."""

    clean: float
    term: float

    @property
    def needs_perturbed(self) -> bool:
        """Whether the perturbed pass counts at all."""
        return self.clean < 1 or self.term > 0


def weights(spec: Loss, progress: float = 1.0) -> Weights:
    """Return what counts when the share ``progress`` of all steps is done.

    ``chi = 1 - (1 - clean_share) * factor of share_ramp, rho = term_weight * factor of term_ramp``.
    """
    term = 0.0 if spec.term == "none" else spec.term_weight * factor(spec.term_ramp, progress)
    clean = spec.clean_share
    if spec.share_ramp is not None:
        clean = 1 - (1 - clean) * factor(spec.share_ramp, progress)
    return Weights(clean, term)


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
    spec: Loss,
    network: Network,
    y: Tensor,
    clean: Run,
    perturbed: Run | None,
    gap: int = 0,
    progress: float = 1.0,
) -> Tensor:
    """Return the loss of one batch.

        chi * CE(clean) + (1 - chi) * CE(perturbed) + rho * term
            + rate_weight * rate penalty + rest_weight * rest penalty

    and CE(clean) in place of the first two without a perturbed pass. gap : silent columns at the
    end of each sample. progress : see `weights`. What has weight 0 is not computed.
    """
    loss = functional.cross_entropy(clean.logits, y)
    if perturbed is not None:
        now = weights(spec, progress)
        if now.clean < 1:
            other = functional.cross_entropy(perturbed.logits, y)
            loss = now.clean * loss + (1 - now.clean) * other
        if now.term:
            passes = Passes(clean, perturbed, y)
            loss = loss + now.term * TERMS[spec.term].value(network, passes, spec)
    if spec.rate_weight:
        loss = loss + spec.rate_weight * rate_penalty(network, clean, spec.rate_target)
    if spec.rest_weight:
        loss = loss + spec.rest_weight * rest_penalty(network, clean, gap)
    return loss
