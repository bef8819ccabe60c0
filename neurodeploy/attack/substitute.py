"""A network of ReLUs in the shape of a Program, trained in seconds for attacks to transfer from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurodeploy.attack.attack import Slope
from neurodeploy.attack.backward import Backward
from neurodeploy.attack.losses import LOSSES, Loss
from neurodeploy.attack.space import Grid, Rows, Space, grid_of
from neurodeploy.attack.threads import one_thread
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import ProgramError
from neurodeploy.program import Connection, Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

TURNS, BATCH, RATE = 600, 128, 2e-3
"""Steps of Adam, samples of each, and the learning rate."""


@dataclass(frozen=True)
class Lesson:
    """What a substitute is trained on; lessons are one where their samples and values are.

    seed : of its weights and of the order of the samples.
    """

    program: Program
    digest: str
    peak: int
    seed: int
    data: Presentation = field(compare=False)

    @classmethod
    def of(cls, program: Program, data: Presentation, seed: int) -> Lesson:
        """Return the lesson of the samples ``data``."""
        return cls(program, data.digest, grid_of(data).domain.high, seed, data)


class Substitute:
    """Logits of values of the grid, as a share of the largest."""

    def __init__(self, lesson: Lesson) -> None:
        self.shown = grid_of(lesson.data)
        self.scale = 1.0 / max(1, self.shown.domain.high)
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(lesson.seed)
            self.net = nn.Sequential(*_layers(lesson.program, self.shown.x[0].size))
            self._learn(self._values(self.shown.x), torch.from_numpy(self.shown.y))

    def _values(self, x: NDArray[Any]) -> Tensor:
        flat = np.ascontiguousarray(x, np.float32).reshape(len(x), -1)
        return torch.from_numpy(flat) * self.scale

    def _learn(self, x: Tensor, y: Tensor) -> None:
        optimiser = torch.optim.Adam(self.net.parameters(), RATE)
        for _ in range(TURNS):
            rows = torch.randint(len(x), (min(BATCH, len(x)),))
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(self.net(x[rows]), y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self.net.requires_grad_(False)

    def rate(self, data: Presentation) -> float:
        """Return the share of samples that it answers right."""
        shown = grid_of(data)
        answers = self.net(self._values(shown.x)).argmax(1).numpy()
        return float((answers == shown.y).mean())

    def slopes(
        self, space: Space, labels: NDArray[np.int64]
    ) -> Callable[[str, Backward, int], SubstituteOracle]:
        """Return what makes oracles; there is no spike test to go back through, nor a draw."""
        target = torch.from_numpy(labels.astype(np.int64))
        return lambda loss, backward, draws: SubstituteOracle(self, LOSSES.named(loss), target)

    def slope(self, loss: Loss, x: Grid, labels: Tensor, targets: Rows | None) -> Slope:
        """Return loss and gradient at values ``x``."""
        leaf = self._values(x).requires_grad_()
        logits = self.net(leaf)
        aims = None if targets is None else torch.from_numpy(targets)
        value = loss(logits, labels, aims)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return Slope(
            value.detach().double().numpy(),
            gradient.numpy().reshape(x.shape),
            logits.detach().numpy(),
        )


@dataclass(frozen=True)
class SubstituteOracle:
    """See `neurodeploy.attack.attack.Oracle`. labels : of all samples."""

    substitute: Substitute
    loss: Loss
    labels: Tensor

    def __call__(self, x: Grid, rows: Rows, targets: Rows | None = None) -> Slope:
        return self.substitute.slope(self.loss, x, self.labels[torch.from_numpy(rows)], targets)


@lru_cache(maxsize=2)
def substitute(lesson: Lesson) -> Substitute:
    """Return the network of a lesson, trained once in a process."""
    return Substitute(lesson)


def _layers(program: Program, values: int) -> Iterator[nn.Module]:
    """Yield one layer for each population on the way to the read-out, ReLUs between them.

    values : of a datum. The last layer has one output for each class.
    """
    size = values
    *before, last = _way(program)
    for connection in before:
        yield from _LAYERS.of(connection.synapse)(program, connection, size)
        size = program.node(connection.target).size
        yield nn.ReLU()
    if last.synapse.layout == "matrix":
        yield from (nn.Flatten(), nn.Linear(size, program.classes))
        return
    yield from _LAYERS.of(last.synapse)(program, last, size)
    yield from (nn.ReLU(), nn.Flatten())
    yield nn.Linear(program.node(last.target).size, program.classes)


def _way(program: Program) -> list[Connection]:
    """Return the feed-forward connections from the input to the read-out, the first of each."""
    found: list[Connection] = []
    inputs = {node.name for node in program.inputs}
    name = program.readout.population
    while name not in inputs:
        into = [c for c in program.connections if c.target == name and not c.feedback]
        if not into:
            raise ProgramError(f"population {name} has no input, nothing to train in its shape")
        found.insert(0, into[0])
        name = into[0].source
    return found


def _dense(program: Program, connection: Connection, size: int) -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(size, program.node(connection.target).size)]


def _conv(program: Program, connection: Connection, size: int) -> list[nn.Module]:
    shape = program.node(connection.source).shape
    synapse: Any = connection.synapse
    if size != math.prod(shape):  # a series: its steps have no place in a map
        return _dense(program, connection, size)
    outputs, _, height, width = np.shape(synapse.weight)
    kernel = nn.Conv2d(
        shape[0],
        outputs,
        (height, width),
        synapse.stride,
        synapse.padding,
        synapse.dilation,
        synapse.groups,
    )
    return [nn.Flatten(), nn.Unflatten(1, shape), kernel, nn.Flatten()]


def _direct(program: Program, connection: Connection, size: int) -> list[nn.Module]:
    own = program.node(connection.target).size
    return [nn.Flatten()] if size == own else _dense(program, connection, size)


_LAYERS: ByType[Callable[[Program, Connection, int], list[nn.Module]]] = ByType(
    "substitute", Synapse, {Dense: _dense, Conv2d: _conv, Direct: _direct}
)
