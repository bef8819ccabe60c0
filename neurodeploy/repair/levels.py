"""Weights rounded to as few values as a neuron or a core has levels for.

The levels of a neuron are those that lose the least: the sum over its weights other than zero of
``(w - level)^2`` is the smallest that so many levels allow, found by dynamic programming over the
sorted values (weights in order are in the levels' order). Levels are rounded to integers.

Source: Wang and Song, Ckmeans.1d.dp, The R Journal 3(2), 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.repair.edits import concerned, into, population_of, with_weights
from neurodeploy.repair.record import Draft, Outcome, Repair
from neurodeploy.rules import Violation
from neurodeploy.rules.limits import stated

Weights = NDArray[np.int64]


def share_levels(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Round the weights into each neuron, or into all neurons of a population, to few levels."""
    draft = Draft(program)
    precision = profile.precision
    each = stated(precision.weight_levels_per_neuron_max)
    core = stated(precision.weight_levels_per_core_max)
    for name in concerned(program, found):
        numbers = [n for n in into(program, name) if program.connections[n].synapse.has_weight]
        rows = {n: np.asarray(program.connections[n].synapse.rows, np.int64) for n in numbers}
        new = {n: part.copy() for n, part in rows.items()}
        size = population_of(program, name).size
        if core is not None:
            _round(new, [dict.fromkeys(new, slice(None))], core)
        if each is not None:
            _round(new, list(_neurons(new, size)), each)
        draft.program = with_weights(draft.program, new)
        lost = sum(float(np.square(new[n] - rows[n]).sum()) for n in numbers)
        whole = sum(float(np.square(rows[n]).sum()) for n in numbers)
        text = (
            f"weights rounded to {_said(each, core)}, moved by {(lost / max(whole, 1)) ** 0.5:.1%}"
        )
        draft.changed(f"population {name}", f"{text} of their size", exact=lost == 0)
    return draft.outcome()


def _said(each: int | None, core: int | None) -> str:
    parts = [f"{core} levels in all"] if core is not None else []
    parts += [f"{each} levels a neuron"] if each is not None else []
    return " and ".join(parts)


def _neurons(rows: dict[int, Weights], size: int) -> Iterator[dict[int, Any]]:
    """Yield the rows of each neuron, one for each connection; a kernel has one for a channel."""
    lengths = {len(part) for part in rows.values()}
    count = lengths.pop() if len(lengths) == 1 else size
    for neuron in range(count):
        yield {n: neuron * len(part) // count for n, part in rows.items()}


def _round(rows: dict[int, Weights], places: list[dict[int, Any]], levels: int) -> None:
    for place in places:
        values = np.concatenate([rows[n][index].reshape(-1) for n, index in place.items()])
        table = nearest_levels(values[values != 0], levels)
        for n, index in place.items():
            part = rows[n][index]
            known = np.isin(part, list(table))
            mapped = np.array([table[int(w)] for w in part[known]], np.int64)
            part = part.copy()
            part[known] = mapped
            rows[n][index] = part


def nearest_levels(values: Weights, levels: int) -> dict[int, int]:
    """Return the level of every value: the least squared error that so many levels allow.

    values : int64 ``(n,)``, repetitions count. Values that have a level each keep it.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= levels:
        return {int(value): int(value) for value in distinct}
    cost = _Cost(distinct.astype(np.float64), counts.astype(np.float64))
    best = np.array([cost.of(np.array([0]), end)[0] for end in range(len(distinct))])
    starts = [np.zeros(len(distinct), np.int64)]
    for _ in range(1, levels):
        following, chosen = best.copy(), np.zeros(len(distinct), np.int64)
        for end in range(1, len(distinct)):
            first = np.arange(1, end + 1)
            total = best[first - 1] + cost.of(first, end)
            place = int(np.argmin(total))
            if total[place] < following[end]:
                following[end], chosen[end] = total[place], first[place]
        best = following
        starts.append(chosen)
    return _table(distinct, counts, starts)


class _Cost:
    """Squared error of a run of sorted values around their mean, from running sums."""

    def __init__(self, values: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
        self._n = np.concatenate([[0], np.cumsum(counts)])
        self._sum = np.concatenate([[0], np.cumsum(counts * values)])
        self._square = np.concatenate([[0], np.cumsum(counts * values**2)])

    def of(self, first: NDArray[np.int64], last: int) -> NDArray[np.float64]:
        """Return the cost of the runs ``first..last``, both included."""
        n = self._n[last + 1] - self._n[first]
        total = self._sum[last + 1] - self._sum[first]
        found: NDArray[np.float64] = self._square[last + 1] - self._square[first] - total**2 / n
        return found


def _table(
    distinct: Weights, counts: NDArray[np.int64], starts: list[NDArray[np.int64]]
) -> dict[int, int]:
    """Walk back through the chosen starts; a level of 0 is no connection."""
    found: dict[int, int] = {}
    end = len(distinct) - 1
    for chosen in reversed(starts):
        first = int(chosen[end])
        run, weight = distinct[first : end + 1], counts[first : end + 1]
        level = int(np.rint(np.average(run, weights=weight)))
        found |= {int(value): level for value in run}
        end = first - 1
        if end < 0:
            break
    return found


LEVELS = Repair(
    "share-levels",
    ("weight_levels",),
    "weights rounded to the levels of a neuron or a core",
    share_levels,
)
