"""Taps of folded pools, and non-zero weights of a run, against counters written here."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.lowering import fold_pool_conv, fold_pool_dense
from neurodeploy.sim.fanout import fan_out

SHAPE = (2, 9, 7)


def folded(
    synapse: nd.Dense | nd.Conv2d, window: str | int, key: str = "pooled_from.x->a"
) -> nd.Program:
    shape = synapse.output_shape(SHAPE) if isinstance(synapse, nd.Conv2d) else (4,)
    return nd.Program(
        inputs=(nd.Input("x", SHAPE),),
        populations=(nd.Population("a", shape, nd.CubaLif(4096, 0, 1)),),
        connections=(nd.Connection("x", "a", synapse),),
        readout=nd.Readout("a"),
        metadata={key: window},
    )


def taps_of_pooled_conv(
    weight: Any, pool: int, stride: int, dilation: int
) -> tuple[list[int], list[int]]:
    """Count, cell by cell, the taps of a convolution over sums of pool x pool cells."""
    out, channels, rows, cols = weight.shape
    heights, widths = SHAPE[1] // pool, SHAPE[2] // pool
    ys = range((heights - dilation * (rows - 1) - 1) // stride + 1)
    xs = range((widths - dilation * (cols - 1) - 1) // stride + 1)
    taps, nonzero = [], []
    for channel, y, x in itertools.product(range(channels), range(SHAPE[1]), range(SHAPE[2])):
        reached = [
            weight[o, channel, i, j]
            for o, a, b in itertools.product(range(out), ys, xs)
            for i, j in itertools.product(range(rows), range(cols))
            if (a * stride + dilation * i, b * stride + dilation * j) == (y // pool, x // pool)
        ]
        taps.append(len(reached))
        nonzero.append(int(np.count_nonzero(reached)))
    return taps, nonzero


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (1, 3)])
def test_gaps_of_a_folded_kernel_are_no_taps(stride: int, dilation: int) -> None:
    rng = np.random.default_rng(stride * 10 + dilation)
    weight = rng.integers(-1, 2, (3, 2, 2, 1)).astype(np.int32)
    weight[0, 0] = 1  # no tap that is 0 everywhere
    synapse = nd.Conv2d(fold_pool_conv(weight, 2, dilation), stride * 2)
    fan = fan_out(folded(synapse, 2), 0)
    taps, nonzero = taps_of_pooled_conv(weight, 2, stride, dilation)
    assert fan.taps.tolist() == taps
    assert fan.nonzero.tolist() == nonzero


def test_cells_that_no_window_covers_are_no_taps_of_a_matrix() -> None:
    weight = np.arange(1, 1 + 4 * 2 * 4 * 3, dtype=np.int32).reshape(4, 24)
    weight[1, 5] = 0
    fan = fan_out(folded(nd.Dense(fold_pool_dense(weight, 2, SHAPE)), 2), 0)
    cells = np.zeros(SHAPE, int)
    cells[:, :8, :6] = 4
    assert fan.taps.tolist() == cells.reshape(-1).tolist()
    assert fan.nonzero.sum() == 4 * np.count_nonzero(weight)


@pytest.mark.parametrize("window", ["2x2", 2])
def test_the_window_is_read_as_each_converter_writes_it(window: str | int) -> None:
    weight = np.ones((4, 24), np.int32)
    program = folded(nd.Dense(fold_pool_dense(weight, 2, SHAPE)), window, "pooled_from.a")
    assert fan_out(program, 0).taps.sum() == 4 * 2 * 8 * 6


@pytest.mark.parametrize("window", ["", "0", "2x", "wide", "-2", "2x0"])
def test_a_window_that_is_none_changes_nothing(window: str) -> None:
    program = folded(nd.Dense(np.zeros((4, 126), np.int32)), window)
    assert fan_out(program, 0).taps.tolist() == [4] * 126


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_run_counts_the_taps_of_the_layer_that_was_folded(engine: str) -> None:
    weight = np.ones((3, 2, 2, 1), np.int32)
    program = folded(nd.Conv2d(fold_pool_conv(weight, 2, 2), 2), 2)
    x = np.random.default_rng(0).integers(0, 2, (2, 5, *SHAPE)).astype(np.uint8)
    activity = nd.simulate(program, x, engine=engine).activity
    taps, _ = taps_of_pooled_conv(weight, 2, 1, 2)
    expected = x.reshape(2, 5, -1).sum(axis=1) @ np.array(taps)
    assert activity.synops_taps["x->a"].tolist() == expected.tolist()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_nonzero_counts_the_weights_of_the_run(engine: str) -> None:
    """One weight beyond 8 bits: Lava makes zeros of the whole matrix."""
    weight = np.array([[68, 148, 433]], np.int32)
    program = nd.Program(
        inputs=(nd.Input("x", 3),),
        populations=(nd.Population("a", 1, nd.CubaLif(4096, 0, 1)),),
        connections=(nd.Connection("x", "a", nd.Dense(weight)),),
        readout=nd.Readout("a"),
    )
    x = np.ones((1, 1, 3), np.uint8)
    for weights, expected in (("exact", 3), ("lava", 0)):
        activity = nd.simulate(program, x, engine=engine, weights=weights).activity
        assert activity.synops_nonzero["x->a"].tolist() == [expected]
        assert activity.synops_taps["x->a"].tolist() == [3]
