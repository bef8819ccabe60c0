"""The independent checker: every claim is derived again, from the program and the data claimed.

* interval, segment: the smallest margin over the box of columns, `Run` and `Linear`; for segments
  the spike trains of the first layer come from the table, which is checked itself.
* complete: every datum of the ball, on the engine.
* falsified: the counter-example, on the engine.

A claim holds when its margin is the one that comes out, and its verdict follows from it: certified
above 0, falsified up to 0. An open sample claims nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import windowed
from neurodeploy.certificates.claims import (
    CERTIFIED,
    FALSIFIED,
    OPEN,
    VERDICTS,
    Claims,
    Method,
    known,
)
from neurodeploy.certificates.intervals import Pair, Run
from neurodeploy.certificates.readout import Linear, plain, weighted
from neurodeploy.certificates.table import Table
from neurodeploy.encode import Direct, encoder_from_metadata
from neurodeploy.errors import FormatError, NeurodeployError
from neurodeploy.fixedpoint import IntArray
from neurodeploy.program import Program
from neurodeploy.sim import compile
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import prepare

BATCH, MOST_POINTS, CELLS = 500, 2**20, 2**22
"""Samples at a time; data of one ball that are tried; values of a step of intervals at a time."""


@dataclass(frozen=True)
class Problem:
    """A claim that does not hold. sample : its number. budget : in steps of the data."""

    sample: int
    budget: int
    what: str


def check(claims: Claims, program: Program) -> Iterator[Problem]:
    """Yield every claim that does not hold.

    Raises FormatError for certificates of another program, or whose content makes no sense.
    """
    if claims.program != program.digest:
        raise FormatError(
            f"certificates are of program {claims.program[:12]}, this one is {program.digest[:12]}"
        )
    yield from _Checker(claims, program).problems()


class _Checker:
    def __init__(self, claims: Claims, program: Program) -> None:
        self.claims, self.program = claims, program
        try:
            self.encoder = encoder_from_metadata(claims.encoder)
            options = RunOptions(weights=claims.weights, input_bits=claims.input_bits)
            self.plan = prepare(program, options)
            self.linear = Linear(self.plan, claims.columns)
        except (NeurodeployError, TypeError) as error:
            raise FormatError(f"certificates: {error}") from error
        self.run = compile(
            program, weights=claims.weights, input_bits=claims.input_bits, record=()
        ).run

    def problems(self) -> Iterator[Problem]:
        yield from self._wrong(self._out_of_range(), "is outside of the data's range")
        for number, budget in enumerate(self.claims.budget.tolist()):
            verdict, method = self.claims.verdict[:, number], self.claims.method[:, number]
            used = np.zeros(len(verdict), np.bool_)
            for kind, wanted, derive in (
                (Method.INTERVAL, CERTIFIED, self._intervals),
                (Method.SEGMENT, CERTIFIED, self._segments),
                (Method.COMPLETE, CERTIFIED, self._every),
                (Method.COMPLETE, FALSIFIED, self._counter),
            ):
                rows = np.flatnonzero((method == kind) & (verdict == wanted))
                used[rows] = True
                for start in range(0, len(rows), BATCH):
                    some = rows[start : start + BATCH]
                    yield from self._compared(some, number, derive(some, number))
            used |= (verdict == OPEN) & (method == Method.NONE)
            for row in np.flatnonzero(~used):
                yield self._problem(row, budget, "names no method that the checker knows")

    def _compared(self, rows: IntArray, number: int, found: IntArray | str) -> Iterator[Problem]:
        budget, claims = int(self.claims.budget[number]), self.claims
        for place, row in enumerate(rows):
            verdict = VERDICTS[claims.verdict[row, number]]
            if isinstance(found, str):
                yield self._problem(row, budget, found)
            elif found[place] != claims.margin[row, number]:
                what = f"margin {claims.margin[row, number]}, {found[place]} comes out"
                yield self._problem(row, budget, f"{verdict} with {what}")
            elif (found[place] > 0) != (verdict == "certified"):
                yield self._problem(row, budget, f"margin {found[place]} makes it not {verdict}")

    def _problem(self, row: Any, budget: int, what: str) -> Problem:
        return Problem(int(self.claims.sample[row]), budget, what)

    def _wrong(self, rows: IntArray, what: str) -> Iterator[Problem]:
        yield from (self._problem(row, 0, what) for row in rows)

    def _out_of_range(self) -> IntArray:
        flat, claims = self.claims.x.reshape(len(self.claims.x), -1), self.claims
        wrong = ((flat < claims.low) | (flat > claims.high)).any(axis=1)
        classes = (claims.label < 0) | (claims.label >= self.program.classes)
        return np.flatnonzero(wrong | classes)

    def _ball(self, rows: IntArray, number: int) -> Pair:
        x, steps = self.claims.x[rows].astype(np.int64), int(self.claims.budget[number])
        return np.maximum(x - steps, self.claims.low), np.minimum(x + steps, self.claims.high)

    def _columns(self, rows: IntArray, low: Any, high: Any) -> list[NDArray[Any]]:
        """Return the ends of the columns of all data from low to high, ``(n, T, size)`` each."""
        lengths, steps = self.claims.length[rows], self.claims.columns
        given = None if (lengths < 0).any() else lengths
        result = []
        for part in self.encoder.ends(low, high, self.claims.sample[rows], given):
            flat = part.reshape(len(part), part.shape[1], -1)[:, :steps]
            result.append(np.pad(flat, ((0, 0), (0, steps - flat.shape[1]), (0, 0))))
        return result

    def _answers(self, rows: IntArray, x: NDArray[Any]) -> IntArray:
        """Return ``score[label] - largest other`` of data in place of those of ``rows``."""
        columns, _ = self._columns(rows, x, x)
        readout = self.program.readout
        trace = self.run(columns)[readout.population].arrays[readout.variable]
        score = windowed(self.program, trace)
        at = np.arange(len(rows)), self.claims.label[rows]
        own = score[at]
        score[at] = -(2**62)
        return np.asarray(own - score.max(axis=1))

    def _counter(self, rows: IntArray, number: int) -> IntArray | str:
        at = self.claims.counter_at[rows, number]
        if (at < 0).any() or (at >= len(self.claims.counter)).any():
            return "names no counter-example"
        x, (low, high) = self.claims.counter[at], self._ball(rows, number)
        if (x < low).any() or (x > high).any():
            return "the counter-example of one of these samples is outside of its ball"
        return self._answers(rows, x)

    def _every(self, rows: IntArray, number: int) -> IntArray | str:
        least = []
        for row, low, high in zip(rows, *self._ball(rows, number), strict=True):
            sets = [self._values(*ends) for ends in zip(low.flat, high.flat, strict=True)]
            sizes = [len(values) for values in sets]
            if math.prod(sizes) > MOST_POINTS:
                return "claims a complete search of more data than the checker tries"
            free = [k for k, size in enumerate(sizes) if size > 1]
            smallest, whole = 2**62, [sizes[k] for k in free] or [1]
            for start in range(0, math.prod(sizes), 4096):
                place = np.arange(start, min(start + 4096, math.prod(sizes)))
                x = np.repeat(np.array([values[0] for values in sets])[None], len(place), axis=0)
                for k, digit in zip(free, np.unravel_index(place, whole), strict=False):
                    x[:, k] = sets[k][digit]
                x = x.reshape(-1, *low.shape)
                smallest = min(smallest, int(self._answers(np.full(len(x), row), x).min()))
            least.append(smallest)
        return np.array(least, np.int64)

    def _values(self, low: int, high: int) -> NDArray[Any]:
        """Return data from low to high; of those on one level of a direct encoder, one."""
        every = np.arange(low, high + 1)
        if not isinstance(self.encoder, Direct):
            return every
        return every[np.unique(self.encoder.values(every), return_index=True)[1]]

    def _intervals(self, rows: IntArray, number: int) -> IntArray | str:
        if not known(self.program):
            return "claims intervals of models that the checker does not know"
        size = self.program.inputs[0].size + sum(p.size for p in self.program.populations)
        parts = []
        for some in np.array_split(rows, 1 + len(rows) * size // CELLS):
            low, high = self._columns(some, *self._ball(some, number))
            steps = [
                (low[:, t].astype(np.int64), high[:, t].astype(np.int64))
                for t in range(self.claims.columns)
            ]
            parts.append(self._margins(some, [(pair, {}) for pair in steps]))
        return np.concatenate(parts)

    def _segments(self, rows: IntArray, number: int) -> IntArray | str:
        if self._table_problem:
            return self._table_problem
        encoder = cast(Direct, self.encoder)
        level = [encoder.values(x).reshape(len(rows), -1) for x in self._ball(rows, number)]
        run, current = Run(self.plan, len(rows)), (np.zeros(1, np.int64), np.zeros(1, np.int64))
        for edge in self._first.incoming:
            low, high = run.current(edge, (level[0], level[1]))
            current = current[0] + low, current[1] + high
        table, steps = self._table, range(self.claims.columns)
        fails = run.fails | ~table.covers(current)
        if self.linear.source == self._first.index:
            spikes = table.train.sum(axis=1, dtype=np.int64)
            fails |= ~self.linear.safe(table.reached(spikes, current)[1])
            values = np.tensordot(table.train, self.linear.weights, axes=(1, 0))
            k = table.reached(values, current)
            return np.where(fails, -1, self.linear.margins(*k, self.claims.label[rows]))
        if not known(self.program):
            return "claims intervals of models that the checker does not know"
        trains = (table.reached(table.train[:, t].astype(np.int64), current) for t in steps)
        shape = (len(rows), *self._first.population.shape)
        given = [{self._first.index: (s[0].reshape(shape), s[1].reshape(shape))} for s in trains]
        return np.where(fails, -1, self._margins(rows, [(None, one) for one in given]))

    def _margins(self, rows: IntArray, steps: list[Any]) -> IntArray:
        """Return the smallest margins of a run of intervals: (inputs, given) for each step."""
        run, readout = Run(self.plan, len(rows)), self.program.readout
        place = "suv".index(readout.variable)
        label, spikes, read = self.claims.label[rows], [], []
        for inputs, given in steps:
            found = run.advance(inputs, given)
            read.append(found[self.program.index(readout.population)][place])
            spikes.append(found[self.linear.source][0])
        low, high = (np.stack([pair[end] for pair in read], axis=1) for end in (0, 1))
        margin = plain(self.program, low, high, label)
        if self.linear.source >= 0:
            _, most = weighted(spikes, np.ones(len(spikes), np.int64))
            better = self.linear.margins(*weighted(spikes, self.linear.weights), label)
            margin = np.where(self.linear.safe(most), better, margin)
        return np.where(run.fails, -1, margin)

    @cached_property
    def _table(self) -> Table:
        return Table(self.claims)

    @cached_property
    def _first(self) -> Any:
        return next(s for s in self.plan.stages if any(e.from_input for e in s.incoming))

    @cached_property
    def _table_problem(self) -> str:
        """What keeps segments from proving anything, "" for nothing."""
        fed = [s for s in self.plan.stages if any(e.from_input for e in s.incoming)]
        plain_edges = all(
            e.from_input and e.port == "a" and not e.latency and not e.synapse.max_delay
            for e in self._first.incoming
        )
        encoder = self.encoder
        if not isinstance(encoder, Direct) or self.claims.columns > encoder.steps:
            return "claims segments of an input that is not constant"
        if len(fed) != 1 or not plain_edges:
            return "claims segments of a first layer that more than the input drives"
        return self._table.problem(self._first.population)
