"""What an engine is: it advances the state of a batch over columns of input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.sim.plan import Plan
from neurodeploy.trace import Activity


@dataclass(frozen=True)
class Recording:
    """What one `Engine.advance` computed.

    arrays : per stage, variable -> ``(batch, steps, size)`` or ``(batch, steps, *shape)``;
        ``s`` uint8 for spikes, int32 for messages; states int32.
    input_events : int64 ``(inputs, batch)``, non-zero input values.
    synops_taps, synops_nonzero : int64 ``(edges, batch)``.
    spikes, u_wraps, v_saturations : int64 ``(stages, batch)``.
    """

    arrays: Sequence[dict[str, NDArray[Any]]]
    input_events: NDArray[np.int64]
    spikes: NDArray[np.int64]
    synops_taps: NDArray[np.int64]
    synops_nonzero: NDArray[np.int64]
    u_wraps: NDArray[np.int64]
    v_saturations: NDArray[np.int64]

    def activity(self, plan: Plan, steps: int) -> Activity:
        """Return the counts by name."""
        names = plan.program.names
        batch = self.spikes.shape[1]
        edges = [edge.name for edge in plan.edges]
        sizes = [population.size for population in plan.program.populations]
        return Activity(
            steps=steps,
            samples=batch,
            input_events=dict(
                zip((i.name for i in plan.program.inputs), self.input_events, strict=True)
            ),
            spikes=dict(zip(names, self.spikes, strict=True)),
            updates={
                name: np.full(batch, size * steps) for name, size in zip(names, sizes, strict=True)
            },
            synops_taps=dict(zip(edges, self.synops_taps, strict=True)),
            synops_nonzero=dict(zip(edges, self.synops_nonzero, strict=True)),
            u_wraps=dict(zip(names, self.u_wraps, strict=True)),
            v_saturations=dict(zip(names, self.v_saturations, strict=True)),
        )


class Engine(Protocol):
    """An implementation of a `Plan`."""

    def fresh(self, batch: int) -> Any:
        """Return the state of ``batch`` samples before column 0."""
        ...

    def advance(self, state: Any, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run ``inputs``, per input uint8 or int32 ``(batch, steps, size)``; ``state`` moves on."""
        ...

    def run(self, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run the samples of ``inputs`` from fresh states and keep none of them."""
        ...
