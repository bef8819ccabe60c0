"""Enumeration: every level once, counted before it is done."""

from __future__ import annotations

import numpy as np
import pytest
from certify import tiny

from neurodeploy.certify.points import few, points
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
