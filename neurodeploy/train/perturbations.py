"""Perturbed passes of training: other data for the samples of a batch, on the data's own grid.

A perturbation sees the network and the labels. `PERTURBATIONS` holds them by the name used in a
configuration; another one is another entry. Budgets are whole steps of the data,
``floor(eps * peak / 255 + 1e-9)``, and results lie within the data's range.

Gradients are those of the network's own surrogates in eval mode, the integers that are deployed,
straight through the encoder: each datum collects them from all columns that it feeds. Only their
signs are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurodeploy.data.dataset import Split
from neurodeploy.draws import HALF, LOW, NORMAL_SEEDS, SECOND_STREAM, blocks, normals
from neurodeploy.registry import ByName
from neurodeploy.train.weight_faults import Flips, random_flips, worst_flips

if TYPE_CHECKING:
    from neurodeploy.train.feed import Feed
    from neurodeploy.train.methods import Perturbation
    from neurodeploy.train.network import Network

Integers = NDArray[np.int32]
START_STREAM = SECOND_STREAM + 2**30
"""Added to the highest counter word of random starts, which no other number drawn has."""


@dataclass(frozen=True)
class Scene:
    """What a perturbation sees.

    split : the samples, with labels. spec : its settings. strength : factor of the budget, 0 to 1.
    """

    network: Network
    feed: Feed
    split: Split
    spec: Perturbation
    epoch: int
    strength: float = 1.0

    def steps(self, eps: float) -> int:
        """Return ``floor(strength * eps * peak / 255 + 1e-9)``: steps of the data, perhaps 0."""
        return self.feed.data.domain.reach(self.strength * eps)

    @property
    def budget(self) -> int:
        """Steps that a value may move."""
        return self.steps(self.spec.eps)

    def within(self, x: NDArray[Any], budget: int) -> Integers:
        """Return ``x`` clipped to ``budget`` steps around the samples, and to the data's range."""
        low, high = self.feed.data.domain.ball(self.split.x, budget)
        return np.asarray(np.clip(x, low, high), np.int32)

    def uniform(self, below: int) -> NDArray[np.int64]:
        """Return whole numbers from 0 to ``below - 1``, one for each value of the samples.

        ``floor(w * below / 2^32)``, w a word of Philox of the seed, the epoch, the sample's number
        and the value's place, whatever the batch.
        """
        shape = self.split.x.shape
        count = math.prod(shape[1:])
        per_sample = (count + 3) // 4
        sample = np.repeat(np.asarray(self.split.index, np.uint64), per_sample)
        counter = np.empty((len(sample), 4), np.uint64)
        counter[:, 0] = np.tile(np.arange(per_sample, dtype=np.uint64), shape[0])
        counter[:, 1] = 1 + self.epoch
        counter[:, 2] = sample & LOW
        counter[:, 3] = (sample >> HALF) + np.uint64(START_STREAM)
        seed = self.feed.seed + NORMAL_SEEDS
        words = blocks(counter, (seed % 2**32, seed // 2**32)).reshape(shape[0], -1)[:, :count]
        drawn = (words.astype(np.uint64) * np.uint64(below)) >> HALF
        return drawn.astype(np.int64).reshape(shape)


Objective = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, y: Tensor, clean: Tensor) -> Tensor:
    """Return the summed cross-entropy."""
    return functional.cross_entropy(logits, y, reduction="sum")


def divergence(logits: Tensor, y: Tensor, clean: Tensor) -> Tensor:
    """Return the summed Kullback-Leibler divergence from the clean answer."""
    own, other = (functional.log_softmax(found, 1) for found in (logits, clean))
    return functional.kl_div(own, other, reduction="sum", log_target=True)


OBJECTIVES: ByName[Objective] = ByName(
    "objective", {"cross-entropy": cross_entropy, "kl": divergence}
)
"""What gradients climb: of logits, labels and the clean logits."""


class Climber:
    """Gives the signs of gradients while a network is held still (`Network.held`)."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        network = scene.network
        self.y = torch.from_numpy(scene.split.y.astype(np.int64)).to(network.device)
        self.clean = self.y.new_zeros(())
        if scene.spec.objective != "cross-entropy":
            with torch.no_grad():
                self.clean = self._logits(self._columns(scene.split.x))

    def _columns(self, x: NDArray[Any]) -> Tensor:
        split = replace(self.scene.split, x=np.asarray(x, np.int32))
        return self.scene.feed.batch(split, draw=self.scene.epoch).to(self.scene.network.device)

    def _logits(self, columns: Tensor) -> Tensor:
        logits: Tensor = self.scene.network(columns, self.scene.feed.steps).logits
        return logits

    def signs(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Return the sign of the objective's gradient for each value of ``x``."""
        columns = self._columns(x).requires_grad_()
        objective = OBJECTIVES[self.scene.spec.objective]
        value = objective(self._logits(columns), self.y, self.clean)
        (found,) = torch.autograd.grad(value, columns)
        return np.asarray(np.sign(self._of_data(found).cpu().numpy()), np.int64)

    def _of_data(self, grad: Tensor) -> Tensor:
        """Return gradients of columns ``(T or 1, batch, ...)`` as those of the data."""
        encoder, split = self.scene.feed.encoder, self.scene.split
        data = grad[: encoder.steps]
        if not encoder.of_series:
            return data.sum(0).reshape(split.x.shape)
        steps = data.movedim(0, 1)
        if split.lengths is not None:
            ends = torch.from_numpy(split.lengths).to(grad.device)[:, None]
            there = torch.arange(encoder.steps, device=grad.device) < ends
            steps = steps * there.reshape(*there.shape, *(1,) * (steps.dim() - 2))
        return steps.reshape(split.x.shape)


def gaussian(scene: Scene) -> Split:
    """``round(x + std * peak * n)``, clamped to the data's range unless ``clamp`` is false.

    n is `neurodeploy.draws.normals` of the seed, stream ``1 + epoch``, the sample's number and the
    value's place, whatever the batch.
    """
    domain = scene.feed.data.domain
    x = _noisy(scene)
    if scene.spec.clamp:
        x = np.clip(x, domain.low, domain.high)
    return replace(scene.split, x=x)


def _noisy(scene: Scene) -> Integers:
    feed, split = scene.feed, scene.split
    count = math.prod(split.x.shape[1:])
    noise = normals(feed.seed, split.index, count, 1 + scene.epoch).reshape(split.x.shape)
    std = scene.spec.std * scene.strength
    return np.rint(split.x + noise * (std * feed.data.peak)).astype(np.int32)


def uniform(scene: Scene) -> Split:
    """``x + n``, n uniform in ``-budget .. budget``, clipped to the data's range."""
    return replace(scene.split, x=_start(scene))


def _start(scene: Scene) -> Integers:
    budget = scene.budget
    return scene.within(scene.split.x + scene.uniform(2 * budget + 1) - budget, budget)


def fgsm(scene: Scene) -> Split:
    """``x + budget * sign(gradient at x)``, clipped to the data's range.

    Source: Goodfellow et al., ICLR 2015, arXiv:1412.6572, section 4.
    """
    with scene.network.held():
        moved = scene.split.x + scene.budget * Climber(scene).signs(scene.split.x)
    return replace(scene.split, x=scene.within(moved, scene.budget))


def r_fgsm(scene: Scene) -> Split:
    """``x0 = x + half * r``, ``x0 + (budget - half) * sign(gradient at x0)``, clipped.

    r is -1 or 1, half is ``budget // 2``: with a budget of one step this is `fgsm`.

    Source: Tramer et al., ICLR 2018, arXiv:1705.07204, section 4 (R+FGSM).
    """
    budget = scene.budget
    half = budget // 2
    start = scene.within(scene.split.x + half * (2 * scene.uniform(2) - 1), half)
    with scene.network.held():
        moved = start + (budget - half) * Climber(scene).signs(start)
    return replace(scene.split, x=scene.within(moved, budget))


def gaussian_fgsm(scene: Scene) -> Split:
    """``x0 = round(x + std * peak * n)``, ``x0 + budget * sign(gradient at x0)``, clipped.

    n is that of `gaussian`. The publication lets the noise exceed the budget; here the result lies
    within it. With a std far below half a step of the data nearly all x0 are x.

    Source: Ding et al., ICML 2024, arXiv:2405.20694, adversarial training (RFGSM, std 0.001).
    """
    start = scene.within(_noisy(scene), scene.budget)
    with scene.network.held():
        moved = start + scene.budget * Climber(scene).signs(start)
    return replace(scene.split, x=scene.within(moved, scene.budget))


def pgd(scene: Scene) -> Split:
    """``steps`` times ``x <- clip(x + step * sign(gradient at x))``, within budget and range.

    From a uniform start, unless ``random_start`` is false. step is ``step_eps`` in steps of the
    data, or ``round(2.5 * budget / steps)``, and at least 1.

    Source: Madry et al., ICLR 2018, arXiv:1706.06083, section 2.1.
    """
    spec, budget = scene.spec, scene.budget
    step = round(2.5 * budget / spec.steps) if spec.step_eps is None else scene.steps(spec.step_eps)
    x = _start(scene) if spec.random_start else np.asarray(scene.split.x, np.int32)
    with scene.network.held():
        climber = Climber(scene)
        for _ in range(spec.steps):
            x = scene.within(x + max(1, step) * climber.signs(x), budget)
    return replace(scene.split, x=x)


@dataclass(frozen=True)
class PerturbationKind:
    """make : returns other data for the samples. uses : its settings, beside kind and ramp.

    gradient : whether it asks the network for gradients of the data. flips : bits of stored weights
    that are inverted while the samples stay as they are, None for none.
    """

    make: Callable[[Scene], Split]
    uses: frozenset[str]
    gradient: bool = False
    flips: Callable[[Scene], Flips] | None = None


def unchanged(scene: Scene) -> Split:
    """Return the samples as they are."""
    return scene.split


_EPS = frozenset({"eps"})
_CLIMB = _EPS | {"objective"}
PERTURBATIONS: ByName[PerturbationKind] = ByName(
    "perturbation",
    {
        "gaussian": PerturbationKind(gaussian, frozenset({"std", "clamp"})),
        "uniform": PerturbationKind(uniform, _EPS),
        "fgsm": PerturbationKind(fgsm, _CLIMB, gradient=True),
        "r-fgsm": PerturbationKind(r_fgsm, _CLIMB, gradient=True),
        "gaussian-fgsm": PerturbationKind(gaussian_fgsm, _CLIMB | {"std"}, gradient=True),
        "pgd": PerturbationKind(pgd, _CLIMB | {"steps", "step_eps", "random_start"}, gradient=True),
        "bit-flips": PerturbationKind(unchanged, frozenset({"rate"}), flips=random_flips),
        "worst-flips": PerturbationKind(unchanged, frozenset({"flips"}), flips=worst_flips),
    },
)


def perturbed(scene: Scene) -> Split:
    """Return the samples of ``scene`` as its settings perturb them."""
    kind = PERTURBATIONS[scene.spec.kind]
    if "eps" in kind.uses and scene.budget == 0:
        return scene.split
    return kind.make(scene)
