"""The demonstration: what it leaves, what it says, and what it does without torch or Lava."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import neurodeploy as nd
from neurodeploy import container, demo
from neurodeploy.accuracy import predictions, scores
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import Demo, configuration, shipped_program
from neurodeploy.errors import EngineError, OptionError
from neurodeploy.schema import read_toml

HAS_TORCH = demo.has_torch()
FILES = {
    "program.h5",
    "network.net",
    "network_run.py",
    "compare.json",
    "verify",
    "verify.json",
    "sample.npz",
    "energy.json",
    "report.html",
    "report.json",
}
TINY = """
name = "tiny"
[data]
name = "digits"
train_samples = 128
validation_samples = 40
test_samples = 20
[encoder]
kind = "direct"
steps = 4
levels = 16
[[layer]]
kind = "dense"
size = 16
[[layer]]
kind = "dense"
size = 10
[readout]
kind = "integrator"
[training]
epochs = 2
batch = 64
threads = 1
"""


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lava is compared elsewhere; here it is missing, as on most machines."""

    def compare(program: Any, x: Any, engines: Any, **options: Any) -> Any:
        if "lava" in engines:
            raise EngineError("engine 'lava': this Python has no Lava")
        return demo_compare(program, x, engines, **options)

    demo_compare = demo.compare
    monkeypatch.setattr(demo, "compare", compare)


@pytest.fixture
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "has_torch", lambda: False)


def test_the_shipped_network_answers_96_percent_of_the_test_digits() -> None:
    program = shipped_program()
    data = present(program, load_data("digits").test)
    trace = nd.simulate(program, data.columns(slice(0, len(data))), engine="reference")
    correct = predictions(scores(program, trace)) == data.y
    assert correct.mean() >= 0.96


@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
def test_the_shipped_network_was_trained_with_the_shipped_configuration() -> None:
    from neurodeploy.train import parse_config

    config = parse_config(configuration())
    assert shipped_program().metadata["config_sha256"] == config.digest


@pytest.mark.usefixtures("_without_torch")
def test_without_torch_the_shipped_network_goes_through_everything(
    tmp_path: Path, lines: list[str]
) -> None:
    found, page, good = Demo(tmp_path / "out", lines.append).run()
    assert good
    assert page == tmp_path / "out" / "report.html"
    assert {path.name for path in page.parent.iterdir()} == FILES
    assert "pip install 'neurodeploy[train]'" in lines[0]
    assert any(line.startswith("  Lava is left out: engine 'lava'") for line in lines)
    assert [line.split()[0] for line in found] == ["accuracy", "certified", "fidelity", "energy"]
    assert "at 1 of 16 grey steps" in found[1]
    assert " % withstand quick attacks)" in found[1]
    assert found[2].startswith("fidelity  model-exact: native, reference")
    assert "loihi1" in found[3]
    assert "loihi2 dynamic" in found[3]
    again = Demo(tmp_path / "out", lines.append).run()
    assert again[0] == found


@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
def test_with_torch_it_trains_and_reports_the_loss(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "configuration", lambda: TINY)
    folder = tmp_path / "out"
    found, _, _ = Demo(folder, lines.append).run()
    assert "torch to integers: 0 scores, 0 spikes differ" in found[0]
    assert {path.name for path in folder.iterdir()} >= FILES
    report = json.loads((folder / "report.json").read_text())
    assert report["title"] == "tiny"
    assert report["ignored"] == []
    assert report["accuracy"]["trained"]["samples"] == 20
    digest = container.read(folder / "program.h5").digest
    assert Demo(folder, lines.append).run()[0][0] == found[0]
    assert container.read(folder / "program.h5").digest == digest


@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
def test_an_interrupted_run_is_resumed(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "configuration", lambda: TINY)
    folder = tmp_path / "out"
    Demo(folder, lines.append).run()
    whole = container.read(folder / "program.h5").digest
    (folder / "result.json").unlink()
    assert Demo(folder, lines.append)._is_interrupted(TINY)
    Demo(folder, lines.append).run()
    assert container.read(folder / "program.h5").digest == whole


@pytest.mark.parametrize("file", ["config.toml", "program.h5"])
@pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")
def test_a_folder_with_another_run_is_refused_and_left_alone(
    file: str, tmp_path: Path, lines: list[str]
) -> None:
    if file == "config.toml":
        (tmp_path / file).write_text("seed = 2\n")
    else:
        program = shipped_program()
        other = nd.Program(
            program.inputs, program.populations, program.connections, nd.Readout("hidden1")
        )
        container.write(other, tmp_path / file)
    before = (tmp_path / file).read_bytes()
    with pytest.raises(OptionError, match="holds another run; choose another folder"):
        Demo(tmp_path, lines.append).run()
    assert (tmp_path / file).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_the_configuration_is_valid_toml_for_digits(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(configuration(), encoding="utf-8")
    assert read_toml(path, OptionError)["data"]["name"] == "digits"
