"""What conversion changed is counted, located and traced to a rounding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nir_graphs import file_of, lif, linear, shaped

import neurodeploy as nd
from neurodeploy.answers.runner import as_samples
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.conversion.agreement import Agreement, agreement
from neurodeploy.converters import nir
from neurodeploy.errors import DataError

RNG = np.random.default_rng(8)
X = (RNG.random((12, 30, 8)) < 0.4).astype(np.int32)
Y = RNG.integers(0, 3, 12)
EDGES = "in w, w a, a u, u b, b out"


def source(path: Path, weight: Any = None, **changes: Any) -> Path:
    draw = np.random.default_rng(2)
    nodes = {
        "in": shaped("Input", 8),
        "w": linear(draw.normal(0.2, 0.5, (6, 8)) if weight is None else weight),
        "a": lif(6, tau=0.005, v_threshold=0.3, **changes),
        "u": linear(draw.normal(0.3, 0.5, (3, 6))),
        "b": lif(3, tau=0.005, v_threshold=0.2),
        "out": shaped("Output", 3),
    }
    return file_of(path / "a.nir", nodes, EDGES)


def checked(path: Path, labels: Any = None) -> Agreement:
    program, floats = nd.load(path, dt=1e-3), nir.read_float(path, dt=1e-3)
    return agreement(floats, program, as_samples(X), labels)


def test_layers_are_counted_and_the_first_difference_is_found(tmp_path: Path) -> None:
    path = source(tmp_path)
    found = checked(path, Y)
    program, floats = nd.load(path, dt=1e-3), nir.read_float(path, dt=1e-3)
    from neurodeploy.conversion.float_simulation import simulate_float

    ours, theirs = nd.simulate(program, X), simulate_float(floats, X)
    for layer in found.layers:
        s, t = np.asarray(ours[layer.population].s), theirs[layer.population].s
        assert (layer.program_spikes, layer.source_spikes) == (int(s.sum()), int(t.sum()))
        assert layer.differing == int((s != t).sum()) and layer.cells == s.size
    first = found.first
    assert first is not None and found.lowest < 1
    cell = (first.sample, first.step, *first.index)
    assert theirs[first.population].s[cell] == first.source_spiked
    assert np.asarray(ours[first.population].s)[cell] != first.source_spiked
    for name in program.names:
        before = np.asarray(ours[name].s)[:, : first.step] == theirs[name].s[:, : first.step]
        assert before.all()
    assert found.before is not None and found.after is not None
    assert found.before.samples == len(X) and first.cause is not None


def test_a_network_on_the_grid_agrees_wholly(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    nodes = {
        "in": shaped("Input", 8),
        "w": linear(np.vstack([draw.integers(-64, 64, (5, 8)) * 2 / 256, np.full((1, 8), -1.0)])),
        "a": {"type": "Threshold", "threshold": np.full(6, 0.5)},
        "out": shaped("Output", 6),
    }
    nodes["w"]["weight"][0, 0] = 254 / 256
    found = checked(file_of(tmp_path / "a.nir", nodes, "in w, w a, a out"))
    assert found.lowest == 1 and found.first is None and found.advice is None
    assert found.causes is not None and not any(found.causes.values())


def test_the_rounding_at_fault_is_named(tmp_path: Path) -> None:
    outlier = np.random.default_rng(2).normal(0.2, 0.5, (6, 8))
    outlier[5, 7] = 60.0
    found = checked(source(tmp_path, outlier))
    assert found.causes is not None
    assert max(found.causes, key=lambda name: found.causes[name]) == "weights"  # type: ignore[index]
    assert found.advice is not None and found.advice.startswith("8-bit weights")


def test_a_program_that_says_no_scales_has_no_causes(tmp_path: Path) -> None:
    path = source(tmp_path)
    program = replace(nd.load(path, dt=1e-3), metadata={})
    found = agreement(nir.read_float(path, dt=1e-3), program, as_samples(X))
    assert found.causes is None and found.first is not None and found.before is None


def test_no_samples_are_refused(tmp_path: Path) -> None:
    path = source(tmp_path)
    with pytest.raises(DataError, match="agreement needs at least one sample, got none"):
        agreement(nir.read_float(path, dt=1e-3), nd.load(path, dt=1e-3), as_samples(X[:0]))


def test_convert_check_tells_and_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source(tmp_path)
    np.savez("d.npz", x=X, y=Y)
    words = ["convert", "a.nir", "b.h5", "--dt", "0.001", "--check", "d.npz", "--part", "all"]
    assert run(app, [*words, "--agreement", "0.5"]) == 0, capsys.readouterr().err
    text = capsys.readouterr().out
    assert "first difference: " in text and "made by rounding: " in text and "accuracy" in text
    assert run(app, [*words, "--json", "--agreement", "1"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["check"]["agreement"] < 1 and len(said["check"]["layers"]) == 2
    assert said["digest"] == nd.load("b.h5").digest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--agreement 1.5 --check d.npz", "--agreement is 1.5, allowed are 0 to 1"),
        ("--check none.npz", "none.npz"),
    ],
)
def test_bad_checks_are_one_line_and_write_nothing(
    words: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source(tmp_path)
    line = ["convert", "a.nir", "b.h5", "--dt", "0.001", *words.split()]
    assert run(app, line) == 2
    assert message in capsys.readouterr().err
    assert not Path("b.h5").exists()


def test_a_file_of_integers_has_nothing_to_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nd.save(nd.load(source(tmp_path), dt=1e-3), "p.h5")
    assert run(app, ["convert", "p.h5", "q.h5", "--check", "digits"]) == 2
    assert "p.h5: is a program container, which holds integers" in capsys.readouterr().err
