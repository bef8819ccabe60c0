"""What an engine is: it advances the state of a batch over columns of input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.recording import PackedSpikes
from neurodeploy.sim.plan import Outline, Plan
from neurodeploy.trace import Activity, Layers


class Recording:
    """What one `Engine.advance` computed.

    arrays : per stage, variable -> ``(batch, steps, size)`` or ``(batch, steps, *shape)``;
        ``s`` uint8 for spikes, perhaps as bits, int32 for messages; states int32.
    counts : int64 ``(rows, batch)``. One row per input: non-zero values. Three times one row per
        stage: spikes, wraps of u, saturations of v. Twice one row per edge: synaptic operations,
        all taps and those with a weight other than 0.
    """

    __slots__ = ("arrays", "counts")

    def __init__(
        self,
        arrays: Sequence[Mapping[str, NDArray[Any] | PackedSpikes]],
        counts: NDArray[np.int64],
    ) -> None:
        self.arrays, self.counts = arrays, counts

    def layers(self, outline: Outline, leading: tuple[int, ...]) -> Layers:
        """Return the records by population and variable, with the ``leading`` axes of the input."""
        return {
            name: {key: values.reshape((*leading, *shape)) for key, values in table.items()}
            for (name, shape), table in zip(outline.populations.items(), self.arrays, strict=True)
        }

    def activity(self, outline: Outline, steps: int) -> Activity:
        """Return the counts by name; they become read-only."""
        self.counts.flags.writeable = False
        rows = iter(self.counts)
        batch = self.counts.shape[1]
        names = outline.populations
        inputs, spikes, wraps, saturations, taps, nonzero = (
            dict(zip(table, rows, strict=False))
            for table in (
                [node.name for node in outline.inputs], names, names, names,
                outline.edges, outline.edges,
            )
        )  # fmt: skip
        return Activity(
            steps=steps,
            samples=batch,
            input_events=inputs,
            spikes=spikes,
            updates={
                name: np.full(batch, math.prod(shape) * steps) for name, shape in names.items()
            },
            synops_taps=taps,
            synops_nonzero=nonzero,
            u_wraps=wraps,
            v_saturations=saturations,
        )


class Engine(Protocol):
    """An implementation of a `Plan`.

    column_bytes : of what is recorded of one sample in one column.
    """

    column_bytes: int

    def fresh(self, batch: int) -> Any:
        """Return the state of ``batch`` samples before column 0."""
        ...

    def advance(self, state: Any, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run ``inputs``, per input uint8 or int32 ``(batch, steps, size)``; ``state`` moves on."""
        ...

    def run(self, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run the samples of ``inputs`` from fresh states and keep none of them."""
        ...


def plain_bytes(plan: Plan) -> int:
    """Return the bytes recorded of one sample in one column, held as plain arrays."""
    return sum(
        stage.population.size * (1 if name == "s" and not stage.population.neuron.graded else 4)
        for stage in plan.stages
        for name in stage.recorded
    )
