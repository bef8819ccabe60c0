"""The Lava engine: a Program run by Lava's own fixed-point CPU models, in a process group apart.

Lava 0.10 (lava-nc) with lava-dl 0.6 runs on Python 3.10 only. The interpreter is this one when it
has Lava, otherwise the one that the environment variable ``NEURODEPLOY_LAVA_PYTHON`` names.
``NEURODEPLOY_LAVA_TIMEOUT`` (seconds) replaces the time limit, which depends on the size of the
network, the steps and the samples.

The network is built from Lava's processes with the arguments that netx gives them; weights are
conditioned by lava-dl's own function. Lava sees neither wraps of u nor saturations of v: these
counts are -1. The other counts of the activity are computed from the recorded messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import NothingToCondition, examine
from neurodeploy.errors import EngineError, ExportError, OptionError, located
from neurodeploy.neuron import Neuron
from neurodeploy.program import Connection, Program
from neurodeploy.sim.engine import Recording, plain_bytes
from neurodeploy.sim.lava_job import interpreter, record_dtype, recorded, run, time_limit_seconds
from neurodeploy.sim.lava_models import ADVICE, NEURONS, SYNAPSES, Process
from neurodeploy.sim.plan import Plan, dense_groups, group_weights
from neurodeploy.synapse import Synapse
from neurodeploy.trace import NOT_OBSERVABLE


@dataclass
class LavaState:
    """A stream before it runs. Lava cannot continue one, so it is used once."""

    used: bool = False


class LavaEngine:
    """Runs a `Plan` in Lava; see the head of this module.

    Raises ExportError for programs that Lava cannot express, OptionError for options that it
    cannot follow, EngineError when there is no interpreter with Lava.
    """

    def __init__(self, plan: Plan, timeout_seconds: float | None = None) -> None:
        """timeout_seconds : wall time for one call of `advance`; None chooses by size."""
        check(plan)
        self.plan = plan
        self.column_bytes = plain_bytes(plan)
        self.python = interpreter()
        self._timeout_seconds = timeout_seconds

    def fresh(self, batch: int) -> LavaState:
        """Return the state of ``batch`` samples before column 0."""
        return LavaState()

    def advance(self, state: LavaState, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run ``inputs``; each sample of a batch is a run of its own, from a fresh network.

        Raises EngineError on a second call with one state, on a time-out and when Lava fails.
        """
        if state.used:
            raise EngineError(
                "engine 'lava': a stream cannot be continued in a second run; give all columns "
                "in one call, or call reset() to start a new stream"
            )
        state.used = True
        batch, steps = inputs[0].shape[:2]
        if steps == 0:
            arrays = [
                {
                    name: np.zeros((batch, 0, *stage.population.shape), record_dtype(stage, name))
                    for name in recorded(stage)
                }
                for stage in self.plan.stages
            ]
        else:
            limit = self._timeout_seconds or time_limit_seconds(self.plan, batch, steps)
            arrays = run(self.plan, inputs, self.python, limit)
        if self.plan.options.weights == "exact":
            _check_sums(self.plan, inputs, arrays)
        return _recording(self.plan, inputs, arrays)

    def run(self, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run independent samples from fresh networks; see `advance`."""
        return self.advance(LavaState(), inputs)


# --- What Lava can run ---------------------------------------------------------------------------


def check(plan: Plan) -> None:
    """Raise ExportError or OptionError, naming the item, unless Lava can run ``plan``."""
    if plan.options.timing != "pipelined":
        raise OptionError("engine 'lava' runs pipelined only; use timing 'pipelined'")
    for population in plan.program.populations:
        with located(f"population {population.name}"):
            neuron = population.neuron
            _check(NEURONS.of(neuron), neuron)
    names = plan.program.connection_names
    for connection, name in zip(plan.program.connections, names, strict=True):
        with located(f"connection {name}"):
            _check_connection(connection)
    if plan.options.weights == "exact":
        _check_conditioning(plan.program)


def _check_connection(connection: Connection) -> None:
    synapse = connection.synapse
    process = SYNAPSES.of(synapse)
    if connection.port == "bias" and not process.drives_bias:
        raise ExportError(
            f"{type(synapse).__name__} drives the port 'bias', Lava takes a bias from an input "
            f"only (Direct); {ADVICE}"
        )
    _check(process, synapse)


def _check(process: Process, record: Neuron | Synapse) -> None:
    for text in process.faults(record):
        raise ExportError(text)


def _check_conditioning(program: Program) -> dict[int, int]:
    """Raise OptionError unless conditioning keeps every weight.

    Returns the left shift of each dense connection, by its index.
    """
    shifts = {}
    for members in dense_groups(program):
        with located(f"connection {program.connection_names[members[0]]}"):
            try:
                group = examine(group_weights(program, members))
            except NothingToCondition as error:
                raise OptionError(str(error)) from error
            if group.changed:
                raise OptionError(
                    f"Lava's conditioning changes {group.changed} of {group.total} "
                    "weights, so weights 'exact' cannot run in Lava; use weights 'lava'"
                )
        shifts.update(dict.fromkeys(members, group.shift))
    return shifts


def _check_sums(
    plan: Plan, inputs: Sequence[NDArray[Any]], arrays: Sequence[dict[str, NDArray[Any]]]
) -> None:
    """Raise OptionError if a sum of weights << shift may have left int32, under weights 'exact'.

    Then Lava's wrap comes before its right shift, and the result is not that of plain weights.
    """
    shifts = _check_conditioning(plan.program)
    for edge in plan.edges:
        if edge.binary or edge.given is None or not shifts.get(edge.index):
            continue
        sent = inputs[edge.source] if edge.from_input else arrays[edge.source]["s"]
        largest = max(int(sent.max(initial=0)), -int(sent.min(initial=0)))
        reach = int(np.abs(edge.weight).sum(axis=1).max()) << shifts[edge.index]
        if largest * reach >= 2**31:
            raise OptionError(
                f"connection {edge.name}: messages up to {largest} take Lava's sums, shifted left "
                f"by {shifts[edge.index]}, beyond int32, so weights 'exact' cannot run in Lava; "
                "use weights 'lava'"
            )


# --- The result ----------------------------------------------------------------------------------


def _recording(
    plan: Plan, inputs: Sequence[NDArray[Any]], arrays: Sequence[dict[str, NDArray[Any]]]
) -> Recording:
    """Count events from the recorded messages."""
    batch = len(inputs[0])
    sent = [np.count_nonzero(stage["s"], axis=1).reshape(batch, -1) for stage in arrays]
    given = [np.count_nonzero(data, axis=1) for data in inputs]
    events = [(given if edge.from_input else sent)[edge.source] for edge in plan.edges]
    fans = plan.fan_outs
    unseen = np.full((2 * len(plan.stages), batch), NOT_OBSERVABLE, np.int64)
    taps = [e @ f.taps for e, f in zip(events, fans, strict=True)]
    nonzero = [e @ f.nonzero for e, f in zip(events, fans, strict=True)]
    seen = [data.sum(axis=1) for data in (*given, *sent)]
    records = [
        {name: stage[name] for name in planned.recorded}
        for planned, stage in zip(plan.stages, arrays, strict=True)
    ]
    return Recording(records, np.array([*seen, *unseen, *taps, *nonzero]))
