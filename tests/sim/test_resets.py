"""A reset that cannot do what was asked is said once, with what would."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import NeurodeployWarning
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.resets import reset_remarks

LIF = nd.CubaLif(1024, 128, 80)


def chain(*neurons: Any, direct: bool = False) -> nd.Program:
    populations = [nd.Population(f"p{k}", (4,), neuron) for k, neuron in enumerate(neurons)]
    names = ["x", *(p.name for p in populations)]
    weight = np.eye(4, dtype=np.int32)
    connections = [
        nd.Connection(a, b, nd.Direct() if direct and a == "x" else nd.Dense(weight))
        for a, b in pairwise(names)
    ]
    return nd.Program(
        (nd.Input("x", (4,), 8),), tuple(populations), tuple(connections), nd.Readout(names[-1])
    )


def remarks(program: nd.Program, **options: Any) -> list[str]:
    return list(reset_remarks(program, RunOptions(timing="pipelined", **options)))


def test_no_reset_and_a_right_reset_are_silent() -> None:
    assert remarks(chain(LIF, LIF)) == []
    assert remarks(chain(LIF, LIF), reset_interval=16, reset_offset=1) == []
    assert remarks(chain(LIF, LIF), reset_interval=16, reset_offset=17) == []
    assert remarks(chain(LIF, LIF, direct=True), reset_interval=16) == []


def test_an_offset_that_is_early_names_the_right_one() -> None:
    (text,) = remarks(chain(LIF, LIF), reset_interval=16)
    assert text == (
        "reset every 16 steps: reset_offset=0 does not clear when the first data of a sample "
        "arrive; use reset_offset=1, or the last inputs of a sample count in the next"
    )


def test_neurons_that_no_reset_clears_are_named() -> None:
    (text,) = remarks(chain(nd.Delta(1), nd.Sigma(), direct=True), reset_interval=8)
    assert text == (
        "reset every 8 steps: p0 and p1 are not cleared by it, as in Lava; give samples with a "
        "batch axis to start each from rest"
    )


def test_aligned_resets_have_no_offset_to_get_wrong() -> None:
    options = RunOptions(reset_interval=5)
    assert list(reset_remarks(chain(LIF), options)) == []


@pytest.mark.parametrize("run", ["simulate", "compile"])
def test_python_is_warned_once(run: str) -> None:
    program, x = chain(LIF, LIF), np.ones((32, 4), np.int32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NeurodeployWarning)
        if run == "compile":
            nd.compile(program, timing="pipelined", reset_interval=16).run(x)
        for _ in range(2 * (run == "simulate")):
            nd.simulate(program, x, timing="pipelined", reset_interval=16)
    said = [entry for entry in caught if "reset_offset=1" in str(entry.message)]
    assert len(said) == 1
    assert said[0].filename == __file__
