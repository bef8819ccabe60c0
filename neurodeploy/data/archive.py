"""Data of the user: an ``.npz`` with integer ``x`` (samples first) and ``y``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import SPLIT_SEED, Dataset, Split, hold_out, whole_set
from neurodeploy.errors import DataError, located

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
KEYS = ("x", "y", "lengths", "x_test", "y_test", "lengths_test", "peak", "classes")


def load_archive(path: str | Path) -> Dataset:
    """Return the data set in an ``.npz``.

    x : integers ``(samples, N)`` or ``(samples, C, H, W)``, or a series ``(samples, steps,
    channels)``. y : integer class numbers from 0. Optional: x_test and y_test (else 20 % of each
    class is held out with `SPLIT_SEED`), lengths and lengths_test of series, peak (else the
    largest magnitude) and classes (else the largest label + 1).

    Raises DataError that names the file, the array, what came and what was expected.
    """
    path = Path(path).expanduser()
    with located(str(path)):
        arrays = _read(path)
        pool = _split(arrays, "")
        if "x_test" in arrays:
            rest, test = pool, _split(arrays, "_test", start=len(pool))
            if test.x.shape[1:] != pool.x.shape[1:]:
                raise DataError(
                    f"x_test has samples of shape {test.x.shape[1:]}, x has {pool.x.shape[1:]}"
                )
        else:
            rest, test = hold_out(pool, TEST_SHARE, SPLIT_SEED)
        train, validation = hold_out(rest, VALIDATION_SHARE, SPLIT_SEED + 1)
        parts = (train, validation, test)
        return Dataset(
            name=path.name,
            train=train,
            validation=validation,
            test=test,
            classes=_scalar(arrays, "classes", 1 + max(int(p.y.max(initial=0)) for p in parts)),
            peak=_scalar(arrays, "peak", max(1, *(int(np.abs(p.x).max(initial=0)) for p in parts))),
            series=pool.x.ndim == 3,
            seed=SPLIT_SEED,
            source=path.name,
        )


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    if not path.is_file():
        raise DataError("there is no such file")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError("is a single .npy array, expected an .npz with x and y")
        with archive:
            arrays = {name: archive[name] for name in archive.files if name in KEYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"is not an .npz of plain arrays: {error}") from error
    for name in ("x", "y"):
        if name not in arrays:
            raise DataError(f"holds no {name!r}, expected x (samples first) and y")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError("holds only one of x_test and y_test, expected both or none")
    return arrays


def _split(arrays: Mapping[str, NDArray[Any]], suffix: str, start: int = 0) -> Split:
    x, y = arrays[f"x{suffix}"], arrays[f"y{suffix}"]
    for name, array in ((f"x{suffix}", x), (f"y{suffix}", y)):
        if array.dtype.kind not in "iub":
            raise DataError(f"{name} has dtype {array.dtype}, expected integers; quantise it first")
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise DataError(
            f"x{suffix} has shape {x.shape}, expected (samples, N), (samples, C, H, W) or a "
            "series (samples, steps, channels)"
        )
    if y.shape != x.shape[:1]:
        raise DataError(f"y{suffix} has shape {y.shape}, expected {x.shape[:1]}")
    if int(y.min()) < 0:
        raise DataError(f"y{suffix} holds {int(y.min())}, class numbers start at 0")
    if int(x.min()) < -(2**24) or int(x.max()) > 2**24:
        raise DataError(f"x{suffix} exceeds +-{2**24}, the limit of an input value")
    return whole_set(x, y, _lengths(arrays, f"lengths{suffix}", x), start)


def _lengths(
    arrays: Mapping[str, NDArray[Any]], name: str, x: NDArray[Any]
) -> NDArray[np.int64] | None:
    if name not in arrays:
        return None
    lengths = arrays[name]
    if x.ndim != 3:
        raise DataError(f"{name} is given, but x is no series (samples, steps, channels)")
    if lengths.shape != x.shape[:1] or lengths.dtype.kind not in "iu":
        raise DataError(f"{name} has shape {lengths.shape}, expected integers {x.shape[:1]}")
    if int(lengths.min()) < 1 or int(lengths.max()) > x.shape[1]:
        raise DataError(f"{name} holds values outside 1 to {x.shape[1]}")
    return lengths.astype(np.int64)


def _scalar(arrays: Mapping[str, NDArray[Any]], name: str, least: int) -> int:
    """Return the entry ``name``, at least ``least``; ``least`` itself when it is not given."""
    if name not in arrays:
        return least
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "iu" or int(value.reshape(())) < least:
        raise DataError(f"{name} is {value.tolist()}, expected one integer of at least {least}")
    return int(value.reshape(()))
