"""The read-out rule and the confidence interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.accuracy import TIE, Accuracy, predictions, scores
from neurodeploy.errors import DataError, OptionError

REFERENCE = {"engine": "reference"}


def counter(variable: str = "s", window: int = 0, shape: Any = 2) -> nd.Program:
    """Two neurons that copy their graded input into u and spike when it is positive."""
    neuron = nd.CubaLif(current_decay=4096, voltage_decay=4096, threshold=0)
    return nd.Program(
        inputs=(nd.Input("x", shape, 8),),
        populations=(nd.Population("y", shape, neuron),),
        connections=(nd.Connection("x", "y", nd.Dense(np.eye(2, dtype=int))),),
        readout=nd.Readout("y", variable, window),
    )


X = np.array([[[1, 0], [1, 0], [0, 9]]])


@pytest.mark.parametrize(
    ("variable", "window", "expected"),
    [
        ("s", 0, [2, 1]),
        ("s", 2, [1, 1]),
        ("s", 1, [0, 1]),
        ("s", 3, [2, 1]),
        ("u", 0, [128, 576]),
        ("u", 2, [64, 576]),
    ],
)
def test_score_is_the_sum_over_the_last_window_columns(
    variable: str, window: int, expected: list[int]
) -> None:
    program = counter(variable, window)
    trace = nd.simulate(program, X, engine="reference")
    assert scores(program, trace).tolist() == [expected]


def test_window_longer_than_the_run_is_refused() -> None:
    program = counter(window=4)
    trace = nd.simulate(program, X, engine="reference")
    with pytest.raises(OptionError) as error:
        scores(program, trace)
    assert str(error.value) == (
        "readout: window is 4 steps, the run has 3; run as many steps, or read out over fewer"
    )


@pytest.mark.parametrize("shape", [2, (2, 1, 1)])
def test_stream_is_one_sample(shape: Any) -> None:
    """It used to give one row per step."""
    program = counter("u", 2, shape)
    trace = nd.simulate(program, X[0].reshape(3, *np.atleast_1d(shape)), engine="reference")
    assert scores(program, trace).tolist() == [[64, 576]]
    with pytest.raises(OptionError, match="the run has 1"):
        scores(program, nd.simulate(program, X[0, :1].reshape(1, 2), engine="reference"))


def test_scores_do_not_overflow_32_bits() -> None:
    program = counter("u")
    x = np.full((1, 600, 2), 2**16, np.int32)
    trace = nd.simulate(program, x, engine="reference")
    assert scores(program, trace)[0, 0] == 600 * 2**22


def test_a_tie_is_no_prediction() -> None:
    found = predictions(np.array([[3, 1, 2], [2, 2, 0], [0, 0, 0], [-5, -1, -3]]))
    assert found.tolist() == [0, TIE, TIE, 1]


def test_a_tie_counts_as_wrong_whatever_the_label() -> None:
    accuracy = Accuracy.of(np.array([0, TIE, 2]), np.array([0, 1, 1]))
    assert (accuracy.correct, accuracy.ties, accuracy.samples) == (1, 1, 3)
    assert accuracy.to_dict()["ties_count_as"] == "wrong"


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_wilson_interval(correct: int, samples: int, low: float, high: float) -> None:
    """Values of the score interval in Brown, Cai and DasGupta, Stat. Science 16 (2001)."""
    assert Accuracy(correct, 0, samples).interval == pytest.approx((low, high), abs=1e-4)


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="accuracy needs at least one sample"):
        Accuracy.of(np.zeros(0, np.int64), np.zeros(0, np.int64))
