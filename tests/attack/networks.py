"""Small networks and data under attack."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import neurodeploy as nd
from neurodeploy.answers import Recipe, settle
from neurodeploy.attack import Engine, Field, Slope, Space
from neurodeploy.attack.budget import Budget
from neurodeploy.attack.oracle import Twins
from neurodeploy.data import Domain, Presentation, Split
from neurodeploy.encode import Columns, Encoder

CLASSES = 3


def program(
    inputs: int, bits: int, *, seed: int = 0, feedback: bool = False, threshold: int = 200
) -> nd.Program:
    """Return inputs - 12 - 3, spiking, read out by spikes."""
    rng = np.random.default_rng(seed)
    hidden = nd.CubaLif(
        current_decay=4096, voltage_decay=1024, threshold=threshold, bias=0, reset="zero"
    )
    output = nd.CubaLif(
        current_decay=4096, voltage_decay=512, threshold=40, bias=0, reset="subtract"
    )
    connections = [
        nd.Connection("x", "hidden", nd.Dense(2 * rng.integers(-30, 31, (12, inputs)))),
        nd.Connection("hidden", "output", nd.Dense(2 * rng.integers(-30, 31, (CLASSES, 12)))),
    ]
    if feedback:
        weights = 2 * rng.integers(-10, 11, (12, 12))
        connections.append(nd.Connection("hidden", "hidden", nd.Dense(weights), feedback=True))
    return nd.Program(
        inputs=(nd.Input("x", (inputs,), message_bits=bits),),
        populations=(
            nd.Population("hidden", (12,), hidden),
            nd.Population("output", (CLASSES,), output),
        ),
        connections=tuple(connections),
        readout=nd.Readout("output", "s"),
    )


def presented(
    encoder: Encoder, samples: int, shape: tuple[int, ...], net: nd.Program, seed: int = 1
) -> Presentation:
    """Return random data with the answers of ``net`` as labels, so that clean data are right."""
    rng = np.random.default_rng(seed)
    low = -encoder.peak if encoder.of_series and encoder.peak > 1 else 0
    x = rng.integers(low, encoder.peak + 1, (samples, *shape)).astype(np.int32)
    domain = Domain(low, encoder.peak, encoder.peak)
    graded = encoder.message_bits > 0
    numbers = 7 + np.arange(samples)
    split = Split(x, np.zeros(samples, np.int64), numbers)
    data = Presentation(split, encoder, domain, net.inputs[0].shape, graded)
    engine = Engine(net, settle(net, data.steps))
    scores = engine.scores(data.columns(slice(0, samples)))
    labels = scores.argmax(1).astype(np.int64)
    return Presentation(Split(x, labels, numbers), encoder, domain, net.inputs[0].shape, graded)


@dataclass(frozen=True)
class Arena:
    """A network, data within a budget, and the field an attack is let loose on."""

    net: nd.Program
    data: Presentation
    recipe: Recipe
    engine: Engine
    budget: Budget
    space: Space
    twins: Twins
    field: Field


def arena(net: nd.Program, data: Presentation, budget: Budget, seed: int = 3) -> Arena:
    """Return ``data`` within a budget, ready to be attacked."""
    recipe = settle(net, data.steps)
    engine, twins = Engine(net, recipe), Twins(net, recipe)
    space = budget.space(data)

    def answer(x: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.int64]:
        return engine.scores(space.columns(x, rows))

    slopes = twins.slopes(space, data.y)
    field = Field(space, data.y, data.index, answer, slopes, seed)
    return Arena(net, data, recipe, engine, budget, space, twins, field)


def events(net: nd.Program, samples: int = 12, steps: int = 10) -> Presentation:
    """Return random binary columns."""
    return presented(Columns(steps, 1), samples, (steps, net.inputs[0].size), net)


PEAK = 255


@dataclass(frozen=True)
class Box:
    """Whole numbers around clean ones."""

    clean: NDArray[np.int32]
    radius: int
    least: int = 0
    most: int = PEAK

    @property
    def low(self) -> NDArray[np.int32]:
        return np.maximum(self.clean - self.radius, self.least)

    @property
    def high(self) -> NDArray[np.int32]:
        return np.minimum(self.clean + self.radius, self.most)

    def project(self, x: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.int32]:
        return np.clip(np.rint(x), self.low[rows], self.high[rows]).astype(np.int32)


class Relu:
    """A ReLU network on handwritten digits of 0 to 255, trained in a moment."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(images))
        self.x = np.rint(images[order] * (PEAK / 16)).astype(np.int32)
        self.y = labels[order].astype(np.int64)
        generator = torch.Generator().manual_seed(5)
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        with torch.no_grad():
            for weight in self.net.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)
        x, y = torch.tensor(self.x[300:], dtype=torch.float32) / PEAK, torch.tensor(self.y[300:])
        optimiser = torch.optim.Adam(self.net.parameters(), 0.02)
        for _ in range(150):
            optimiser.zero_grad()
            nn.functional.cross_entropy(self.net(x), y).backward()
            optimiser.step()

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of values from 0 to 1."""
        found: Tensor = self.net(x)
        return found

    def field(self, samples: int, radius: int, loss: Any) -> Field:
        """Return the first samples within ``radius``; loss : of logits and labels, per sample."""
        y = self.y[:samples]

        def scores(logits: Tensor) -> NDArray[np.int64]:
            return np.asarray(torch.round(logits.double() * 1e9).long().numpy())

        def answer(x: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.int64]:
            with torch.no_grad():
                return scores(self.logits(torch.tensor(x, dtype=torch.float32) / PEAK))

        def oracle(x: NDArray[Any], rows: NDArray[Any], targets: Any = None) -> Slope:
            leaf = (torch.tensor(x, dtype=torch.float32) / PEAK).requires_grad_()
            logits = self.logits(leaf)
            value = loss(logits, torch.tensor(y[rows]))
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
            return Slope(value.detach().double().numpy(), gradient.numpy(), scores(logits.detach()))

        box = Box(self.x[:samples], radius)
        return Field(box, y, np.arange(samples), answer, lambda *_: oracle, seed=1)

    def robust(self, x: NDArray[Any]) -> float:
        """Return the share of the first samples, changed to ``x``, that are answered right."""
        with torch.no_grad():
            answers = self.logits(torch.tensor(x, dtype=torch.float32) / PEAK).argmax(1).numpy()
        return float((answers == self.y[: len(x)]).mean())


@cache
def relu() -> Relu:
    """Return the network, trained once for all tests."""
    return Relu()
