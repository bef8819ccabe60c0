"""What the tests of the Lava engine share: a small chain, its input, and the comparison."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import EngineError
from neurodeploy.sim import lava_job
from neurodeploy.sim.options import VARIABLES


def _why_no_lava() -> str:
    try:
        lava_job.interpreter()
    except EngineError as error:
        return str(error)
    return ""


needs_lava = pytest.mark.skipif(bool(_why_no_lava()), reason=_why_no_lava() or "Lava is here")
LAVA: dict[str, Any] = {"timing": "pipelined", "weights": "lava", "record": VARIABLES}


def chain(*neurons: nd.CubaLif, size: int = 5, **options: Any) -> nd.Program:
    """A dense chain input -> layer0 -> layer1 ... of populations of ``size``."""
    rng = np.random.default_rng(1)
    names = ["input", *(f"layer{k}" for k in range(len(neurons)))]
    populations = [nd.Population(n, (size,), p) for n, p in zip(names[1:], neurons, strict=True)]
    connections = [
        nd.Connection(a, b, nd.Dense(rng.integers(-60, 90, (size, size)), **options))
        for a, b in pairwise(names)
    ]
    return nd.Program(
        (nd.Input("input", (size,)),), tuple(populations), tuple(connections), nd.Readout(names[-1])
    )


def spikes(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(2).integers(0, 2, shape)


LIF = nd.CubaLif(1024, 256, 40, bias=3)


def assert_lava_equals_reference(program: nd.Program, x: Any, **options: Any) -> nd.Trace:
    options = LAVA | options
    expected = nd.simulate(program, x, engine="reference", **options)
    found = nd.simulate(program, x, engine="lava", **options)
    assert found.flat().keys() == expected.flat().keys()
    for name, array in expected.flat().items():
        assert found.flat()[name].dtype == array.dtype, name
        assert np.array_equal(found.flat()[name], array), name
    differing = found.activity.differences(expected.activity)
    assert all(entry.startswith(("u_wraps/", "v_saturations/")) for entry in differing)
    return found
