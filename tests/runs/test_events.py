"""Event data of a user, from the file to a verdict: the columns are the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from neurodeploy.answers import RunChoice
from neurodeploy.data import load_data, present
from neurodeploy.encode import Columns
from neurodeploy.runs.training import train
from neurodeploy.verification.noise_suite import noise_accuracy

TEXT = """
name = "events"

[data]
name = "{path}"

[encoder]
kind = "columns"

[[layer]]
kind = "conv"
channels = 4
kernel = 3

[[layer]]
kind = "flatten"

[[layer]]
kind = "dense"
size = 2

[training]
epochs = 2
batch = 10
"""


def events(path: Path, high: int = 1) -> Path:
    """Frames ``(60, 5, 2, 4, 4)`` in which class 1 has its events in the other channel."""
    y = np.arange(60) % 2
    x = np.zeros((60, 5, 2, 4, 4), np.uint8)
    spikes = np.random.default_rng(0).integers(0, high + 1, (60, 5, 4, 4))
    for k in range(60):
        x[k, :, y[k]] = spikes[k]
    np.savez(path, x=x, y=y, peak=high)
    return path


@pytest.mark.parametrize(("high", "bits"), [(1, 0), (5, 3)])
def test_a_network_is_trained_on_events_and_verified_on_them(
    tmp_path: Path, high: int, bits: int
) -> None:
    path = events(tmp_path / "events.npz", high)
    run = train(TEXT.format(path=path), tmp_path / "run")
    program = run.program
    assert program.inputs[0].shape == (2, 4, 4)
    assert program.inputs[0].message_bits == bits
    assert program.metadata["encoder"] == "columns"
    test = load_data(str(path)).test
    shown = present(program, test)
    assert shown.encoder == Columns(steps=5, peak=high)
    assert np.array_equal(shown.columns(slice(0, len(shown))), test.x)
    found = noise_accuracy(program, shown, sigmas=(0.1,), run=RunChoice(engine="reference"))
    assert found.clean.correct == run.outcome.to_dict()["accuracy"]["test_integer"]["correct"]
    assert found.rule.endswith("; drawn anew in every step")


def test_signed_events_are_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "signed.npz"
    x = np.random.default_rng(0).integers(-1, 2, (60, 5, 2, 4, 4))
    np.savez(path, x=x, y=np.arange(60) % 2)
    with pytest.raises(Exception, match="two polarities are two channels") as caught:
        train(TEXT.format(path=path), tmp_path / "run", where="c.toml")
    assert str(caught.value).startswith("c.toml: signed.npz, train: encoder columns: data hold -1")
    assert not (tmp_path / "run").exists()
