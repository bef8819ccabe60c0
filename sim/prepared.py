"""A Program prepared to run: an engine, and what need be known of the program beside it."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

from neurodeploy.errors import CapacityError, InputError
from neurodeploy.memory import SMALLER_RUN, amount, require
from neurodeploy.program import Program
from neurodeploy.sim.engine import Engine
from neurodeploy.sim.inputs import Columns, Data, columns
from neurodeploy.sim.messages import MessageWatch
from neurodeploy.sim.options import Record, RunOptions
from neurodeploy.sim.plan import Outline
from neurodeploy.trace import Trace

ENVIRONMENT = ("NEURODEPLOY_ISA", "NEURODEPLOY_KERNEL")
"""Variables that an engine reads when it is built."""
KEPT = 4
KEPT_BYTES = 2**28


class Prepared:
    """An engine with the names and shapes that its results need; it holds no Program."""

    def __init__(self, engine: Engine, outline: Outline) -> None:
        self.engine, self.outline = engine, outline
        self._watch = MessageWatch([node.name for node in outline.inputs], outline.bits)

    @property
    def held_bytes(self) -> int:
        """Bytes that the engine itself counts; 0 for engines that only refer to the Program."""
        held: int = getattr(self.engine, "held_bytes", 0)
        return held

    def data(self, x: Data) -> Columns:
        """Return ``x`` checked and in the layout of the engines; see `MessageWatch`."""
        try:
            data = columns(self.outline.inputs, x, self.outline.columns)
        except CapacityError:
            raise
        except MemoryError as error:
            raise CapacityError(
                f"a copy of the input does not fit: {error}; give uint8 or int32, C-contiguous, "
                "which is not copied, or fewer samples at a time"
            ) from error
        if data.batch == 0:
            raise InputError("the batch is empty, expected at least one sample")
        self._watch.look(data.arrays)
        return data

    def run(self, data: Columns, stream: Any = None) -> Trace:
        """Run ``data`` from fresh states, or advance ``stream``.

        Raises CapacityError when that needs more memory than there is.
        """
        batch, steps = data.batch, data.steps
        self.require_memory(batch, steps)
        try:
            if stream is None:
                recording = self.engine.run(data.arrays)
            else:
                recording = self.engine.advance(stream, data.arrays)
        except MemoryError as error:
            size = amount(batch * steps * self.engine.column_bytes)
            raise CapacityError(
                f"out of memory in a run of {batch} samples x {steps} steps, whose records need "
                f"{size}; {SMALLER_RUN}"
            ) from error
        leading = (batch, steps) if data.batched else (steps,)
        return Trace(
            partial(recording.layers, self.outline, leading),
            partial(recording.activity, self.outline, steps),
        )

    def require_memory(self, samples: int, steps: int) -> None:
        """Raise CapacityError unless there is memory for the records of so many samples."""
        needed = samples * steps * self.engine.column_bytes
        require(needed, f"recording {samples} samples x {steps} steps")


class Recent:
    """The prepared programs that were run last, for as long as their Program exists.

    At most `KEPT` of them, and of all together `KEPT_BYTES`, as the engines count what they hold
    when one is added: packed weights, tables, parameters, memory of idle workers. No stream is
    kept: what is handed out runs from fresh states. May be used from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[int, Hashable], Prepared] = OrderedDict()
        self._programs: dict[int, weakref.ref[Program]] = {}
        self._gone: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, program: Program, options: RunOptions, build: Callable[[], Prepared]) -> Prepared:
        """Return what was built for this very object and these options, or ``build()``."""
        try:
            key = (id(program), _key(options))
            with self._lock:
                self._sweep()
                found = self._entries.get(key)
                if found is not None:
                    self._entries.move_to_end(key)
                    return found
        except TypeError:  # options that are no key are no good options either
            return build()
        prepared = build()
        with self._lock:
            if key[0] not in self._programs:
                self._programs[key[0]] = weakref.ref(program, partial(self._forget, key[0]))
            self._entries[key] = prepared
            while len(self._entries) > KEPT or self._held_bytes() > KEPT_BYTES:
                self._entries.popitem(last=False)
        return prepared

    def _held_bytes(self) -> int:
        return sum(prepared.held_bytes for prepared in self._entries.values())

    def _forget(self, number: int, _: object) -> None:
        """Drop a program that is collected, at once unless this very lock is held."""
        self._gone.append(number)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._lock.release()

    def _sweep(self) -> None:
        while self._gone:
            number = self._gone.popleft()
            self._programs.pop(number, None)
            for key in [key for key in self._entries if key[0] == number]:
                del self._entries[key]


def _key(options: RunOptions) -> Hashable:
    return (
        options.engine,
        options.timing,
        options.weights,
        options.steps,
        options.reset_interval,
        options.reset_offset,
        options.input_bits,
        _recorded(options.record),
        options.workers,
        *(os.environ.get(name) for name in ENVIRONMENT),
    )


def _recorded(record: Record) -> Hashable:
    if isinstance(record, str):
        return record
    if isinstance(record, Mapping):
        return tuple((name, v if isinstance(v, str) else tuple(v)) for name, v in record.items())
    return tuple(record)


def weight_bytes(program: Program) -> int:
    """Return the bytes of all weights as the records hold them."""
    rows = (connection.synapse.rows for connection in program.connections)
    return sum(weights.nbytes for weights in rows if weights is not None)
