"""Currents in single precision against the interval sums in double, and where they are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.bounds import Interval
from neurodeploy.bounds.drive import Drive
from neurodeploy.certify.weights import Single, driving, matrix
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Plan, prepare


def plan_of(synapse: Any, shape: tuple[int, ...], out: tuple[int, ...], bits: int = 8) -> Plan:
    program = nd.Program(
        inputs=(nd.Input("x", shape, bits),),
        populations=(nd.Population("h", out, nd.CubaLif(4096, 0, 100)),),
        connections=(nd.Connection("x", "h", synapse),),
        readout=nd.Readout("h", "s"),
    )
    return prepare(program, RunOptions())


@pytest.mark.parametrize("reach", [1, 255, 4096])
def test_single_precision_gives_the_same_currents(reach: int) -> None:
    rng = np.random.default_rng(reach)
    most = (2**23 - 1) // reach  # the largest sum of magnitudes that is still taken
    weight = rng.integers(-(most // 5), most // 5 + 1, (7, 5)).astype(np.int32)
    weight[0] = 0
    weight[0, 0] = most
    plan = plan_of(nd.Dense(weight), (5,), (7,))
    single = driving(plan, plan.edges[0], reach)
    assert isinstance(single, Single)
    low = rng.integers(-reach, reach + 1, (50, 5))
    high = np.maximum(low, rng.integers(-reach, reach + 1, (50, 5)))
    low[0], high[0] = -reach, reach
    (found,), (expected,) = (
        make(Interval(low, high)) for make in (single, Drive(plan, plan.edges[0]))
    )
    assert (found.current.low == expected.current.low).all()
    assert (found.current.high == expected.current.high).all()
    assert not found.wraps.any() and not expected.wraps.any()


def test_what_may_not_be_exact_is_left_to_double_precision() -> None:
    weight = np.full((2, 4), 2**21, np.int32)
    plan = plan_of(nd.Dense(weight), (4,), (2,))
    assert isinstance(driving(plan, plan.edges[0], 1), Drive)
    binary = plan_of(nd.Dense(np.ones((2, 4), np.int32)), (4,), (2,), bits=0)
    assert isinstance(driving(binary, binary.edges[0], 1), Drive)


def test_a_convolution_as_a_matrix() -> None:
    rng = np.random.default_rng(3)
    synapse = nd.Conv2d(rng.integers(-9, 10, (2, 1, 2, 2)).astype(np.int32))
    plan = plan_of(synapse, (1, 4, 3), (2, 3, 2))
    x = rng.integers(0, 9, (1, 1, 1, 4, 3)).astype(np.int64)
    (part,) = Drive(plan, plan.edges[0])(Interval(x.reshape(1, -1), x.reshape(1, -1)))
    assert (x.reshape(1, -1) @ matrix(plan, plan.edges[0]).T == part.current.low).all()
