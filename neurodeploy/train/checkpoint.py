"""Checkpoints: everything that a run needs to go on, in one file that is whole or absent.

The file is made by `torch.save`, written under a temporary name and renamed; it is read back with
``weights_only=True``, so that nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import warnings
import zipfile
from dataclasses import dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurodeploy.atomic import replacing
from neurodeploy.errors import TrainingError, located

_DAMAGED = (
    OSError, EOFError, RuntimeError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, struct.error, pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip
"""What torch raises for a file that it cannot make sense of."""
_TYPES: dict[str, type] = {
    "digest": str, "epoch": int, "model": dict, "optimizer": dict, "best_epoch": int,
    "best_accuracy": float, "best_model": dict, "threads": int, "random": Tensor, "history": list,
}  # fmt: skip
"""Type of each field of a `Checkpoint` that every file has."""
_OPTIONAL: dict[str, type] = {"average": dict}

FORMAT = 1
FILE_NAME = "checkpoint.pt"


@dataclass
class Checkpoint:
    """State of a run after ``epoch`` epochs.

    digest : of the configuration. model, optimizer : state dicts. best_model : of the epoch with
    the best validation accuracy. history : one table of numbers per epoch. threads : of torch,
    which a resumed run keeps. random : state of torch's generator. average : the averaged weights
    (`neurodeploy.train.averaging`), None where none are kept.
    """

    digest: str
    epoch: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    best_epoch: int
    best_accuracy: float
    best_model: dict[str, Any]
    threads: int
    random: Tensor
    history: list[dict[str, Any]] = field(default_factory=list)
    average: dict[str, Any] | None = None


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write ``folder / "checkpoint.pt"`` whole or not at all, and return its path.

    Raises OSError when it cannot be written.
    """
    path = folder / FILE_NAME
    content = {f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}
    content = {k: value for k, value in content.items() if value is not None}
    image = BytesIO()  # torch does not get over a full disk
    torch.save({"format": FORMAT, **content}, image)
    with replacing(path) as file:
        file.write(image.getbuffer())
    return path


def read_checkpoint(folder: Path, digest: str) -> Checkpoint | None:
    """Return the checkpoint in ``folder``, or None when there is none.

    Raises TrainingError for a damaged file and for one of another configuration.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    with located(str(path)):
        content = _load(path)
        if content.get("format") != FORMAT:
            raise TrainingError(f"format is {content.get('format')!r}, this release reads {FORMAT}")
        if content.get("digest") != digest:
            raise TrainingError(
                f"belongs to configuration {str(content.get('digest'))[:12]}, this one is "
                f"{digest[:12]}; use the run's own config.toml or another folder"
            )
        expected = {**_TYPES, **{k: kind for k, kind in _OPTIONAL.items() if k in content}}
        for name, kind in expected.items():
            if name not in content:
                raise TrainingError(f"lacks {name!r}, it is damaged")
            if not isinstance(content[name], kind):
                raise TrainingError(
                    f"{name} is a {type(content[name]).__name__}, expected {kind.__name__}"
                )
        return Checkpoint(**{name: content[name] for name in expected})


def _load(path: Path) -> dict[str, Any]:
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about foreign files, which are refused below
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except _DAMAGED as error:
            raise TrainingError("cannot be read, it is damaged or no checkpoint") from error
    if not isinstance(content, dict):
        raise TrainingError("holds no checkpoint")
    return content


def copied(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state dict whose tensors are copies."""
    return {k: v.detach().clone() if isinstance(v, Tensor) else v for k, v in state.items()}


def weights_digest(state: dict[str, Any]) -> str:
    """Return the SHA-256 of the tensors of a state dict: names in order, little-endian bytes."""
    hasher = hashlib.sha256()
    for name in sorted(state):
        array = state[name].detach().cpu().numpy()
        hasher.update(f"{name}{array.shape}{array.dtype}".encode())
        hasher.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return hasher.hexdigest()
