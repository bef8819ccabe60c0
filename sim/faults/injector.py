"""One engine for all faults of a Program: what a campaign runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from neurodeploy.program import Program
from neurodeploy.sim.engine import Recording
from neurodeploy.sim.faults.broken import DeadRoute, MessageFlip, MessagesAtRate
from neurodeploy.sim.faults.native import FaultTable, stacked
from neurodeploy.sim.faults.records import Fault
from neurodeploy.sim.inputs import Columns
from neurodeploy.sim.native import NativeEngine
from neurodeploy.sim.native_network import linear
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare
from neurodeploy.sim.prepared import Prepared, Recent
from neurodeploy.trace import Trace


class Injector(Prepared):
    """A Program prepared to run with faults of any kind on the native engine.

    What weights and words are changed to must be worth just that (`neurodeploy.sim.faults.run`).
    """

    def __init__(self, program: Program, options: RunOptions) -> None:
        self.plan = prepare(program, options)
        self._native = NativeEngine(self.plan, faultable=True)
        super().__init__(self._native, self.plan.outline)
        self._table = FaultTable(self.plan)
        self._shifted = {edge.name for edge in self.plan.edges if not linear(edge)}

    def inject(self, data: Columns, lists: Sequence[Sequence[Fault]]) -> Trace:
        """Run every sample of ``data`` under every list of faults, from rest.

        Sample s under list i is row ``i * samples + s`` of the trace.
        """
        samples, count = data.batch, len(lists)
        self.require_memory(samples * count, data.steps)
        rows = stacked([self._table.rows(own) for own in lists])
        owners = np.repeat(np.arange(count, dtype=np.int32), samples)
        places = np.tile(np.arange(samples, dtype=np.int32), count)
        recording = self._native.run_faulty(data.arrays, rows, owners, places)
        return self._trace(recording, (count * samples, data.steps))

    def run_lists(self, data: Columns, lists: Sequence[Sequence[Fault]]) -> Trace:
        """Run every sample of ``data`` with the faults of its own list."""
        batch, steps = data.batch, data.steps
        self.require_memory(batch, steps)
        numbers = {id(own): number for number, own in enumerate(lists)}
        rows = stacked([self._table.rows(lists[number]) for number in numbers.values()])
        order = {key: number for number, key in enumerate(numbers)}
        owners = np.array([order[id(own)] for own in lists], np.int32)
        recording = self._native.run_faulty(data.arrays, rows, owners)
        return self._trace(recording, (batch, steps) if data.batched else (steps,))

    def _trace(self, recording: Recording, leading: tuple[int, ...]) -> Trace:
        return Trace(
            partial(recording.layers, self.outline, leading),
            partial(recording.activity, self.outline, leading[-1]),
        )

    def takes(self, fault: Fault) -> bool:
        """Whether the native engine has this fault: not messages on the way to shifted sums."""
        return not isinstance(fault, (MessagesAtRate, MessageFlip, DeadRoute)) or (
            fault.connection not in self._shifted
        )


_recent = Recent()


def injector(program: Program, options: RunOptions) -> Injector:
    """Return ``program`` prepared for faults; the last few programs are kept, see `Recent`."""
    found = _recent.get(program, options, lambda: Injector(program, options))
    assert isinstance(found, Injector)
    return found
