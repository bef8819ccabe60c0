"""The spike trains that delta encoding makes of one channel within a box, exactly.

The reference of a train with n more ups than downs so far is ``r + threshold * n``, r the first
value. Each step of a train therefore limits r from one side or both, whatever the other values:

    up at t      high[t] >= ref + threshold                    r <= high[t] - threshold * (n + 1)
    down at t    low[t] <= ref - threshold                     r >= low[t] - threshold * (n - 1)
    silent at t  low[t] < ref + threshold, high[t] > ref - threshold
                                r > low[t] - threshold * (n + 1),  r < high[t] - threshold * (n - 1)

so a train is reachable if and only if the interval of r that is left holds an integer, and two
numbers and n are all that has to be known of the past.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurodeploy.encode.reach import Integers, Site

SPIKES = {"silent": (0, 0), "up": (1, 0), "down": (0, 1)}


class Past(NamedTuple):
    """What is left of a train's past. net : ups less downs. low, high : of the first value."""

    net: int
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class Paths(Site):
    """The trains of one channel. cells : ``(2 * steps,)``, up and down line of every step.

    low, high : of the datum, per step. threshold : of the encoder.
    """

    cells: NDArray[np.int64]
    low: tuple[int, ...]
    high: tuple[int, ...]
    threshold: int

    @property
    def start(self) -> Past:
        """What is known before the first step."""
        return Past(0, self.low[0], self.high[0])

    def moves(self, t: int, past: Past) -> Iterator[tuple[str, Past]]:
        """Yield what can happen at step ``t``, and the past after it."""
        if t == 0:  # the reference is the first value itself
            yield "silent", past
            return
        step, net = self.threshold, past.net
        above, below = self.low[t] - step * (net + 1) + 1, self.high[t] - step * (net - 1) - 1
        options = {
            "silent": Past(net, max(past.low, above), min(past.high, below)),
            "up": Past(net + 1, past.low, min(past.high, self.high[t] - step * (net + 1))),
            "down": Past(net - 1, max(past.low, self.low[t] - step * (net - 1)), past.high),
        }
        for name, after in options.items():
            if after.low <= after.high:
                yield name, after

    @cached_property
    def _layers(self) -> list[Counter[Past]]:
        """Number of trains behind every past, before each step and after the last."""
        layers = [Counter({self.start: 1})]
        for t in range(len(self.low)):
            after: Counter[Past] = Counter()
            for past, trains in layers[-1].items():
                for _, following in self.moves(t, past):
                    after[following] += trains
            layers.append(after)
        return layers

    @property
    def count(self) -> int:
        return sum(self._layers[-1].values()) if self.low else 1

    def rows(self) -> Iterator[Integers]:
        if self.low:
            yield from self._continued((), self.start)
        else:
            yield np.zeros(0, np.int32)

    def _continued(self, train: tuple[int, ...], past: Past) -> Iterator[Integers]:
        t = len(train) // 2
        if t == len(self.low):
            yield np.array(train, np.int32)
            return
        for name, after in self.moves(t, past):
            yield from self._continued((*train, *SPIKES[name]), after)

    def holds(self, row: Integers) -> bool:
        names = {spikes: name for name, spikes in SPIKES.items()}
        past = self.start if self.low else Past(0, 0, 0)
        pairs: list[Any] = row.reshape(-1, 2).tolist()
        for t, pair in enumerate(pairs):
            options = dict(self.moves(t, past))
            name = names.get(tuple(pair), "")
            if name not in options:
                return False
            past = options[name]
        return True

    @property
    def ends(self) -> tuple[Integers, Integers]:
        low, high = (np.zeros((len(self.low), 2), np.int32) for _ in range(2))
        for t in range(len(self.low)):
            found = [SPIKES[n] for past in self._layers[t] for n, _ in self.moves(t, past)]
            low[t], high[t] = np.min(found, axis=0), np.max(found, axis=0)
        return low.reshape(-1), high.reshape(-1)
