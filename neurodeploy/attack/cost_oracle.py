"""Gradients of the cost of a sample: its spikes, or the synaptic operations that they cause."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.attack.backward import Backward
from neurodeploy.attack.losses import LOSSES
from neurodeploy.attack.oracle import TwinOracle, Twins
from neurodeploy.attack.passes import PASSES
from neurodeploy.attack.space import Rows, Space
from neurodeploy.twin.layout import Order
from neurodeploy.twin.run import Run

ROOM = 0.05
"""Share of the span of a sample's logits by which its class has to lead before cost is raised."""


def cost_slopes(
    twins: Twins, space: Space, labels: NDArray[np.int64], measure: str
) -> Callable[[Backward], CostOracle]:
    """Return what makes oracles of the cost for the samples of ``space``.

    labels : the classes to keep; samples without one are not asked for.
    """

    def oracle(backward: Backward) -> CostOracle:
        taken = PASSES.of(backward)(backward, twins.twin.program, len(space))
        found = CostOracle(twins, space, labels, LOSSES.named("margin"), taken, 1)
        found.weigh(measure)
        return found

    return oracle


class CostOracle(TwinOracle):
    """Raises the cost of samples that keep their class, and the margin of the class of others."""

    def weigh(self, measure: str) -> None:
        """Count ``"spikes"``, each as one, or ``"synops"``, each spike as the taps it reaches.

        Of the input, whose values other than 0 cause operations as well, a value of 0 counts as if
        one more would be an event.
        """
        twin = self._twins.twin
        plan, program = twin.plan, twin.program
        self._weights = {p.name: torch.ones(p.size) for p in program.populations}
        self._taps = torch.zeros(program.inputs[0].size)
        if measure == "spikes":
            return
        self._weights = {name: torch.zeros_like(one) for name, one in self._weights.items()}
        for edge in plan.edges:
            taps = torch.from_numpy(plan.fan_outs[edge.index].taps.astype(np.float32))
            if edge.from_input:
                self._taps += taps
                continue
            source = program.populations[edge.source]
            self._weights[source.name] += Order(source.shape).inner(taps)

    def _objective(self, run: Run, columns: Tensor, rows: Rows, targets: Rows | None) -> Tensor:
        ahead = -self._loss(run.logits, self._labels[torch.from_numpy(rows)], None)
        span = (run.logits.amax(1) - run.logits.amin(1)).detach() + 1e-9
        cost = self._of_input(columns)
        for name, weights in self._weights.items():
            messages = run[name].inner("s")
            if bool(weights.any()) and messages.requires_grad:
                cost = cost + (messages.abs() * weights).sum((0, 2))
        keeps = (ahead / span).detach() > ROOM
        largest = cost.detach().abs().amax() + 1.0
        return torch.where(keeps, cost / largest, ahead / span)

    def _of_input(self, columns: Tensor) -> Tensor:
        """Return 0, with the gradient of an event for every value that is none."""
        none = (columns.detach() == 0).to(columns.dtype)
        gained = (columns * none).flatten(2) * self._taps
        return gained.sum((1, 2))
