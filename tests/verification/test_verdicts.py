"""What a user asks in Python: one call, the same answers as the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from presentations import given_columns

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.data import load_data
from neurodeploy.demo import shipped_program
from neurodeploy.errors import DataError, NeurodeployError, OptionError


def test_python_and_the_command_line_say_the_same(tmp_path: Path) -> None:
    program = shipped_program()
    nd.save(program, str(tmp_path / "p.h5"))
    found = nd.verify(program, "digits", samples=60, out=tmp_path / "python")
    arguments = ("--data", "digits", "--samples", "60", "--out", str(tmp_path / "shell"))
    assert command_line(app, ["verify", str(tmp_path / "p.h5"), *arguments, "--json"]) == 0
    files = [(tmp_path / run / "verify.json").read_text() for run in ("python", "shell")]
    assert files[0] == files[1]
    assert json.loads(files[0]) == json.loads(json.dumps(found.to_dict()))
    lines = [(tmp_path / run / "verify" / "noise.jsonl").read_text() for run in ("python", "shell")]
    assert lines[0] == lines[1]


def test_suites_take_settings_of_their_own() -> None:
    suite = nd.Noise(sigmas=(0.2,), seed=7)
    found = nd.verify(shipped_program(), load_data("digits"), (suite, "overflow"), samples=20)
    assert [row.sigma for row in found["noise"].rows] == [0.0, 0.2]
    assert {row.population for row in found["overflow"].rows} == {"hidden1", "output"}
    assert found.to_dict()["seeds"] == {"noise": 7}
    with pytest.raises(KeyError):
        found["attack"]


def test_samples_that_are_presented_already_are_taken_as_they_are() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", (2,)),),
        populations=(nd.Population("a", (2,), nd.CubaLif(4096, 0, 1)),),
        connections=(nd.Connection("x", "a", nd.Dense(2 * np.eye(2, dtype=np.int32))),),
        readout=nd.Readout("a"),
    )
    data = given_columns(np.ones((4, 3, 2), np.int32))
    found = nd.verify(program, data, (), run=nd.RunChoice(engine="reference"))
    assert found.measured.accuracy.samples == 4
    assert found.measured.recipe.engine == "reference"


BAD: dict[str, tuple[dict[str, Any], type[NeurodeployError]]] = {
    "suite is 'nois', expected one of": ({"suites": ("nois",)}, OptionError),
    "samples is 0, expected 1 or more": ({"samples": 0}, OptionError),
    "part is 'dev', expected one of": ({"part": "dev"}, OptionError),
    "no data set 'digit'": ({"data": "digit"}, DataError),
    "jobs is 0, expected 1 or more": ({"jobs": 0}, OptionError),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, message: str) -> None:
    given, error = BAD[message]
    values = {"data": "digits", **given}
    with pytest.raises(error, match=message):
        nd.verify(shipped_program(), out=tmp_path / "run", **values)
    assert not (tmp_path / "run" / "verify.json").exists()
