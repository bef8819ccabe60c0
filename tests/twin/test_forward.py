"""The twin's integers are those of the reference engine, for whatever a Program may hold.

    python tests/twin/test_forward.py [programs] [first seed]

runs the fuzz at length; `pytest` runs a few hundred programs.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pytest
import torch
from twin.programs import twin_case

import neurodeploy as nd
from neurodeploy.accuracy import scores
from neurodeploy.errors import NeurodeployWarning, ProgramError
from neurodeploy.program import Program

VARIABLES = ("s", "u", "v", "vth", "sigma", "act")


def differences(
    program: Program, data: dict[str, Any], options: dict[str, Any], batch: int | None
) -> list[str]:
    """Return which variables of a twin are not those of the reference engine."""
    with warnings.catch_warnings():  # the data are odd on purpose
        warnings.simplefilter("ignore", NeurodeployWarning)
        trace = nd.simulate(program, data, engine="reference", record=VARIABLES, **options)
    x = {name: torch.from_numpy(values) for name, values in data.items()}
    run = nd.to_torch(program, **options)(x)
    wrong = []
    for name in program.names:
        for variable, expected in trace[name].arrays.items():
            found = getattr(run[name], variable)
            same = found.dtype == torch.float64 and found.shape == expected.shape
            if not same or not np.array_equal(found.detach().long().numpy(), expected):
                wrong.append(f"{name}.{variable}")
    enough = program.readout.window <= run[0].inner("s").shape[0]
    if (
        batch is not None
        and enough
        and not np.array_equal(run.scores.numpy(), scores(program, trace))
    ):
        wrong.append("scores")
    return wrong


def check(seed: int) -> list[str]:
    """Return what is wrong with the case of a seed; one that Lava cannot load is none."""
    program, data, options, batch = twin_case(seed)
    try:
        return differences(program, data, options, batch)
    except ProgramError as error:
        if "which Lava cannot load" in str(error):
            return []
        raise


@pytest.mark.parametrize("block", range(10))
def test_every_variable_equals_the_reference(block: int) -> None:
    wrong = {seed: found for seed in range(40 * block, 40 * block + 40) if (found := check(seed))}
    assert not wrong


def test_a_map_of_one_channel_with_uneven_stride_and_dilation() -> None:
    weight = np.array([[[[26, 0, 0], [0, 0, 0], [0, 45, 0]]]], np.int32)
    conv = nd.Conv2d(weight, stride=(1, 2), padding=(2, 0), dilation=(2, 1))
    program = Program(
        (nd.Input("x", (1, 5, 3)),),
        (nd.Population("maps", (1, 5, 1), nd.Integrator(0, 2)),),
        (nd.Connection("x", "maps", conv),),
        nd.Readout("maps", "v"),
    )
    x = np.random.default_rng(0).integers(0, 2, (3, 6, 1, 5, 3)).astype(np.int32)
    assert not differences(program, {"x": x}, {}, 3)


if __name__ == "__main__":
    count, first = (int(value) for value in (sys.argv[1:] + ["2000", "0"][len(sys.argv) - 1 :]))
    bad = {seed: found for seed in range(first, first + count) if (found := check(seed))}
    print(f"{count} programs from seed {first}: {len(bad)} differ {dict(list(bad.items())[:5])}")
    sys.exit(bool(bad))
