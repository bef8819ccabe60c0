"""Running the samples of a data set by a recipe, a few at a time.

In a stream population k holds sample n in the columns ``lead_k + n * T`` to ``lead_k + (n + 1) * T
- 1``, T columns to a sample; each population is looked at from its own first data column. After the
last sample the stream is fed zeros until its answer has come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions, windowed
from neurodeploy.answers.recipe import Recipe
from neurodeploy.equivalence import arrivals
from neurodeploy.program import Program
from neurodeploy.sim import RunOptions, Simulator
from neurodeploy.sim.options import Record
from neurodeploy.trace import Activity, Trace, concatenated

CHUNK_BYTES = 1 << 26
"""Memory that the recorded values of one piece may take."""

Arrays = Mapping[str, Mapping[str, NDArray[Any]]]
"""Population -> variable -> ``(samples, T, *shape)``."""


class Samples(Protocol):
    """Samples that can be made into columns."""

    def __len__(self) -> int: ...

    def columns(self, rows: slice) -> NDArray[Any]:
        """Return integers ``(samples, T, *input_shape)`` of some rows."""
        ...


@dataclass(frozen=True)
class Piece:
    """Some samples, run. rows : which. columns : what went in, ``(samples, T, *input_shape)``.

    arrays : what was recorded, each population from its own first data column. activity : counts,
    one entry per sample; in a stream those of the T columns in which the sample goes in.
    scores : int64 ``(samples, classes)``.
    """

    rows: slice
    columns: NDArray[Any]
    arrays: Arrays
    activity: Activity
    scores: NDArray[np.int64]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class of each sample, or a tie."""
        return predictions(self.scores)


class Runner:
    """A program prepared to run samples by a `Recipe`; each call of `run` begins from rest."""

    def __init__(
        self,
        program: Program,
        recipe: Recipe,
        record: Record = (),
        watch: Callable[[NDArray[Any], Trace], None] | None = None,
    ) -> None:
        """watch : called with the columns and the trace of every run, the flushing zeros left out.

        What it sees is what the activity of the pieces counts, in the steps of the run itself.
        """
        self.program, self.recipe = program, recipe
        self._watch = watch or _look_away
        # Not `compile`: the recipe tells what a reset does, nobody need be warned of it.
        self._simulator = Simulator(program, RunOptions(**recipe.options(), record=record))
        readout = program.readout
        self._kept = {
            population.name: names
            for population, names in zip(
                program.populations, self._simulator.options.recorded(program), strict=True
            )
            if names
        }
        self._leads = {name: found.lead for name, found in arrivals(program).items()}
        self._readout = (readout.population, readout.variable)

    def run(self, samples: Samples, size: int | None = None) -> Iterator[Piece]:
        """Yield all samples in order, ``size`` at a time or as many as memory suggests."""
        parts = self._parts(samples, size or self.chunk(samples))
        yield from self._streamed(parts) if self.recipe.streamed else self._batches(parts)

    def chunk(self, samples: Samples) -> int:
        """Return how many samples fit a piece."""
        values = sum(
            self.program.node(name).size * len(names) for name, names in self._kept.items()
        )
        first = np.prod(samples.columns(slice(0, 1)).shape[2:], dtype=int)
        per_sample = self.recipe.steps * (4 * values + 4 * int(first))
        return max(1, CHUNK_BYTES // max(per_sample, 1))

    def _parts(self, samples: Samples, size: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        for start in range(0, len(samples), size):
            rows = slice(start, min(start + size, len(samples)))
            yield rows, fitted(samples.columns(rows), self.recipe.steps)

    def _batches(self, parts: Iterator[tuple[slice, NDArray[Any]]]) -> Iterator[Piece]:
        for rows, columns in parts:
            trace = self._simulator.run(columns)
            self._watch(columns, trace)
            arrays = {name: trace[name].arrays for name in self._kept}
            yield self._piece(rows, columns, arrays, trace.activity)

    def _streamed(self, parts: Iterator[tuple[slice, NDArray[Any]]]) -> Iterator[Piece]:
        """Run one sample's columns after the other; give each away once it has come out."""
        self._simulator.reset()
        window = _Window(self._leads, self._kept, self.recipe.steps)
        waiting: list[tuple[slice, NDArray[Any], list[Activity]]] = []
        zero: NDArray[Any] | None = None
        for rows, columns in parts:
            zero = np.zeros_like(columns[0])
            counts = []
            for one in columns:
                trace = self._simulator.run(one)
                self._watch(one, trace)
                window.take(trace)
                counts.append(trace.activity)
            waiting.append((rows, columns, counts))
            while waiting and window.complete(waiting[0][0].stop):
                yield self._emptied(*waiting.pop(0), window)
        while waiting and zero is not None:
            window.take(self._simulator.run(zero))
            while waiting and window.complete(waiting[0][0].stop):
                yield self._emptied(*waiting.pop(0), window)
        self._simulator.reset()

    def _emptied(
        self, rows: slice, columns: NDArray[Any], counts: list[Activity], window: _Window
    ) -> Piece:
        return self._piece(rows, columns, window.give(rows), concatenated(counts))

    def _piece(
        self, rows: slice, columns: NDArray[Any], arrays: Arrays, activity: Activity
    ) -> Piece:
        population, variable = self._readout
        score = windowed(self.program, arrays[population][variable])
        return Piece(rows, columns, arrays, activity, score)


def _look_away(columns: NDArray[Any], trace: Trace) -> None:
    """Look at no run."""


class _Window:
    """Recorded columns of a stream that still wait for the rest of their sample."""

    def __init__(
        self, leads: Mapping[str, int], kept: Mapping[str, Sequence[str]], steps: int
    ) -> None:
        self._leads, self._kept, self._steps = leads, kept, steps
        self._reach = max(leads[name] for name in kept)
        self._seen = self._dropped = 0
        self._columns: dict[tuple[str, str], list[NDArray[Any]]] = {
            (name, variable): [] for name, names in kept.items() for variable in names
        }

    def take(self, trace: Trace) -> None:
        """Take in the next T columns."""
        for (name, variable), pieces in self._columns.items():
            pieces.append(trace[name].arrays[variable])
        self._seen += self._steps

    def complete(self, samples: int) -> bool:
        """Whether the first ``samples`` samples have come out everywhere."""
        return self._seen >= self._reach + samples * self._steps

    def give(self, rows: slice) -> Arrays:
        """Return the samples of ``rows`` and forget all columns before their end."""
        count = rows.stop - rows.start
        result: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in self._kept}
        for (name, variable), pieces in self._columns.items():
            joined = np.concatenate(pieces)
            start = self._leads[name] + rows.start * self._steps - self._dropped
            part = joined[start : start + count * self._steps]
            result[name][variable] = part.reshape(count, self._steps, *joined.shape[1:])
            pieces[:] = [joined[rows.stop * self._steps - self._dropped :]]
        self._dropped = rows.stop * self._steps
        return result


def fitted(columns: NDArray[Any], steps: int) -> NDArray[Any]:
    """Return ``(samples, T, ...)`` cut, or padded with zeros, to ``steps`` columns."""
    given = columns.shape[1]
    if given >= steps:
        return columns[:, :steps]
    pad = [(0, 0), (0, steps - given), *[(0, 0)] * (columns.ndim - 2)]
    return np.pad(columns, pad)


def as_samples(columns: NDArray[Any]) -> Samples:
    """Return columns that are there already, ``(samples, T, *input_shape)``, as `Samples`."""
    return _Given(columns)


@dataclass(frozen=True)
class _Given:
    array: NDArray[Any]

    def __len__(self) -> int:
        return len(self.array)

    def columns(self, rows: slice) -> NDArray[Any]:
        return self.array[rows]


def differing_answers(
    program: Program, recipe: Recipe, samples: Samples, predicted: NDArray[np.int64]
) -> int:
    """Count the samples that aligned time, each from rest, answers otherwise than ``predicted``."""
    aligned = replace(recipe, timing="aligned", reset_interval=None, reset_offset=0)
    pieces = Runner(program, aligned).run(samples)
    others = np.concatenate([piece.predicted for piece in pieces])
    return int(np.count_nonzero(others != predicted))
