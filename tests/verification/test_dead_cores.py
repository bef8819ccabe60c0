"""The cores of a placement as faults: every neuron of each core, and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import OptionError
from neurodeploy.placement import place
from neurodeploy.placement.box import Box
from neurodeploy.verification.dead_cores import _slices, dead_cores


def network() -> nd.Program:
    return nd.Program(
        (nd.Input("x", (4,)),),
        (
            nd.Population("h", (6,), nd.CubaLif(4096, 0, 1)),
            nd.Population("y", (2,), nd.Integrator(4096, 0)),
        ),
        (
            nd.Connection("x", "h", nd.Dense(np.full((6, 4), 2))),
            nd.Connection("h", "y", nd.Dense(np.full((2, 6), 2))),
        ),
        nd.Readout("y", "v"),
    )


def test_every_core_holds_its_neurons_and_all_cores_hold_all() -> None:
    program = network()
    placement = place(program, nd.load_profile("loihi1"))
    cores = dead_cores(program, placement)
    assert len(cores) == len(placement.cores)
    held = [
        (part.population, n) for core in cores for part in core.neurons
        for n in range(part.start, part.stop or 0)
    ]  # fmt: skip
    expected = [(p.name, n) for p in program.populations for n in range(p.size)]
    assert sorted(held) == sorted(expected)
    data = np.ones((1, 3, 4), np.uint8)
    for core in cores:
        dead = nd.simulate(program, data, faults=[core])
        assert any(part.population == "y" for part in core.neurons) or not dead["h"].s.all()


def test_a_box_of_a_map_is_runs_of_neurons() -> None:
    box = Box((0, 1, 0), (2, 3, 2))
    found = [(s.start, s.stop) for s in _slices("m", box, (2, 4, 3))]
    numbers = np.arange(24).reshape(2, 4, 3)[0:2, 1:3, 0:2].reshape(-1).tolist()
    assert [n for start, stop in found for n in range(start, stop or 0)] == numbers


def test_the_placement_of_another_program_is_refused() -> None:
    placement = place(network(), nd.load_profile("loihi1"))
    other = replace(network(), readout=nd.Readout("y", "u"))
    with pytest.raises(OptionError, match="the placement is of another program"):
        dead_cores(other, placement)
