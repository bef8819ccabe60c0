"""What every core does in every step, exactly, from the recorded spikes.

Sums over the cores equal the totals of the run's `Activity`: spikes, updates and synaptic
operations of both conventions. Events are counted in the step in which they are sent, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError
from neurodeploy.frozen import FrozenMapping, read_only
from neurodeploy.memory import require
from neurodeploy.placement.record import Placement
from neurodeploy.placement.senders import CONVENTIONS, Sender, senders
from neurodeploy.placement.tally import tally
from neurodeploy.program import Program
from neurodeploy.recording import PackedSpikes
from neurodeploy.sim.inputs import Data, columns
from neurodeploy.trace import Trace

Array = NDArray[np.int64]
NAMES = (
    "spikes",
    "synops_taps",
    "synops_nonzero",
    "axons_in",
    "axons_out",
    "within_tile",
    "between_chips",
    "hops_horizontal",
    "hops_vertical",
)
"""The counts, each int64 ``(samples, steps, cores)``."""


@dataclass(frozen=True)
class CoreCounts:
    """Events of every core in every step.

    cores : numbers of the cores, in the order of the last axis. neurons : int64 ``(cores,)``,
    updates of each core in every step. counts : by name (`NAMES`), int64 ``(samples, steps,
    cores)``. Synaptic operations and input axons are of the core that receives; spikes, output
    axons, and the links and chip borders that messages cross of the one that sends.
    farthest : int64 ``(samples, steps, 2)``, horizontal and vertical links of the message that
    takes most in a step.
    """

    cores: tuple[int, ...]
    neurons: Array
    counts: Mapping[str, Array]
    farthest: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", FrozenMapping(self.counts))
        for array in (self.neurons, self.farthest, *self.counts.values()):
            read_only(array)

    def __getitem__(self, name: str) -> Array:
        """Return the count of that name; 0 throughout where nothing of it was seen."""
        return self.counts[name]

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.farthest.shape[0])

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.farthest.shape[1])

    @property
    def updates(self) -> Array:
        """Neuron updates, int64 ``(samples, steps, cores)``: all neurons in every step."""
        shape = (self.samples, self.steps, len(self.cores))
        return np.broadcast_to(self.neurons, shape)

    def total(self, name: str) -> Array:
        """Return the sum over cores and steps of every sample, int64 ``(samples,)``."""
        found = self.updates if name == "updates" else self.counts[name]
        return np.asarray(found.sum(axis=(1, 2)), np.int64)


class CoreCounter:
    """A placed program, prepared for counting many runs.

    conventions : of synaptic operations that are counted, ``"taps"`` and ``"nonzero"``. multicast :
    whether one message serves all cores that a spike reaches.
    """

    def __init__(
        self,
        program: Program,
        placement: Placement,
        *,
        conventions: tuple[str, ...] = CONVENTIONS,
        multicast: bool = False,
    ) -> None:
        if placement.digest != program.digest:
            raise InputError(
                f"placement is of program {placement.digest[:12]}, the program is "
                f"{program.digest[:12]}; place it again"
            )
        self.program, self.placement = program, placement
        kept = {f"synops_{name}" for name in conventions}
        self._names = tuple(n for n in NAMES if not n.startswith("synops") or n in kept)
        self._senders = senders(program, placement, self._names, conventions, multicast)
        self._held = tuple(core.index for core in placement.cores)
        ranks = {number: rank for rank, number in enumerate(self._held)}
        self._neurons = np.zeros(len(self._held), np.int64)
        for piece in placement.slices:
            self._neurons[ranks[piece.core]] += piece.neurons
        self._lanes: dict[tuple[str, int], tuple[Any, NDArray[np.int32]]] = {}

    def count(self, x: Data, trace: Trace, threads: int | None = None) -> CoreCounts:
        """Return what every core did in the run of ``x`` that gave ``trace``.

        The trace must hold ``s`` of every population, which is what is recorded by default.

        Raises InputError for a trace without spikes, of another program or of other data.
        """
        data = columns(self.program.inputs, x, self._steps(trace))
        samples, steps, cores = data.batch, data.steps, len(self._held)
        rows, width = samples * steps, self._senders.width
        require(rows * width * 8, f"counts of {samples} samples x {steps} steps x {cores} cores")
        flat = np.zeros((rows, width), np.int64)
        inputs = dict(zip((node.name for node in self.program.inputs), data.arrays, strict=True))
        for sender in self._senders.all:
            bits, lanes = self._events(sender, inputs.get(sender.name), trace, rows)
            tally(bits, lanes, sender.changes, flat, threads)
        own = len(self._names) * cores
        whole = flat[:, :own].reshape(samples, steps, len(self._names), cores)
        return CoreCounts(
            cores=self._held,
            neurons=self._neurons.copy(),
            counts={name: whole[:, :, k] for k, name in enumerate(self._names)},
            farthest=self._farthest(flat[:, own:]).reshape(samples, steps, 2),
        )

    def _farthest(self, sent: Array) -> Array:
        """Return the links of the longest way that a message took, ``(rows, 2)``."""
        links = self._senders.links
        if len(links) == 1:
            return np.zeros((len(sent), 2), np.int64)
        used = sent > 0
        found: Array = links[np.argmax(used, axis=1)]
        found[~used.any(axis=1)] = 0
        return found

    def _steps(self, trace: Trace) -> int:
        if tuple(trace) != self.program.names:
            raise InputError(
                f"trace has the populations {', '.join(trace)}, the program "
                f"{', '.join(self.program.names)}"
            )
        return trace.activity.steps

    def _events(
        self, sender: Sender, values: Any, trace: Trace, rows: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return the events as bits, one row for each sample and step, and the class of lanes."""
        order = None
        if values is None:
            values = trace[sender.name].recorded.get("s")
            if values is None:
                raise InputError(
                    f"trace holds no spikes of {sender.name}; run with record=('s',), the default"
                )
        if isinstance(values, PackedSpikes):
            bits, order = values.bits.reshape(-1, values.bits.shape[-1]), values.order
        else:
            array = values if isinstance(values, np.ndarray) else values.array()
            given = array.reshape(-1, len(sender.classes))
            seen = given if given.dtype == np.uint8 else given != 0  # packed as 0 and 1 anyway
            bits = np.packbits(seen, axis=1, bitorder="little")
        if len(bits) != rows:
            raise InputError(
                f"trace has {len(bits)} columns of {sender.name}, the data {rows}; give the data "
                "of this very run"
            )
        return bits, self._in_lanes(sender, order, 8 * bits.shape[1])

    def _in_lanes(
        self, sender: Sender, order: NDArray[np.intp] | None, lanes: int
    ) -> NDArray[np.int32]:
        """Return the class of every lane, lanes without a neuron being of the last one."""
        key = (sender.name, lanes)
        known = self._lanes.get(key)
        if known is None or known[0] is not order:
            classes = np.full(lanes, len(sender.changes.starts) - 2, np.int32)
            classes[slice(len(sender.classes)) if order is None else order] = sender.classes
            known = (order, classes)
            self._lanes[key] = known
        return known[1]


def core_counts(program: Program, placement: Placement, x: Data, trace: Trace) -> CoreCounts:
    """Return what every core did in one run; `CoreCounter` prepares once for many."""
    return CoreCounter(program, placement).count(x, trace)
