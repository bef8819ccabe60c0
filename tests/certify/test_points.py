"""Enumeration: every level once, counted before it is done."""

from __future__ import annotations

import numpy as np
import pytest
from certify import tiny

from neurodeploy.certify.points import Points, few, points
from neurodeploy.encode import Direct


@pytest.mark.parametrize("levels", [1, 3, 7, 20])
@pytest.mark.parametrize("steps", [1, 3])
def test_points_are_counted_before_they_are_made(levels: int, steps: int) -> None:
    case = tiny.case(np.random.default_rng(1))
    data = tiny.with_encoder(case.data, Direct(steps=3, peak=tiny.PEAK, levels=levels))
    for row in range(len(data)):
        found = points(data, row, steps)
        every = np.concatenate(list(found.batches()))
        assert len(every) == found.count
        columns = data.columns(np.full(len(every), row), every)
        assert len(np.unique(columns.reshape(len(every), -1), axis=0)) == found.count
        assert few(data, steps, found.count)[row]
        assert not few(data, steps, found.count - 1)[row]


def test_a_ball_with_few_data_in_many_values_is_listed() -> None:
    """Values that a coarse encoder cannot move take no axis: there may be more than 64 of them."""
    values = [np.array([7])] * 100
    values[3], values[90] = np.array([1, 2]), np.array([4, 5, 6])
    (batch,) = Points((10, 10), tuple(values)).batches()
    assert batch.shape == (6, 10, 10)
    assert batch[:, 0, 3].tolist() == [1, 1, 1, 2, 2, 2]
    assert batch[:, 9, 0].tolist() == [4, 5, 6, 4, 5, 6]
    (alone,) = Points((100,), tuple([np.array([7])] * 100)).batches()
    assert alone.tolist() == [[7] * 100]
