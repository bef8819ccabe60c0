"""The native engine: compiled kernels, equal to the reference bit for bit.

`NativeEngine` translates a `Plan` once into a `_native.Network` and runs that. Which kernels run is
decided when the engine is built: the fastest that this processor has, or what the environment
variables ``NEURODEPLOY_ISA`` and ``NEURODEPLOY_KERNEL`` name.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import EngineError, InputError, OptionError
from neurodeploy.recording import PackedSpikes
from neurodeploy.sim.engine import Recording
from neurodeploy.sim.native_module import _native
from neurodeploy.sim.native_network import build, states
from neurodeploy.sim.native_report import EngineReport, engine_report
from neurodeploy.sim.plan import Plan

ISA_VARIABLE = "NEURODEPLOY_ISA"
INSTRUCTION_SETS = ("avx512", "avx2", "portable")
KERNEL_VARIABLE = "NEURODEPLOY_KERNEL"
KERNELS = ("rows", "subsets", "tiles", "dense")
"""How binary events meet the weights of a connection; the engine chooses by activity, or takes
``NEURODEPLOY_KERNEL`` where that way exists:

rows : rows of weights (or kernel taps) of active inputs are added. subsets : rows of tables that
hold the sums over every subset of a few inputs. tiles : 8-bit dot products of groups of four
inputs that are active within four columns. dense : those of all groups.
"""

_Values = NDArray[Any] | PackedSpikes

_logger = logging.getLogger(__name__)

_SENT = -1


@cache
def instruction_sets() -> tuple[str, ...]:
    """Return the instruction sets that can run here, fastest first."""
    return tuple(_native.instruction_sets())


def instruction_set() -> str:
    """Return the instruction set in use: that of ``NEURODEPLOY_ISA``, else the fastest.

    Raises as `forced_instruction_set`.
    """
    return forced_instruction_set() or instruction_sets()[0]


def forced_instruction_set() -> str:
    """Return the instruction set that ``NEURODEPLOY_ISA`` names, "" where the kernels may choose.

    Raises OptionError for a name that does not exist, EngineError for one that this processor or
    this build lacks.
    """
    wanted = os.environ.get(ISA_VARIABLE, "")
    if wanted == "":
        return ""
    if wanted not in INSTRUCTION_SETS:
        raise OptionError(
            f"{ISA_VARIABLE} is {wanted!r}, expected one of {', '.join(INSTRUCTION_SETS)}"
        )
    if wanted not in instruction_sets():
        raise EngineError(
            f"{ISA_VARIABLE} is {wanted!r}, available here are {', '.join(instruction_sets())}"
        )
    return wanted


def forced_kernel() -> str:
    """Return the kernel that ``NEURODEPLOY_KERNEL`` names, "" for a choice by activity.

    Raises OptionError for a name that does not exist.
    """
    wanted = os.environ.get(KERNEL_VARIABLE, "")
    if wanted and wanted not in KERNELS:
        raise OptionError(f"{KERNEL_VARIABLE} is {wanted!r}, expected one of {', '.join(KERNELS)}")
    return wanted


@dataclass(frozen=True)
class KernelWork:
    """What one kernel has done for one connection, counted in vectors of 64 bytes.

    edge : connection. kernel : one of `KERNELS`. vector_adds : weights or table rows added to
    sums. dot_products : vectors of 16 sums, each of four spikes times four 8-bit weights.
    """

    edge: str
    kernel: str
    vector_adds: int
    dot_products: int


@dataclass
class NativeState:
    """State of a batch between calls.

    batch : samples. column : the next column. memory : uint8 ``(batch, state_bytes)`` in the
    kernels' own layout, None before column 0.
    """

    batch: int
    column: int = 0
    memory: NDArray[np.uint8] | None = None

    def move(self, columns: int, memory: NDArray[np.uint8]) -> None:
        """Go on by ``columns``, in one step, which no signal handler can come between."""
        self.__dict__.update(column=self.column + columns, memory=memory)


class NativeEngine:
    """Runs a `Plan` with compiled kernels. It keeps the plan's outline, not its weights.

    faultable : whether `run_faulty` may change messages and weights of connections.
    """

    def __init__(self, plan: Plan, faultable: bool = False) -> None:
        self.instruction_set = instruction_set()
        self.outline = plan.outline
        self._network = _native.Network(self.instruction_set, forced_kernel())
        self._edges = build(self._network, plan, faultable)
        self._threads = plan.options.workers
        self._sizes = tuple(node.size for node in plan.program.inputs)
        self._rows = len(self._sizes) + 3 * len(plan.stages) + 2 * len(plan.edges)
        self._records = tuple(_records(plan, self._network))
        self.column_bytes = sum(record.row_bytes for record in self._records)
        if _logger.isEnabledFor(logging.DEBUG):
            for line in self.report().lines():
                _logger.debug("%s", line)

    @property
    def held_bytes(self) -> int:
        """Bytes held between runs: packed weights, tables, parameters, memory of idle workers."""
        orders = (record.order for record in self._records)
        return self._network.held_bytes + sum(o.nbytes for o in orders if o is not None)

    def report(self) -> EngineReport:
        """Return which kernels and widths were chosen when the engine was built, and why."""
        return engine_report(self._network, self._edges, tuple(self.outline.populations))

    def kernel_work(self) -> list[KernelWork]:
        """Return what binary events have cost in all runs so far, by connection and kernel."""
        return [
            KernelWork(self._edges[operation], kernel, adds, dots)
            for operation, kernel, adds, dots in self._network.efforts()
        ]

    def fresh(self, batch: int) -> NativeState:
        """Return the state before column 0."""
        return NativeState(batch)

    def advance(self, state: NativeState, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run all columns of ``inputs``; see `neurodeploy.sim.engine.Engine`.

        ``state`` changes only when the call returns: an interrupt leaves it as it was. Raises
        InputError for arrays of another type, shape or batch.
        """
        memory = np.empty((state.batch, self._network.state_bytes), np.uint8)
        recording = self._execute(state, inputs, memory)
        state.move(inputs[0].shape[1], memory)
        return recording

    def run(self, inputs: Sequence[NDArray[Any]]) -> Recording:
        """Run independent samples from fresh states and keep none: `advance` without its memory."""
        return self._execute(NativeState(inputs[0].shape[0]), inputs, None)

    def run_faulty(
        self,
        inputs: Sequence[NDArray[Any]],
        faults: NDArray[np.int64],
        owners: NDArray[np.int32],
        rows: NDArray[np.int32] | None = None,
    ) -> Recording:
        """Run independent samples with faults, as `neurodeploy.sim.faults.native` lists them.

        owners : int32 ``(batch,)``, the number of each sample's list. rows : int32 ``(batch,)``,
        which of the inputs each sample is given; None for its own.
        """
        return self._execute(NativeState(len(owners)), inputs, None, (faults, owners, rows))

    def _execute(
        self,
        state: NativeState,
        inputs: Sequence[NDArray[Any]],
        memory: NDArray[np.uint8] | None,
        faulty: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None] | None = None,
    ) -> Recording:
        faults, owners, rows = faulty or (None, None, None)
        self._check(state.batch if rows is None else len(inputs[0]), inputs)
        batch, steps = state.batch, inputs[0].shape[1]
        counts = np.zeros((self._rows, batch), np.int64)
        arrays: list[dict[str, NDArray[Any] | PackedSpikes]] = [
            {} for _ in self.outline.populations
        ]
        records = []
        for record in self._records:
            values, array = record.allocate(batch, steps)
            arrays[record.stage][record.name] = values
            records.append((record.stage, record.variable, array))
        self._network.run(
            state.column,
            steps,
            [_plain(array) for array in inputs],
            state.memory,
            memory,
            records,
            counts,
            self._threads,
            faults,
            owners,
            rows,
        )
        return Recording(arrays, counts)

    def _check(self, batch: int, inputs: Sequence[NDArray[Any]]) -> None:
        nodes = self.outline.inputs
        if len(inputs) != len(nodes):
            raise InputError(f"{len(inputs)} arrays are given for {len(nodes)} inputs")
        steps = inputs[0].shape[1:2]
        for node, size, array in zip(nodes, self._sizes, inputs, strict=True):
            expected = (batch, *steps, size)
            if array.shape != expected:
                raise InputError(f"input {node.name}: has shape {array.shape}, expected {expected}")
            if array.dtype != np.uint8 and array.dtype != np.int32:
                raise InputError(
                    f"input {node.name}: has dtype {array.dtype}, expected uint8 or int32"
                )


@dataclass(frozen=True)
class _Record:
    """A variable to record.

    variable : number of the state, or -1 for what is sent. row_bytes : of one sample and column.
    packed : whether they are spikes, one bit per lane. order : lane of every neuron, for spikes.
    """

    stage: int
    variable: int
    name: str
    shape: tuple[int, ...]
    row_bytes: int
    packed: bool
    order: NDArray[np.intp] | None

    def allocate(self, batch: int, steps: int) -> tuple[_Values, NDArray[Any]]:
        """Return what the user gets, and the array that is to be filled: the same, or its bits."""
        if self.packed:
            bits = np.empty((batch, steps, self.row_bytes), np.uint8)
            return PackedSpikes(bits, (batch, steps, *self.shape), self.order), bits
        array = np.empty((batch, steps, *self.shape), np.int32)
        return array, array


def _records(plan: Plan, network: _native.Network) -> Iterator[_Record]:
    """Yield what is to be recorded, stage after stage."""
    for stage in plan.stages:
        population, numbers = stage.population, states(stage.population.neuron)
        for name in stage.recorded:
            packed = name == "s" and not population.neuron.graded
            yield _Record(
                stage=stage.index,
                variable=_SENT if name == "s" else numbers.index(name),
                name=name,
                shape=population.shape,
                row_bytes=network.lanes(stage.index) // 8 if packed else 4 * population.size,
                packed=packed,
                order=_order(network, stage.index) if packed else None,
            )


def _order(network: _native.Network, stage: int) -> NDArray[np.intp] | None:
    """Return the lane of every neuron, or None where they are the same."""
    lanes = np.array(network.order(stage), np.intp)
    return None if np.array_equal(lanes, np.arange(len(lanes))) else lanes


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return ``array`` as the kernels can read it: C-contiguous and aligned."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned:
        return array
    return np.require(array, requirements=["C", "A"])
