"""The pipelined stream, as the chip runs it, against the aligned samples that were trained on.

All samples follow one another in one stream, reset once per sample (`neurodeploy.answers`). For
feed-forward programs equality is a theorem; for recurrent and delayed ones currents in flight
survive the reset, and this run is what decides. A gap of silent columns lets them die out first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers import Piece, RunChoice, Runner, settle
from neurodeploy.answers.runner import as_samples
from neurodeploy.program import Program


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
    limit: int | None = None,
) -> StreamResult:
    """Run ``columns`` as one pipelined stream and compare it with the aligned samples.

    columns : integers ``(samples, columns, *shape)``. y : classes. engine : ``"native"`` or
    ``"reference"``. limit : take the first samples only.
    """
    samples, y = as_samples(columns[:limit]), y[:limit]
    stream, aligned = (
        settle(program, columns.shape[1], RunChoice(engine=engine, timing=timing))
        for timing in ("pipelined", "aligned")
    )
    record = _record(program)
    runner = Runner(program, stream, record)
    alone = Runner(program, aligned, record).run(samples, runner.chunk(samples))
    different, busy, predicted = [], [], []
    for piece, expected in zip(runner.run(samples), alone, strict=True):
        different.append(_differences(piece, expected))
        busy.append(_busy(expected))
        predicted.append(piece.predicted)
    cells = np.concatenate(different)
    return StreamResult(
        samples=len(samples),
        columns=len(samples) * stream.steps,
        reset_interval=stream.steps,
        reset_offset=stream.reset_offset,
        engine=engine,
        spike_differences=int(cells.sum()),
        samples_different=int(np.count_nonzero(cells)),
        busy_samples=int(np.count_nonzero(np.concatenate(busy))),
        accuracy=Accuracy.of(np.concatenate(predicted), y),
    )


def _differences(piece: Piece, expected: Piece) -> NDArray[np.int64]:
    """Count the recorded cells that differ, per sample."""
    found = np.zeros(len(piece.columns), np.int64)
    for name, arrays in piece.arrays.items():
        for variable, own in arrays.items():
            unequal = own != expected.arrays[name][variable]
            found += unequal.reshape(len(own), -1).sum(axis=1)
    return found


def _busy(piece: Piece) -> NDArray[np.bool_]:
    """Return which samples end with a column in which something is sent."""
    found = np.zeros(len(piece.columns), np.bool_)
    for arrays in piece.arrays.values():
        if "s" in arrays:
            found |= arrays["s"][:, -1].reshape(len(found), -1).any(axis=1)
    return found


def _record(program: Program) -> dict[str, tuple[str, ...]]:
    """Spikes of every population, and the read-out variable of the last."""
    table: dict[str, tuple[str, ...]] = {name: ("s",) for name in program.names}
    readout = program.readout
    if readout.variable != "s":
        table[readout.population] = (readout.variable,)
    return table
