"""Data of the user: an ``.npz`` with integer ``x`` (samples first) and ``y``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.arrays import integer_data, labels_of, lengths_of
from neurodeploy.data.dataset import OWN_PARTS, SPLIT_SEED, Dataset, Split, hold_out, whole_set
from neurodeploy.errors import DataError, alike, located

Arrays = Mapping[str, NDArray[Any]]

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
KEYS = ("x", "y", "lengths", "split", "x_test", "y_test", "lengths_test", "peak", "classes")
NPZ_HELP = (
    "An .npz holds integers x, samples first: (samples, N) or (samples, C, H, W), or a series "
    "(samples, steps, N) or (samples, steps, C, H, W); and class numbers y from 0. It may hold "
    "x_test and y_test, or split (train, validation or test per sample), else a fifth of each "
    "class is held out for testing and a tenth of the rest for validation; lengths and "
    "lengths_test (steps that hold data); peak (largest magnitude) and classes."
)
"""What ``--help`` says of a user's own data."""


def load_archive(path: str | Path) -> Dataset:
    """Return the data set in an ``.npz``.

    x : integers ``(samples, N)`` or ``(samples, C, H, W)``, or a series ``(samples, steps, N)`` or
    ``(samples, steps, C, H, W)``. y : integer class numbers from 0.

    Optional: x_test and y_test; or split, per sample ``train``, ``validation``, ``test`` or 0, 1,
    2; else 20 % of each class are held out for testing. Where validation is not told, 10 % of
    each class of the rest. lengths, lengths_test : steps of a series that hold data. peak : largest
    magnitude of a value, else that of the samples that are not for testing. classes : else the
    largest label + 1. `Dataset.notes` says what was left out and what that led to.

    Raises DataError that names the file, the array, what came and what was expected.
    """
    path = Path(path).expanduser()
    with located(str(path)):
        arrays, left_out = _read(path)
        pool = _split(arrays, "")
        found = _parts(arrays, pool)
        seen = [part for part in (found.train, found.validation) if len(part)] or [found.test]
        checked = [*seen, found.test] if "peak" in arrays else seen
        largest = max(1, *(int(np.abs(part.x).max(initial=0)) for part in checked))
        peak = _scalar(arrays, "peak", largest)
        return Dataset(
            name=path.name,
            train=found.train,
            validation=found.validation,
            test=found.test,
            classes=_scalar(arrays, "classes", 1 + _largest_label(found)),
            peak=peak,
            series=pool.x.ndim in (3, 5),
            seed=SPLIT_SEED,
            source=path.name,
            signed=any(int(part.x.min(initial=0)) < 0 for part in seen),
            notes=(*found.notes, *_range_notes(arrays, found.test, peak), *left_out),
        )


class _Parts(NamedTuple):
    train: Split
    validation: Split
    test: Split
    notes: tuple[str, ...]


def _read(path: Path) -> tuple[Arrays, list[str]]:
    """Return the arrays of the contract, and a note of those that are not read."""
    if not path.is_file():
        raise DataError("there is no such file")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError("is a single .npy array, expected an .npz with x and y")
        with archive:
            arrays = {name: archive[name] for name in archive.files if name in KEYS}
            others = [name for name in archive.files if name not in KEYS]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"is not an .npz of plain arrays: {error}") from error
    except MemoryError as error:
        raise DataError("needs more memory than there is") from error
    for name in ("x", "y"):
        if name not in arrays:
            near = alike(f"{name}_train", others)
            hint = f"; is it {near!r}?" if near else ""
            raise DataError(f"holds no {name!r}, expected x (samples first) and y{hint}")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError("holds only one of x_test and y_test, expected both or none")
    if "x_test" in arrays and "split" in arrays:
        raise DataError("holds both x_test and split, expected one of them")
    return arrays, [f"not read: {', '.join(others)}"] if others else []


def _split(arrays: Arrays, suffix: str, start: int = 0) -> Split:
    x = integer_data(f"x{suffix}", arrays[f"x{suffix}"], len(arrays[f"y{suffix}"].reshape(-1)))
    y = labels_of(f"y{suffix}", arrays[f"y{suffix}"], len(x))
    name = f"lengths{suffix}"
    lengths = lengths_of(name, arrays[name], x) if name in arrays else None
    return whole_set(x, y, lengths, start)


def _parts(arrays: Arrays, pool: Split) -> _Parts:
    """Return the three splits, told by the file where it tells them."""
    if "split" in arrays:
        return _told(arrays["split"], pool)
    notes = []
    if "x_test" in arrays:
        rest, test = pool, _split(arrays, "_test", start=len(pool))
        if test.x.shape[1:] != pool.x.shape[1:]:
            raise DataError(
                f"x_test has samples of shape {test.x.shape[1:]}, x has {pool.x.shape[1:]}"
            )
        if (test.lengths is None) != (pool.lengths is None):
            raise DataError("holds only one of lengths and lengths_test, expected both or none")
    else:
        rest, test = hold_out(pool, TEST_SHARE, SPLIT_SEED)
        notes = [
            f"x_test is absent: a fifth of each class of x ({len(test)} of {len(pool)} samples) is "
            "held out for testing"
        ]
    train, validation = hold_out(rest, VALIDATION_SHARE, SPLIT_SEED + 1)
    return _Parts(train, validation, test, (*notes, _validation_note(validation, rest)))


def _told(split: NDArray[Any], pool: Split) -> _Parts:
    """Return the parts that ``split`` names, per sample of x."""
    if split.shape != (len(pool),):
        raise DataError(f"split has shape {split.shape}, expected {(len(pool),)}")
    if split.dtype.kind == "S":
        split = np.char.decode(split, "utf-8")
    names = split if split.dtype.kind == "U" else _names(split)
    for row, name in enumerate(names.tolist()):
        if name not in OWN_PARTS:
            raise DataError(
                f"split of sample {row} is {split[row].item()!r}, expected train, validation or "
                "test, or 0, 1 or 2"
            )
    train, validation, test = (pool.take(np.flatnonzero(names == part)) for part in OWN_PARTS)
    if len(validation):
        return _Parts(train, validation, test, ())
    kept, validation = hold_out(train, VALIDATION_SHARE, SPLIT_SEED + 1)
    return _Parts(kept, validation, test, (_validation_note(validation, train),))


def _names(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the parts of the numbers 0, 1, 2; other numbers have no name."""
    if numbers.dtype.kind not in "iu":
        raise DataError(f"split has dtype {numbers.dtype}, expected names of parts or 0, 1, 2")
    known = dict(enumerate(OWN_PARTS))
    return np.array([known.get(number, "") for number in numbers.tolist()])


def _validation_note(validation: Split, rest: Split) -> str:
    return (
        f"a tenth of each class of the rest ({len(validation)} of {len(rest)} samples) is held "
        "out for validation"
    )


def _range_notes(arrays: Arrays, test: Split, peak: int) -> list[str]:
    """Say what stands for a missing peak, and whether test values go beyond it."""
    notes = []
    if "peak" not in arrays:
        notes.append(f"peak is absent: {peak}, the largest magnitude that is not for testing")
    beyond = int(np.count_nonzero(np.abs(test.x) > peak))
    if beyond:
        notes.append(
            f"{beyond} values of the test part exceed the peak {peak}, the largest is "
            f"{int(np.abs(test.x).max())}; add peak to the file if they belong"
        )
    return notes


def _largest_label(parts: _Parts) -> int:
    return max(int(part.y.max(initial=0)) for part in (parts.train, parts.validation, parts.test))


def _scalar(arrays: Arrays, name: str, least: int) -> int:
    """Return the entry ``name``, at least ``least``; ``least`` itself when it is not given."""
    if name not in arrays:
        return least
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "iu" or int(value.reshape(())) < least:
        raise DataError(f"{name} is {value.tolist()}, expected one integer of at least {least}")
    return int(value.reshape(()))
