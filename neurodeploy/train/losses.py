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


def step_cross_entropy(
    network: Network, run: Run, y: Tensor, valid: Tensor | None = None
) -> Tensor:
    """Return the mean cross-entropy over steps and samples, of ``scale * output`` of each step.

    y : labels ``(batch,)`` or, one for each step, ``(steps, batch)``. valid : bool
    ``(steps, batch)``, the steps that count, None for all; of both the read-out's window is taken.

    Source: Deng et al., ICLR 2022, arXiv:2202.11946, equation 9 (temporal efficient training).
    """
    outputs = network.readout.scale * network.outputs(run)
    steps, batch = outputs.shape[:2]
    labels = y.expand(steps, batch) if y.dim() == 1 else y[-steps:]
    found = functional.cross_entropy(outputs.flatten(0, 1), labels.reshape(-1), reduction="none")
    return _mean_of(found.reshape(steps, batch), valid)


def mean_squared_error(
    network: Network, run: Run, target: Tensor, valid: Tensor | None = None
) -> Tensor:
    """Return the mean of ``(output - target)^2``, for networks that read values out.

    output : v of an integrator in units of its layer, or spikes (`Network.outputs`). target :
    ``(steps, batch, N)``, of which the read-out's window is taken, or ``(batch, N)`` for the mean
    over the window. valid : as for `step_cross_entropy`.
    """
    outputs = network.outputs(run)
    if target.dim() == 2:
        return functional.mse_loss(outputs.mean(0), target)
    error = (outputs - target[-len(outputs) :]).square().mean(2)
    return _mean_of(error, valid)


FILTER = 1 / 3
"""Share of a new value that enters the trace of a spike train: 1 / tau_s with tau_s = 3 steps."""


def filtered(train: Tensor) -> Tensor:
    """Return ``p[t] = p[t-1] + FILTER * (train[t] - p[t-1])`` over the first axis, from 0."""
    traces, trace = [], torch.zeros_like(train[0])
    for value in train:
        trace = trace + FILTER * (value - trace)
        traces.append(trace)
    return torch.stack(traces)


def spike_train_error(network: Network, run: Run, y: Tensor) -> Tensor:
    """Return the mean over the batch of ``|p(spikes) - p(p(wanted))|^2 / 2``, p being `filtered`.

    wanted : spikes of the label in every step of the read-out's window but the first, no others.
    The square is summed over steps and classes.

    Source: Geng and Li, TMLR 2025, arXiv:2308.10373, training.
    """
    spikes = network.outputs(run)
    wanted = functional.one_hot(y, spikes.shape[2]).to(spikes).repeat(len(spikes), 1, 1)
    wanted[0] = 0
    error = filtered(spikes) - filtered(filtered(wanted))
    return error.square().sum((0, 2)).mean() / 2


def _mean_of(values: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean of ``(steps, batch)`` where ``valid``, the last steps of which are taken."""
    if valid is None:
        return values.mean()
    there = valid[-len(values) :].to(values)
    return (values * there).sum() / there.sum().clamp(min=1)


def _answer(spec: Loss, network: Network, run: Run, y: Tensor, valid: Tensor | None) -> Tensor:
    if spec.labels == "step":
        return step_cross_entropy(network, run, y, valid)
    if spec.labels == "train":
        return spike_train_error(network, run, y)
    return functional.cross_entropy(run.logits, y)


def total_loss(
    spec: Loss,
    network: Network,
    y: Tensor,
    clean: Run,
    perturbed: Run | None,
    gap: int = 0,
    progress: float = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the loss of one batch.

        chi * CE(clean) + (1 - chi) * CE(perturbed) + rho * term
            + rate_weight * rate penalty + rest_weight * rest penalty

    and CE(clean) in place of the first two without a perturbed pass. gap : silent columns at the
    end of each sample. progress : see `weights`. What has weight 0 is not computed. CE is that of
    the logits, or of each step by itself (`step_cross_entropy`, with ``valid``), or in its place
    `spike_train_error`.
    """
    loss = _answer(spec, network, clean, y, valid)
    if perturbed is not None:
        now = weights(spec, progress)
        if now.clean < 1:
            other = _answer(spec, network, perturbed, y, valid)
            loss = now.clean * loss + (1 - now.clean) * other
        if now.term:
            passes = Passes(clean, perturbed, y)
            loss = loss + now.term * TERMS[spec.term].value(network, passes, spec)
    if spec.rate_weight:
        loss = loss + spec.rate_weight * rate_penalty(network, clean, spec.rate_target)
    if spec.rest_weight:
        loss = loss + spec.rest_weight * rest_penalty(network, clean, gap)
    return loss
