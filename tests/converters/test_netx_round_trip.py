"""Random programs: what the writer accepts reads back the same and computes the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generate import random_input, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.errors import ExportError, NeurodeployWarning
from neurodeploy.sim.options import VARIABLES


def written(program: nd.Program, path: Path, **options: Any) -> netx.Written | None:
    """Write ``program``, or return None when a rule refuses it; nothing may remain then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodeployWarning)
        try:
            return netx.write(program, path, **options)
        except ExportError:
            assert list(path.parent.iterdir()) == []
            return None


def read_back(program: nd.Program, path: Path, how: netx.Written) -> nd.Program:
    """Read with what the file cannot say; a file that we wrote never warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", r".*: \d+ findings?: population")
        warnings.filterwarnings("ignore", ".*is 'average', which Lava cannot load")
        return netx.read(
            path,
            input_message_bits=program.inputs[0].message_bits,
            input_drive="bias" if how.recipe.drive == "bias" else "current",
            spike_exp=how.recipe.spike_exp,
        )


def run(program: nd.Program, x: Any, weights: str) -> dict[str, Any]:
    options: dict[str, Any] = {"timing": "pipelined", "record": VARIABLES, "weights": weights}
    return nd.simulate(program, x, engine="reference", **options).flat()


@given(seed=st.integers(0, 2**32 - 1), lava=st.booleans(), extreme=st.booleans())
@settings(max_examples=60, deadline=None)
def test_program_that_is_accepted_computes_the_same_when_read_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, lava: bool, extreme: bool
) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, lava=lava, extreme=extreme)
    path = tmp_path_factory.mktemp("trip") / "x.net"
    how = written(program, path)
    if how is None:
        return
    again = read_back(program, path, how)
    x = random_input(rng, program, 12)
    expected = run(program, x, "exact")
    renamed = dict(zip((node.name for node in again.inputs), x.values(), strict=True))
    # Weights that pass the rules are exact in Lava; only sums of large messages wrap earlier there.
    graded = any(again.is_graded(connection.source) for connection in again.connections)
    for weights in ("exact",) if graded else ("exact", "lava"):
        found = run(again, renamed, weights)
        assert found.keys() >= expected.keys()
        for key, array in expected.items():
            assert np.array_equal(found[key], array), key
    second = path.with_name("y.net")
    assert written(again, second) is not None
    assert read_back(again, second, how) == again


def test_most_random_chains_are_accepted(tmp_path: Path) -> None:
    """The property above would hold for a writer that refuses everything."""
    accepted = []
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        program = random_program(np.random.default_rng(seed), lava=True)
        accepted.append(written(program, folder / "x.net", repair="nearest") is not None)
    assert sum(accepted) >= 25


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_repaired_program_is_exact_in_lava(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weight = -np.abs(rng.integers(0, 2 ** rng.integers(1, 9) + 1, (4, 5)))
    if not weight.any():
        return
    program = nd.Program(
        (nd.Input("input", (5,)),),
        (nd.Population("layer0", (4,), nd.Integrator(4096, 0)),),
        (nd.Connection("input", "layer0", nd.Dense(weight)),),
        nd.Readout("layer0", "v"),
    )
    path = tmp_path_factory.mktemp("repair") / "x.net"
    how = written(program, path, repair="nearest")
    assert how is not None
    again = read_back(program, path, how)
    x = rng.integers(0, 2, (8, 5))
    exact, lava = run(again, x, "exact"), run(again, x, "lava")
    assert all(np.array_equal(exact[key], lava[key]) for key in exact)
