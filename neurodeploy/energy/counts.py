"""The counts that are charged: taken from an `Activity`, or the most that a Program can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError
from neurodeploy.program import Program
from neurodeploy.sim.fanout import fan_out
from neurodeploy.trace import NOT_OBSERVABLE, Activity

PerSample = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Events per inference, int64 ``(samples,)`` each.

    steps : columns executed, one number for all samples. synops_dense, synops_conv : synaptic
    operations over `Dense` and `Conv2d` connections, in one convention.
    """

    steps: int
    updates: PerSample
    spikes: PerSample
    synops_dense: PerSample
    synops_conv: PerSample
    input_events: PerSample

    @property
    def synops(self) -> PerSample:
        """All synaptic operations."""
        return self.synops_dense + self.synops_conv

    @property
    def samples(self) -> int:
        """Number of inferences counted."""
        return len(self.updates)


def counted(program: Program, activity: Activity, convention: str) -> Counts:
    """Return the counts of ``activity``; ``convention`` is ``"taps"`` or ``"nonzero"``.

    Raises InputError when the activity belongs to another program, holds no step, or comes from
    an engine that cannot count what is needed.
    """
    _check(program, activity)
    synops = activity.synops_taps if convention == "taps" else activity.synops_nonzero
    dense, conv = _by_kind(program)
    return Counts(
        steps=activity.steps,
        updates=_sum(activity.updates, program.names, activity.samples),
        spikes=_sum(activity.spikes, program.names, activity.samples),
        synops_dense=_sum(synops, dense, activity.samples),
        synops_conv=_sum(synops, conv, activity.samples),
        input_events=_sum(activity.input_events, activity.input_events, activity.samples),
    )


def most_possible(program: Program, steps: int, convention: str) -> Counts:
    """Return the trivial upper bound: every input and every neuron sends in every step.

    ``P = neurons * T``; ``S = T * sum over connections of all fan-outs``. One sample.
    """
    synops = {}
    for index, name in enumerate(program.connection_names):
        fan = fan_out(program, index)
        synops[name] = (fan.taps if convention == "taps" else fan.nonzero).sum() * steps
    dense, conv = _by_kind(program)
    neurons = np.array([program.neurons * steps], np.int64)
    return Counts(
        steps=steps,
        updates=neurons,
        spikes=neurons,
        synops_dense=_sum(synops, dense, 1),
        synops_conv=_sum(synops, conv, 1),
        input_events=np.array([steps * sum(node.size for node in program.inputs)], np.int64),
    )


def _by_kind(program: Program) -> tuple[list[str], list[str]]:
    """Return the names of the connections that are not convolutions, and of those that are."""
    dense: list[str] = []
    conv: list[str] = []
    for name, connection in zip(program.connection_names, program.connections, strict=True):
        (conv if connection.synapse.layout == "kernel" else dense).append(name)
    return dense, conv


def _sum(table: Mapping[str, PerSample], names: Iterable[str], samples: int) -> PerSample:
    total = np.zeros(samples, np.int64)
    for name in names:
        if np.any(np.asarray(table[name]) == NOT_OBSERVABLE):
            raise InputError(
                f"activity: {name} could not be counted by the engine of that run; "
                "run the native or reference engine"
            )
        total = total + table[name]
    return total


def _check(program: Program, activity: Activity) -> None:
    if activity.steps < 1 or activity.samples < 1:
        raise InputError(
            f"activity: has {activity.steps} steps and {activity.samples} samples, "
            "expected at least one of each"
        )
    for what, table, names in (
        ("populations", activity.updates, program.names),
        ("connections", activity.synops_taps, program.connection_names),
    ):
        if set(table) != set(names):
            raise InputError(
                f"activity: counts the {what} {', '.join(sorted(table)) or 'none'}, the program "
                f"has {', '.join(sorted(names))}; use the activity of a run of this program"
            )
