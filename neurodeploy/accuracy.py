"""From a trace to a class: the read-out rule, and accuracy with its confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import DataError, OptionError
from neurodeploy.program import Program, Readout
from neurodeploy.trace import Trace

TIE = -1
"""Prediction of a sample whose largest score is reached by more than one class."""
Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def scores(program: Program, trace: Trace) -> NDArray[np.int64]:
    """Return the score of each class, int64 ``(batch, classes)``; a stream is one sample.

    ``score = sum of the read-out variable over the last window columns`` (all for window 0) and
    over the ``pool`` neurons of the class, in 64 bits; neurons in C,H,W order.

    Raises OptionError for a window of more steps than the trace has.
    """
    readout = program.readout
    array = trace[readout.population].arrays[readout.variable]
    is_stream = array.ndim == 1 + len(program.node(readout.population).shape)
    return windowed(program, array[np.newaxis] if is_stream else array)


def windowed(program: Program, array: NDArray[Any]) -> NDArray[np.int64]:
    """Return the `scores` of a read-out variable, ``(batch, steps, *shape)``."""
    readout, steps = program.readout, array.shape[1]
    kept = array[:, steps - columns_read(readout, steps) :]
    total = kept.sum(axis=1, dtype=np.int64)
    return np.asarray(total.reshape(len(total), program.classes, readout.pool).sum(axis=2))


def columns_read(readout: Readout, steps: int) -> int:
    """Return how many of the last columns of a run of ``steps`` are read: the window, or all.

    Raises OptionError for a window of more steps than there are.
    """
    if readout.window > steps:
        raise OptionError(
            f"readout: window is {readout.window} steps, the run has {steps}; run as many steps, "
            "or read out over fewer"
        )
    return readout.window or steps


def predictions(score: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of the largest score per sample, or `TIE` where two classes share it."""
    best = score.max(axis=1, keepdims=True)
    unique = (score == best).sum(axis=1) == 1
    return np.where(unique, score.argmax(axis=1), TIE)


@dataclass(frozen=True)
class Accuracy:
    """Share of samples that were classified correctly; a tie counts as wrong.

    low, high : ends of the 95 % Wilson score interval.

    Source: E. B. Wilson, JASA 22 (1927), 209-212.
    """

    correct: int
    ties: int
    samples: int

    @property
    def rate(self) -> float:
        """correct / samples."""
        return self.correct / self.samples

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval ``(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``."""
        n, p, z = self.samples, self.rate, Z95
        centre = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)

    @classmethod
    def of(cls, predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> Accuracy:
        """Count ``predicted`` against ``labels``. Raises DataError when there are none."""
        if len(labels) == 0:
            raise DataError("accuracy needs at least one sample, got none")
        return cls(
            correct=int(np.count_nonzero(predicted == labels)),
            ties=int(np.count_nonzero(predicted == TIE)),
            samples=len(labels),
        )

    def to_dict(self) -> dict[str, int | float | str]:
        """Return plain numbers, the interval and the rules that gave them."""
        low, high = self.interval
        return {
            "correct": self.correct,
            "ties": self.ties,
            "samples": self.samples,
            "rate": self.rate,
            "low": low,
            "high": high,
            "interval": "95 % Wilson score interval",
            "ties_count_as": "wrong",
        }
