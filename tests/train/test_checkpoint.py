"""Checkpoints: what is read back, and every way in which a file can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy.errors import TrainingError  # noqa: E402  (needs torch)
from neurodeploy.train import checkpoint as module  # noqa: E402
from neurodeploy.train.checkpoint import (  # noqa: E402
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)


def good(**changes: Any) -> Checkpoint:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    fields: dict[str, Any] = {
        "digest": "a",
        "epoch": 2,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best_epoch": 1,
        "best_accuracy": 0.5,
        "best_model": model.state_dict(),
        "threads": 1,
        "random": torch.get_rng_state(),
        "history": [{"epoch": 1}, {"epoch": 2}],
    }
    return Checkpoint(**{**fields, **changes})


def test_checkpoint_comes_back(tmp_path: Path) -> None:
    written = good()
    path = write_checkpoint(written, tmp_path)
    assert path == tmp_path / "checkpoint.pt"
    again = read_checkpoint(tmp_path, "a")
    assert again is not None
    assert (again.epoch, again.history) == (2, written.history)
    assert all(torch.equal(again.model[k], v) for k, v in written.model.items())
    assert read_checkpoint(tmp_path / "elsewhere", "a") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": "2"}, "epoch is a str, expected int"),
        ({"model": [1]}, "model is a list, expected dict"),
        ({"random": 3}, "random is a int, expected Tensor"),
        ({"digest": "b"}, "belongs to configuration b, this one is a; use"),
    ],
)
def test_another_content_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_checkpoint(good(**changes), tmp_path)
    with pytest.raises(TrainingError) as error:
        read_checkpoint(tmp_path, "a")
    assert str(error.value).startswith(f"{tmp_path / 'checkpoint.pt'}: {message}")


def test_damaged_bytes_are_one_line(tmp_path: Path) -> None:
    """Torch raises nearly everything for them, which was called a bug of ours."""
    path = write_checkpoint(good(), tmp_path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for index in rng.integers(1500, size=rng.integers(1, 5)):
            damaged[index] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged[: rng.integers(len(damaged))] if rng.random() < 0.1 else damaged)
        try:
            read_checkpoint(tmp_path, "a")
        except TrainingError as error:
            assert "\n" not in str(error)


def test_error_of_ours_during_a_read_surfaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(good(), tmp_path)

    def fail(*_: Any, **__: Any) -> Any:
        raise TypeError("a bug")

    monkeypatch.setattr(module, "Checkpoint", fail)
    with pytest.raises(TypeError, match="a bug"):
        read_checkpoint(tmp_path, "a")
