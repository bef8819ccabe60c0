"""A simulation in pieces, so that a long one shows how far it is and can be interrupted."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.cli.arrays import by_name
from neurodeploy.program import Program
from neurodeploy.recording import Joined
from neurodeploy.sim import compile
from neurodeploy.sim.inputs import Columns
from neurodeploy.trace import COUNT_NAMES, NOT_OBSERVABLE, Activity, Trace, Values

PIECE = {"native": 2**26, "reference": 2**21}
"""Neuron-steps of one piece, a second or two of work; Lava runs in one piece."""
LINE_SECONDS = 10.0
"""Time between lines of progress where there is no terminal."""


def run(program: Program, given: Columns, **options: Any) -> tuple[Trace, float]:
    """Run ``program`` on ``given`` and return its trace and the seconds it took.

    options : those of `neurodeploy.compile`, without ``steps``.
    """
    began = time.perf_counter()
    simulator = compile(program, **options)
    simulator.require_memory(given.batch, given.steps)
    pieces = list(_pieces(given, program, simulator.options.engine))
    traces = (
        simulator.run(by_name(program, given, piece)) for piece in _shown(pieces, given.batched)
    )
    trace = next(traces) if len(pieces) == 1 else _joined(traces, given.batched)
    return trace, time.perf_counter() - began


def _pieces(given: Columns, program: Program, engine: str) -> Iterator[slice]:
    """Yield ranges of samples, or of steps of a stream."""
    total = given.batch if given.batched else given.steps
    work = program.neurons * (given.steps if given.batched else 1)
    size = total if engine not in PIECE else max(PIECE[engine] // max(work, 1), 1)
    yield from (slice(at, min(at + size, total)) for at in range(0, max(total, 1), max(size, 1)))


def _joined(traces: Iterable[Trace], batched: bool) -> Trace:
    """Join traces along samples, or along the steps of a stream, without copying a value."""
    layers: dict[str, dict[str, list[Values]]] = {}
    activities = list[Activity]()
    for trace in traces:
        activities.append(trace.activity)
        for name, layer in trace.items():
            for variable, values in layer.recorded.items():
                layers.setdefault(name, {}).setdefault(variable, []).append(values)
    joined = {
        name: {variable: Joined(pieces) for variable, pieces in table.items()}
        for name, table in layers.items()
    }
    return Trace(joined, join_activities(activities, batched))


def join_activities(activities: Sequence[Activity], batched: bool) -> Activity:
    """Return the counts of samples one after another, or of one stream summed over its pieces."""
    first = activities[0]

    def join(values: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        if batched:
            return np.concatenate(values)
        hidden = any(np.any(value == NOT_OBSERVABLE) for value in values)
        return np.full(1, NOT_OBSERVABLE) if hidden else np.sum(values, axis=0)

    counts = {
        name: {
            key: join([getattr(a, name)[key] for a in activities]) for key in getattr(first, name)
        }
        for name in COUNT_NAMES
    }
    return Activity(
        steps=first.steps if batched else sum(a.steps for a in activities),
        samples=sum(a.samples for a in activities) if batched else 1,
        **counts,
    )


def _shown(pieces: Sequence[slice], batched: bool) -> Iterator[slice]:
    """Yield ``pieces`` and show on stderr how far they are: a bar, or a line now and then."""
    if len(pieces) == 1:
        yield pieces[0]
        return
    noun, total = "samples" if batched else "steps", pieces[-1].stop
    if not sys.stderr.isatty():
        yield from _with_lines(pieces, noun, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    layout = (f"simulating {noun}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*layout, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        for piece in pieces:
            yield piece
            progress.update(task, completed=piece.stop)


def _with_lines(pieces: Sequence[slice], noun: str, total: int) -> Iterator[slice]:
    last = time.monotonic()
    for piece in pieces:
        yield piece
        if time.monotonic() - last >= LINE_SECONDS and piece.stop < total:
            last = time.monotonic()
            print(f"simulated {piece.stop} of {total} {noun}", file=sys.stderr, flush=True)
