"""The twin's integers are those of the reference engine, for whatever a Program may hold.

    python tests/twin/test_forward.py [programs] [first seed]

runs the fuzz at length; `pytest` runs a few hundred programs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
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
from neurodeploy.errors import OptionError, ProgramError
from neurodeploy.program import Program

VARIABLES = ("s", "u", "v", "vth", "sigma", "act")


def differences(
    program: Program, data: dict[str, Any], options: dict[str, Any], batch: int | None
) -> list[str]:
    """Return which variables of a twin are not those of the reference engine."""
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
    if batch is not None and answered(lambda: run.scores.tolist()) != answered(
        lambda: scores(program, trace).tolist()
    ):
        wrong.append("scores")
    return wrong


def answered(scored: Callable[[], Any]) -> Any:
    """Return scores, or why there are none: a window may be longer than the run."""
    try:
        return scored()
    except OptionError as error:
        return str(error)


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


if __name__ == "__main__":
    count, first = (int(value) for value in (sys.argv[1:] + ["2000", "0"][len(sys.argv) - 1 :]))
    bad = {seed: found for seed in range(first, first + count) if (found := check(seed))}
    print(f"{count} programs from seed {first}: {len(bad)} differ {dict(list(bad.items())[:5])}")
    sys.exit(bool(bad))
