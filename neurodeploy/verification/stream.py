"""The pipelined stream, as the chip runs it, against the aligned samples that were trained on.

All samples follow one another in one stream, reset once per sample: interval = columns of a
sample, offset 1. Population k shows sample n in columns ``lead_k + n * interval`` onwards. For
feed-forward programs equality is a theorem; for recurrent and delayed ones currents in flight
survive the reset, and this run is what decides. A gap of silent columns lets them die out first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy, predictions
from neurodeploy.program import Program
from neurodeploy.sim import compile

OFFSET = 1
"""Reset offset of a program whose first synapse is dense or conv."""


@dataclass(frozen=True)
class StreamResult:
    """A stream compared with its samples run one by one in aligned time.

    spike_differences : cells of s (v for an integrator's read-out) that differ, all populations.
    samples_different : samples with any. busy_samples : samples whose recurrent or delayed
    populations are not silent in the last column, so that they leak into the next sample.
    accuracy : of the stream's own read-out.
    """

    samples: int
    columns: int
    reset_interval: int
    reset_offset: int
    engine: str
    spike_differences: int
    samples_different: int
    busy_samples: int
    accuracy: Accuracy

    @property
    def identical(self) -> bool:
        """Whether the stream gave every aligned answer."""
        return self.spike_differences == 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {**asdict(self), "accuracy": self.accuracy.to_dict()}
        return {**values, "identical": self.identical}


def verify_stream(
    program: Program,
    columns: NDArray[Any],
    y: NDArray[np.int64],
    *,
    engine: str = "native",
    aligned_engine: str | None = None,
    limit: int | None = None,
) -> StreamResult:
    """Run ``columns`` as one pipelined stream and compare it with the aligned samples.

    columns : integers ``(samples, columns, *shape)``. y : classes. engine : of the stream;
    aligned_engine : of the samples, default the same (reference when the stream is Lava's).
    limit : take the first samples only.
    """
    columns, y = columns[:limit], y[:limit]
    samples, interval = columns.shape[:2]
    chosen = aligned_engine or ("reference" if engine == "lava" else engine)
    record = _record(program)
    aligned = compile(program, engine=chosen, record=record).run(columns)
    simulator = compile(
        program,
        engine=engine,
        timing="pipelined",
        weights="lava" if engine == "lava" else "exact",
        steps=samples * interval + len(program.populations) + 1,
        reset_interval=interval,
        reset_offset=OFFSET,
        record=record,
    )
    trace = simulator.run(columns.reshape(-1, *columns.shape[2:]))
    different = np.zeros(samples, np.int64)
    busy = np.zeros(samples, bool)
    score: NDArray[np.int64] = np.zeros((samples, 1), np.int64)
    for stage in simulator.plan.stages:
        name = stage.population.name
        for variable in record[name]:
            window = slice(stage.lead, stage.lead + samples * interval)
            own = trace[name].arrays[variable][window].reshape(samples, interval, -1)
            expected = aligned[name].arrays[variable].reshape(own.shape)
            different += (own != expected).sum(axis=(1, 2))
            if variable == "s":
                busy |= expected[:, -1].any(axis=1)
            if name == program.readout.population and variable == program.readout.variable:
                kept = own[:, -program.readout.window :] if program.readout.window else own
                score = kept.sum(axis=1, dtype=np.int64)
    return StreamResult(
        samples=samples,
        columns=samples * interval,
        reset_interval=interval,
        reset_offset=OFFSET,
        engine=engine,
        spike_differences=int(different.sum()),
        samples_different=int(np.count_nonzero(different)),
        busy_samples=int(np.count_nonzero(busy)),
        accuracy=Accuracy.of(predictions(score), y),
    )


def _record(program: Program) -> dict[str, tuple[str, ...]]:
    """Spikes of every population, and the read-out variable of the last."""
    table: dict[str, tuple[str, ...]] = {name: ("s",) for name in program.names}
    readout = program.readout
    if readout.variable != "s":
        table[readout.population] = (readout.variable,)
    return table
