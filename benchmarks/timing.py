"""Timing of contestants that take turns: A, B, A, B ..., never all of one before the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NOISE = 0.1
"""Relative difference of the two halves of a run from which it should be repeated."""


@dataclass(frozen=True)
class Contestant:
    """Something to time: ``run`` processes ``samples`` samples."""

    name: str
    run: Callable[[], Any]
    samples: int


@dataclass(frozen=True)
class Timing:
    """What one contestant took.

    seconds : per sample, one value for each turn. first : seconds of the very first call, which
    compiles and allocates and is in no turn. rounds : calls in a turn.
    """

    name: str
    seconds: tuple[float, ...]
    first: float
    rounds: int

    @property
    def median(self) -> float:
        """Median seconds per sample."""
        return float(np.median(self.seconds))

    @property
    def rate(self) -> float:
        """Samples per second, from the median."""
        return 1 / self.median

    @property
    def drift(self) -> float:
        """Relative difference of the medians of the first and the second half of the turns."""
        half = len(self.seconds) // 2
        if half == 0:
            return 0.0
        return abs(float(np.median(self.seconds[:half]) / np.median(self.seconds[half:])) - 1)

    def record(self) -> dict[str, Any]:
        """Return everything measured, for JSON."""
        return {
            "seconds_per_sample": list(self.seconds),
            "samples_per_second": self.rate,
            "first_call_seconds": self.first,
            "calls_per_turn": self.rounds,
            "halves_differ_by": self.drift,
        }


def cpu_clock() -> float:
    """Return the CPU seconds of this process, all its threads together."""
    return time.process_time()


def wall_clock() -> float:
    """Return wall-clock seconds."""
    return time.perf_counter()


def seconds(action: Callable[[], Any], clock: Callable[[], float], rounds: int = 1) -> float:
    """Return the time of one call of ``action``, the mean of ``rounds``."""
    start = clock()
    for _ in range(rounds):
        action()
    return (clock() - start) / rounds


def alternate(
    contestants: Iterable[Contestant],
    repeats: int,
    clock: Callable[[], float] = cpu_clock,
    turn_seconds: float = 0.1,
) -> dict[str, Timing]:
    """Let ``contestants`` take ``repeats`` turns each, in order, over and over.

    A turn is as many calls as take about ``turn_seconds``; two calls before the first turn are
    discarded.
    """
    entrants = list(contestants)
    firsts = [seconds(entrant.run, clock) for entrant in entrants]
    rounds = [max(1, round(turn_seconds / max(seconds(e.run, clock), 1e-7))) for e in entrants]
    taken: list[list[float]] = [[] for _ in entrants]
    for _ in range(repeats):
        for entrant, count, times in zip(entrants, rounds, taken, strict=True):
            times.append(seconds(entrant.run, clock, count) / entrant.samples)
    return {
        entrant.name: Timing(entrant.name, tuple(times), first, count)
        for entrant, times, first, count in zip(entrants, taken, firsts, rounds, strict=True)
    }


def fastest(timings: Mapping[str, Timing], names: Sequence[str]) -> Timing | None:
    """Return the one of ``names`` with the smallest median, None when there are none."""
    return min((timings[name] for name in names), key=lambda t: t.median, default=None)


def pair_ratios(slow: Timing, fast: Timing) -> list[float]:
    """Return, turn by turn, how many times faster ``fast`` was."""
    return [a / b for a, b in zip(slow.seconds, fast.seconds, strict=True)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, smallest value and quartiles."""
    low, middle, high = (float(v) for v in np.percentile(values, [25, 50, 75]))
    return {"median": middle, "min": min(values), "quartile1": low, "quartile3": high}
