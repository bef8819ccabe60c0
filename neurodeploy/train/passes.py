"""The passes of a step: the samples as they are and, where it counts, perturbed."""

from __future__ import annotations

import torch

from neurodeploy.data.dataset import Split
from neurodeploy.errors import OptionError, located
from neurodeploy.train.config import Config
from neurodeploy.train.feed import Feed
from neurodeploy.train.losses import weights
from neurodeploy.train.network import Network, Run
from neurodeploy.train.perturbations import PERTURBATIONS, Scene, perturbed
from neurodeploy.train.ramps import factor
from neurodeploy.train.weight_faults import faulty


def run_passes(
    config: Config, network: Network, feed: Feed, split: Split, epoch: int, progress: float
) -> tuple[Run, Run | None]:
    """Return the clean and, if asked for and if it counts, the perturbed pass.

    One pass over both where samples do not influence each other, else two, so that each has its own
    batch statistics; two where stored bits flip, the second with the statistics so far. progress :
    share of all steps that is done.
    """
    spec, steps = config.perturbation, feed.steps
    x = feed.batch(split, draw=epoch).to(network.device)
    if spec.kind == "none" or not weights(config.loss, progress).needs_perturbed:
        return network(x, steps), None
    scene = Scene(network, feed, split, spec, epoch, factor(spec.ramp, progress))
    choose = PERTURBATIONS[spec.kind].flips
    if choose is not None:
        flips = choose(scene)
        clean = network(x, steps)
        with faulty(scene, flips):
            return clean, network(x, steps)
    other = perturbed(scene)
    noisy = feed.batch(other, draw=epoch).to(network.device)
    if network.uses_batch_statistics:
        return network(x, steps), network(noisy, steps)
    both = network(torch.cat([x, noisy], 1), steps)
    return both.samples(slice(None, len(split))), both.samples(slice(len(split), None))


def check_budget(config: Config, feed: Feed) -> None:
    """Raise OptionError for a budget that is no whole step of the data, or beyond their range."""
    if config.interval is not None:
        with located("interval"):
            feed.data.domain.steps(config.interval.eps)
        if (config.interval.columns or 0) > feed.steps:
            raise OptionError(
                f"interval.columns: is {config.interval.columns}, a sample has {feed.steps} columns"
            )
    spec = config.perturbation
    if spec.kind == "none" or "eps" not in PERTURBATIONS[spec.kind].uses:
        return
    with located("perturbation"):
        feed.data.domain.steps(spec.eps)
        if spec.step_eps is not None:
            feed.data.domain.steps(spec.step_eps)
