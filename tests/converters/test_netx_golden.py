"""Every golden case, read from its NetX file and run, equals what Lava recorded."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.errors import NeurodeployWarning
from neurodeploy.sim.options import VARIABLES

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = {case["name"]: case for case in json.loads((GOLDEN / "index.json").read_text())}


def read_case(name: str, bits: int = 0) -> nd.Program:
    """Read a case; those marked as a quirk must warn, the others must not."""
    path = GOLDEN / name / "network.net"
    if CASES[name]["quirk"]:
        with pytest.warns(NeurodeployWarning, match="act otherwise than stored"):
            return netx.read(path, input_message_bits=bits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", r".*: \d+ findings?: population")
        return netx.read(path, input_message_bits=bits)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("name", CASES)
def test_golden_case_is_reproduced_in_every_array(name: str, engine: str) -> None:
    case: Any = np.load(GOLDEN / name / "case.npz")
    interval = int(case["reset_interval"])
    trace = nd.simulate(
        read_case(name, int(case["num_message_bits"])),
        case["input"],
        engine=engine,
        timing="pipelined",
        weights="lava",
        reset_interval=None if interval < 0 else interval,
        reset_offset=int(case["reset_offset"]),
        record=VARIABLES,
    ).flat()
    recorded = [key for key in case.files if key.startswith("layer")]
    assert recorded
    for key in recorded:
        assert np.array_equal(trace[key], case[key]), key


@pytest.mark.parametrize("name", CASES)
def test_file_that_passes_the_write_rules_is_saved_and_loaded_unchanged(
    name: str, tmp_path: Path
) -> None:
    program = read_case(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodeployWarning)
        if CASES[name]["quirk"] or name == "dense_nonneg_nonpos":  # the latter holds a 255
            with pytest.raises(nd.errors.ExportError, match="weight"):
                netx.write(program, tmp_path / "again.net")
            return
        netx.write(program, tmp_path / "again.net")
    again = netx.read(tmp_path / "again.net")
    assert again.digest == program.digest
    assert again == program
