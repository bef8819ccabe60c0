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
        """Return the counts by name; the arrays of this record become read-only."""
        batch = self.spikes.shape[1]
        inputs = [node.name for node in plan.program.inputs]
        names, edges = plan.program.names, [edge.name for edge in plan.edges]
        sizes = [population.size * steps for population in plan.program.populations]
        return Activity(
            steps=steps,
            samples=batch,
            input_events=_by_name(inputs, self.input_events),
            spikes=_by_name(names, self.spikes),
            updates=_by_name(names, np.repeat(sizes, batch).reshape(-1, batch)),
            synops_taps=_by_name(edges, self.synops_taps),
            synops_nonzero=_by_name(edges, self.synops_nonzero),
            u_wraps=_by_name(names, self.u_wraps),
            v_saturations=_by_name(names, self.v_saturations),
        )


def _by_name(names: Sequence[str], counts: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    counts.flags.writeable = False
    return dict(zip(names, counts, strict=True))


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
