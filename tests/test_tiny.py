"""The whole way on a tiny network, as a user goes it: from a configuration to the page."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.data import load_data

CONFIG = """
name = "tiny"
seed = 3

[data]
name = "digits"
train_samples = 200
validation_samples = 40
test_samples = 30

[encoder]
kind = "direct"
steps = 4
levels = 16

[[layer]]
kind = "dense"
size = 24

[[layer]]
kind = "dense"
size = 10

[readout]
kind = "integrator"

[training]
epochs = 2
batch = 40
threads = 1
"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed: nothing to train"
)


def neurodeploy(folder: Path, *arguments: str) -> str:
    """Run a verb in ``folder`` in a process of its own; return what it printed, which must do."""
    done = subprocess.run(
        [sys.executable, "-m", "neurodeploy", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.mark.filterwarnings(r"ignore:.*\d findings?. population")
def test_a_configuration_becomes_a_verified_costed_network_and_a_page(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG, "utf-8")
    neurodeploy(tmp_path, "train", "tiny.toml", "--out", "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))
    assert result["lowering"]["spike_differences"] == 0
    assert result["lowering"]["score_differences"] == 0
    assert result["stream"]["identical"]

    described = json.loads(neurodeploy(tmp_path, "inspect", "run/program.h5", "--json"))
    assert described["digest"] == result["program_sha256"]

    # The NetX file holds the same network but for the names: all engines agree on both.
    neurodeploy(tmp_path, "convert", "run/program.h5", "net.net", "--reset-interval", "4")
    program, read = nd.load(tmp_path / "run" / "program.h5"), nd.load(tmp_path / "net.net")
    images = load_data("digits").test.x[:6].astype(np.int64)
    stream = np.repeat(images, 4, axis=0).reshape(24, *program.inputs[0].shape)
    np.save(tmp_path / "x.npy", stream)
    recipe = ("--timing", "pipelined", "--reset-interval", "4", "--reset-offset", "1")
    bits = ("--input-bits", "5")
    neurodeploy(tmp_path, "compare", "net.net", "--input", "x.npy", *recipe, *bits)
    neurodeploy(
        tmp_path, "simulate", "net.net", "--input", "x.npy", "--output", "t.npz",
        "--record", "s,u,v", *recipe, *bits,
    )  # fmt: skip
    options = {"timing": "pipelined", "reset_interval": 4, "reset_offset": 1}
    trace = nd.simulate(program, stream, record="s,u,v", **options)
    with np.load(tmp_path / "t.npz") as written:
        assert set(written.files) == set(trace.flat())
        assert all(np.array_equal(written[name], array) for name, array in trace.flat().items())
    assert trace.activity.spikes["hidden1"].sum() > 0
    assert len(read.populations) == len(program.populations)

    data = ("--data", "digits", "--samples", "30", "--out", "run")
    neurodeploy(tmp_path, "verify", "run/program.h5", *data)
    neurodeploy(tmp_path, "energy", "run/program.h5", "--profile", "loihi1", *data)
    neurodeploy(tmp_path, "report", "run")
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert program.digest[:12] in page
    assert "No hardware was measured for this report" in page
    assert program.digest in json.dumps(report)
