"""Gradients of the twin by the data, through the encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.answers import Recipe
from neurodeploy.answers.runner import fitted
from neurodeploy.attack.attack import Slope
from neurodeploy.attack.backward import Backward
from neurodeploy.attack.engine import alone
from neurodeploy.attack.losses import LOSSES, Loss
from neurodeploy.attack.passes import PASSES, Pass
from neurodeploy.attack.pull import PULLS
from neurodeploy.attack.space import Grid, Rows, Space
from neurodeploy.program import Program
from neurodeploy.twin import to_torch
from neurodeploy.twin.module import Twin
from neurodeploy.twin.run import Run


class Twins:
    """A twin in the place of the program under attack; raises what `to_torch` raises."""

    def __init__(self, program: Program, recipe: Recipe) -> None:
        looked, options = alone(program, recipe)
        self.twin: Twin = to_torch(looked, **options)
        self.recipe = recipe

    def slopes(
        self, space: Space, labels: NDArray[np.int64]
    ) -> Callable[[str, Backward, int], TwinOracle]:
        """Return what makes oracles for the samples of ``space``; see `Field.slopes`."""

        def oracle(loss: str, backward: Backward, draws: int) -> TwinOracle:
            taken = PASSES.of(backward)(backward, self.twin.program, len(space))
            return TwinOracle(self, space, labels, LOSSES.named(loss), taken, draws)

        return oracle


class TwinOracle:
    """The gradient of one loss; see `neurodeploy.attack.attack.Oracle`.

    draws : repetitions of a random encoder over which loss and gradient are the mean; the scores
    are those of the first, which the network is judged with.
    """

    def __init__(
        self,
        twins: Twins,
        space: Space,
        labels: NDArray[np.int64],
        loss: Loss,
        taken: Pass,
        draws: int,
    ) -> None:
        self._twins, self._space, self._loss, self._pass = twins, space, loss, taken
        self._draws = draws
        self._labels = torch.from_numpy(labels.astype(np.int64))

    def __call__(self, x: Grid, rows: Rows, targets: Rows | None = None) -> Slope:
        first = self._once(x, rows, targets, 0)
        if self._draws == 1:
            return first
        others = [self._once(x, rows, targets, draw) for draw in range(1, self._draws)]
        gradient = np.mean([one.gradient for one in (first, *others)], axis=0)
        loss = np.mean([one.loss for one in (first, *others)], axis=0)
        return Slope(loss, gradient.astype(np.float32), first.scores)

    def _objective(self, run: Run, columns: Tensor, rows: Rows, targets: Rows | None) -> Tensor:
        """Return what is raised, ``(rows,)``."""
        aims = None if targets is None else torch.from_numpy(targets)
        return self._loss(run.logits, self._labels[torch.from_numpy(rows)], aims)

    def _once(self, x: Grid, rows: Rows, targets: Rows | None, draw: int) -> Slope:
        space = self._space
        if space.shown.encoder.still and self._twins.recipe.steps <= space.shown.steps:
            return self._still(x, rows, targets, draw)
        columns = fitted(space.columns(x, rows, draw), self._twins.recipe.steps)
        leaf = torch.from_numpy(columns.astype(np.float32)).requires_grad_()
        pull: Callable[[NDArray[Any], Grid, Rows, int], NDArray[Any]] = PULLS.of(
            space.shown.encoder
        )(space)
        return self._slope(leaf, leaf, rows, targets, draw, lambda g: pull(g, x, rows, draw))

    def _still(self, x: Grid, rows: Rows, targets: Rows | None, draw: int) -> Slope:
        """All columns of a sample are equal: they are computed with once."""
        space = self._space
        encoder = space.shown.encoder
        values = space.shown.encoder.encode(x, space.shown.index[rows], None, draw)[:, 0]
        leaf = torch.from_numpy(values.astype(np.float32)).requires_grad_()
        shape = (len(leaf), 1, *space.shown.input_shape)
        columns = leaf.reshape(shape).expand(-1, self._twins.recipe.steps, *shape[2:])
        slope = encoder.high / encoder.peak
        return self._slope(leaf, columns, rows, targets, draw, lambda g: g * slope)

    def _slope(
        self,
        leaf: Tensor,
        columns: Tensor,
        rows: Rows,
        targets: Rows | None,
        draw: int,
        pull: Callable[[NDArray[Any]], NDArray[Any]],
    ) -> Slope:
        run = self._twins.twin(columns, **self._pass(rows, draw == 0))
        loss = self._objective(run, columns, rows, targets)
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return Slope(
            loss.detach().double().numpy(),
            np.asarray(pull(gradient.numpy()), np.float32),
            run.scores.numpy(),
        )
