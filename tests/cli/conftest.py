"""A small program and its input, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.cli import app
from neurodeploy.cli.failures import run

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def program() -> nd.Program:
    """Four inputs, five neurons, three neurons; biases, so that it spikes without input too."""
    rng = np.random.default_rng(1)
    lif = nd.CubaLif(1024, 512, 40, bias=4)
    return nd.Program(
        inputs=(nd.Input("x", (4,)),),
        populations=(nd.Population("hidden", (5,), lif), nd.Population("out", (3,), lif)),
        connections=(
            nd.Connection("x", "hidden", nd.Dense(2 * rng.integers(-30, 60, (5, 4)))),
            nd.Connection("hidden", "out", nd.Dense(2 * rng.integers(-30, 60, (3, 5)))),
        ),
        readout=nd.Readout("out"),
        metadata={"seed": 1},
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: nd.Program) -> Path:
    """A folder, made the current one, with ``p.h5`` and ``x.npy`` of 6 samples and 10 steps."""
    container.write(program, tmp_path / "p.h5")
    np.save(tmp_path / "x.npy", np.random.default_rng(2).integers(0, 2, (6, 10, 4)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line; return its exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(app, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
