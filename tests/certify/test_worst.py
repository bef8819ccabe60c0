"""The worst case of spikes and operations: above whatever some datum costs."""

from __future__ import annotations

import numpy as np
import pytest
from certify import tiny

from neurodeploy.certify.points import points
from neurodeploy.certify.worst import worst_cases
from neurodeploy.sim import compile

BUDGETS = (1, 2)


@pytest.mark.parametrize("seed", range(30))
def test_no_datum_costs_more(seed: int) -> None:
    case = tiny.case(np.random.default_rng(seed), samples=3)
    prover = tiny.made(case.program, case.data, 0)
    found = worst_cases(prover, case.data, BUDGETS)
    run = compile(case.program, record=()).run
    dearest: dict[str, list[int]] = {}
    for steps in (*BUDGETS, tiny.PEAK):
        for row in range(3):
            every = next(points(case.data, row, steps).batches())
            activity = run(case.data.columns(np.full(len(every), row), every)).activity
            for name, counts in (*activity.spikes.items(), *activity.synops_taps.items()):
                dearest.setdefault(name, []).append(int(counts.max()))
    for entry in (*found.spikes, *found.synops):
        assert entry.mean <= entry.largest <= entry.within[0] <= entry.within[1] <= entry.always
        tried = np.array(dearest[entry.name]).reshape(3, 3).max(axis=1)
        assert (tried <= [*entry.within, entry.always]).all()
