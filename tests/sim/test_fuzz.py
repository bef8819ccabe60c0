"""The short form of the fuzz scripts: random programs, every edge, zero differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fuzz import Tally, fuzz_one
from generate import random_input, random_options, random_program

import neurodeploy as nd


@pytest.mark.parametrize("block", range(10))
def test_native_equals_reference_on_random_programs(block: int) -> None:
    """Twenty seeds a block: states, messages and counts; `tests/fuzz.py` runs as many as asked."""
    tally = Tally()
    for seed in range(10_000 + 20 * block, 10_000 + 20 * (block + 1)):
        fuzz_one(seed, tally, large=False)
        assert tally.differing == 0, f"seed {seed}"
    assert tally.neuron_steps > 10_000
    assert tally.spikes > 500


@pytest.mark.parametrize("seed", range(40))
def test_native_streams_in_random_chunks_equal_the_reference(seed: int) -> None:
    rng = np.random.default_rng(20_000 + seed)
    program = random_program(rng, extreme=seed % 2 == 0)
    data = random_input(rng, program, 40)
    options = random_options(rng, 40) | {"record": ("s", "u", "v", "vth", "sigma", "re", "im")}
    whole = nd.simulate(program, data, engine="reference", **options).flat()
    simulator = nd.compile(program, **options)
    cuts = sorted({0, 40, *(int(c) for c in rng.integers(0, 41, 4))})
    parts = [
        simulator.run({name: x[a:b] for name, x in data.items()}).flat()
        for a, b in itertools.pairwise(cuts)
    ]
    for name, array in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts]), array), name
