"""Arrays of a user, checked one by one: samples, labels, lengths; each fault with its way out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import DataError

LARGEST = 2**24
"""Largest magnitude of an input value."""
LAYOUTS = (
    "(samples, N), (samples, C, H, W) or a series (samples, steps, N), (samples, steps, C, H, W)"
)


def integer_data(name: str, x: NDArray[Any], labels: int) -> NDArray[np.int32]:
    """Return samples as int32. labels : how many there are, which tells the axis of samples.

    Raises DataError for another type, layout or range.
    """
    if x.dtype.kind not in "iub":
        raise DataError(f"{name} has dtype {x.dtype}, expected integers; {_to_integers(name, x)}")
    if x.ndim not in (2, 3, 4, 5) or 0 in x.shape:
        raise DataError(f"{name} has shape {x.shape}, expected {LAYOUTS}")
    if len(x) != labels and x.shape[1] == labels > 1:
        raise DataError(
            f"{name} has shape {x.shape} for {labels} labels, samples come first: "
            f"np.swapaxes({name}, 0, 1)"
        )
    low, high = int(x.min()), int(x.max())
    if low < -LARGEST or high > LARGEST:
        value = low if low < -LARGEST else high
        raise DataError(f"{name} holds {value}, allowed are {-LARGEST} to {LARGEST}")
    return np.asarray(x, np.int32)


def labels_of(name: str, y: NDArray[Any], samples: int) -> NDArray[np.int64]:
    """Return class numbers as int64; raises DataError for what is none."""
    if y.ndim == 2 and len(y) == samples and y.shape[1] > 1:
        raise DataError(
            f"{name} has shape {y.shape}, expected class numbers {(samples,)}; of one-hot rows "
            f"they are {name}.argmax(axis=1)"
        )
    if y.dtype.kind not in "iu":
        whole = y.dtype.kind == "b" or (y.dtype.kind == "f" and bool((np.rint(y) == y).all()))
        hint = f"; {name}.astype(np.int64)" if whole else ""
        raise DataError(f"{name} has dtype {y.dtype}, expected integer class numbers{hint}")
    if y.shape != (samples,):
        raise DataError(f"{name} has shape {y.shape}, expected {(samples,)}")
    if int(y.min()) < 0:
        row = int(np.argmax(y < 0))
        raise DataError(f"{name} holds {int(y[row])} (sample {row}), class numbers start at 0")
    if int(y.max()) >= 2**31:
        raise DataError(f"{name} holds {int(y.max())}, allowed are 0 to {2**31 - 1}")
    return y.astype(np.int64)


def lengths_of(name: str, lengths: NDArray[Any], x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the steps that hold data, int64; raises DataError for what cannot be lengths."""
    if x.ndim not in (3, 5):
        raise DataError(f"{name} is given, but x is no series (samples, steps, ...)")
    if lengths.shape != x.shape[:1] or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{name} has shape {lengths.shape} and dtype {lengths.dtype}, expected integers "
            f"{x.shape[:1]}"
        )
    for row in np.flatnonzero((lengths < 1) | (lengths > x.shape[1]))[:1]:
        raise DataError(
            f"{name} holds {int(lengths[row])} (sample {row}), allowed are 1 to {x.shape[1]}"
        )
    return lengths.astype(np.int64)


def _to_integers(name: str, x: NDArray[Any]) -> str:
    """Say how to make integers of ``x``."""
    if x.dtype.kind != "f" or not x.size:
        return "quantise them first"
    if bool(((x == 0) | (x == 1)).all()):
        return f"it holds only 0 and 1, so events: {name}.astype(np.uint8)"
    if bool((np.rint(x) == x).all()):
        return f"it holds whole numbers: {name}.astype(np.int32)"
    if float(x.min()) >= 0 and float(x.max()) <= 1:
        return f"quantise it: np.rint({name} * 255).astype(np.int32), and store 255 as peak"
    return f"quantise it: np.rint({name} * scale).astype(np.int32)"
