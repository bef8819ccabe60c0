"""Running a Program with faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim.fanout import counts_by_weight
from neurodeploy.sim.faults.changed import STORED_FAULTS, faulty_program
from neurodeploy.sim.faults.engine import FaultyEngine
from neurodeploy.sim.faults.injector import Injector, injector
from neurodeploy.sim.faults.records import Fault, ParameterFlip, ParameterWord
from neurodeploy.sim.inputs import Columns, Data
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare
from neurodeploy.sim.simulator import prepared
from neurodeploy.trace import COUNT_NAMES, Activity, Trace, concatenated

Faults: TypeAlias = Sequence[Fault] | Sequence[Sequence[Fault]]
"""One list of faults for all samples, or one list for each."""

_Group = tuple[tuple[Fault, ...], bool]
"""Words that change before the run, and whether the rest goes into the native engine."""


def simulate_faulty(program: Program, x: Data, options: RunOptions, faults: Faults) -> Trace:
    """Run ``program`` on ``x`` with ``faults``, and return the `Trace`.

    The definition, engine ``"reference"``: a fault of a stored word is the Program with that word
    changed (`faulty_program`), other faults act as `FaultyEngine` says. Engine ``"native"`` gives
    the same bit for bit, all samples in one run of one engine. Where a change of a word changes
    more than itself (`rebuilds`), samples with the same changed words run as the Program with
    them; messages over a connection whose sums are shifted change in the reference engine.

    faults : for all samples, or as many lists as ``x`` has samples (1 for a stream).

    Raises OptionError for a fault whose site does not exist, another number of lists, and the
    engine ``"lava"``.
    """
    if options.engine == "lava":
        raise OptionError("faults: engine 'lava' takes none, use 'native' or 'reference'")
    native = injector(program, options) if options.engine == "native" else None
    plain = native or prepared(prepare(program, options))
    data = plain.data(x)
    lists = _lists(faults, data.batch)
    parts = []
    for (words, injected), group in _groups(program, options, lists, native).items():
        rows, rest = [row for row, _ in group], [own for _, own in group]
        columns = Columns(tuple(array[rows] for array in data.arrays), data.batched)
        engine = native if injected else None
        parts.append((rows, _run(program, options, columns, words, rest, engine)))
    return parts[0][1] if len(parts) == 1 else _merged(parts)


def _run(
    program: Program,
    options: RunOptions,
    columns: Columns,
    words: tuple[Fault, ...],
    rest: list[tuple[Fault, ...]],
    native: Injector | None,
) -> Trace:
    """Run samples whose words have changed, with the faults that each has besides."""
    changed = faulty_program(program, words)
    if native is not None:
        own = native if not words else Injector(changed, options)
        return own.run_lists(columns, rest)
    plan = prepare(changed, options)
    return prepared(plan, FaultyEngine(plan, rest) if any(rest) else None).run(columns)


def rebuilds(program: Program, options: RunOptions, fault: Fault) -> bool:
    """Whether a fault of a word changes more than what it is worth to sums and neurons.

    So it is with Lava's conditioning, which looks at all weights of a group, and with kernels into
    which a pool was folded, whose taps are told by their zeros.
    """
    if type(fault) not in STORED_FAULTS or isinstance(fault, (ParameterFlip, ParameterWord)):
        return False
    name = getattr(fault, "connection", "")
    if options.weights == "lava":
        return True
    return name in program.connection_names and counts_by_weight(
        program, program.connection_names.index(name)
    )


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
    made = {id(own): tuple(own) for own in given}
    return [made[id(own)] for own in given]


def _groups(
    program: Program,
    options: RunOptions,
    lists: Sequence[tuple[Fault, ...]],
    native: Injector | None,
) -> dict[_Group, list[tuple[int, tuple[Fault, ...]]]]:
    """Return the samples that run together, by the words that change before and whether other
    faults are injected into the native engine; of each its number and those other faults."""
    found: dict[_Group, list[tuple[int, tuple[Fault, ...]]]] = {}
    split: dict[int, tuple[_Group, tuple[Fault, ...]]] = {}
    for row, own in enumerate(lists):
        if id(own) not in split:
            injected = native is not None and all(native.takes(fault) for fault in own)
            stored = [
                rebuilds(program, options, f) if injected else type(f) in STORED_FAULTS for f in own
            ]
            words = tuple(fault for fault, first in zip(own, stored, strict=True) if first)
            rest = tuple(fault for fault, first in zip(own, stored, strict=True) if not first)
            split[id(own)] = (words, injected), rest
        key, rest = split[id(own)]
        found.setdefault(key, []).append((row, rest))
    return found


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
