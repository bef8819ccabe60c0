"""Running a Program with faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim.faults.changed import STORED_FAULTS, faulty_program
from neurodeploy.sim.faults.engine import FaultyEngine
from neurodeploy.sim.faults.records import Fault
from neurodeploy.sim.inputs import Columns, Data
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare
from neurodeploy.sim.prepared import Prepared
from neurodeploy.sim.simulator import prepared
from neurodeploy.trace import COUNT_NAMES, Activity, Trace, concatenated

Faults: TypeAlias = Sequence[Fault] | Sequence[Sequence[Fault]]
"""One list of faults for all samples, or one list for each."""

_Group = tuple[tuple[Fault, ...], bool]


def simulate_faulty(program: Program, x: Data, options: RunOptions, faults: Faults) -> Trace:
    """Run ``program`` on ``x`` with ``faults``, and return the `Trace`.

    A fault of a stored word is the Program with that word changed (`faulty_program`), run by the
    engine of ``options``; samples with the same changed words share a run. Faults that act while
    the program runs (`StateFlip`, `NeuronFault`, `DroppedSpikes`) are defined by `FaultyEngine` and
    run there, whatever the engine of ``options``: it gives what that engine would, bit for bit.

    faults : for all samples, or as many lists as ``x`` has samples (1 for a stream).

    Raises OptionError for a fault whose site does not exist, another number of lists, and the
    engine ``"lava"``.
    """
    if options.engine == "lava":
        raise OptionError("faults: engine 'lava' takes none, use 'native' or 'reference'")
    plain = prepared(prepare(program, options))
    data = plain.data(x)
    lists = _lists(faults, data.batch)
    parts = []
    for (words, runs), rows in _groups(lists).items():
        own = [_running(lists[row]) for row in rows] if runs else []
        engine = plain if not words and not runs else _prepared(program, options, words, own)
        arrays = tuple(array[rows] for array in data.arrays)
        parts.append((rows, engine.run(Columns(arrays, data.batched))))
    return parts[0][1] if len(parts) == 1 else _merged(parts)


def _prepared(
    program: Program,
    options: RunOptions,
    words: Sequence[Fault],
    running: Sequence[Sequence[Fault]],
) -> Prepared:
    plan = prepare(faulty_program(program, words), options)
    return prepared(plan, FaultyEngine(plan, running) if running else None)


def _lists(faults: Faults, batch: int) -> list[tuple[Fault, ...]]:
    """Return the faults of every sample."""
    given: list[Any] = list(faults)
    if all(isinstance(item, Fault) for item in given):
        return [tuple(given)] * batch
    if not all(isinstance(item, Sequence) and not isinstance(item, str) for item in given):
        raise OptionError("faults: expected one list of faults, or one list for each sample")
    if len(given) != batch:
        raise OptionError(f"faults: {len(given)} lists are given for {batch} samples")
    for item in (fault for own in given for fault in own):
        if not isinstance(item, Fault):
            raise OptionError(f"faults: {item!r} is none, expected records of faults")
    return [tuple(own) for own in given]


def _groups(lists: Sequence[tuple[Fault, ...]]) -> dict[_Group, list[int]]:
    """Return the samples that can run together: by changed words, and whether faults act later."""
    found: dict[_Group, list[int]] = {}
    for row, own in enumerate(lists):
        words = tuple(fault for fault in own if type(fault) in STORED_FAULTS)
        found.setdefault((words, len(words) < len(own)), []).append(row)
    return found


def _running(faults: Sequence[Fault]) -> list[Fault]:
    return [fault for fault in faults if type(fault) not in STORED_FAULTS]


def _merged(parts: Sequence[tuple[list[int], Trace]]) -> Trace:
    """Return the traces of groups as that of the batch, samples in their own order."""
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    first = parts[0][1]
    layers: dict[str, dict[str, NDArray[Any]]] = {
        name: {
            variable: np.concatenate([trace[name].arrays[variable] for _, trace in parts])[order]
            for variable in layer.arrays
        }
        for name, layer in first.items()
    }
    counts = concatenated([trace.activity for _, trace in parts])
    tables = {
        name: {key: value[order] for key, value in getattr(counts, name).items()}
        for name in COUNT_NAMES
    }
    return Trace(layers, Activity(counts.steps, counts.samples, **tables))
