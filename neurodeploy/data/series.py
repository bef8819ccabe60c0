"""Multichannel time series that ship inside the sktime package, read without importing it.

The ``.ts`` text format: comment lines ``#``, header lines ``@key value``, ``@data``, then one
sample per line: channels separated by ``:``, values by ``,``, the class label last.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import SPLIT_SEED, Dataset, hold_out, whole_set
from neurodeploy.errors import DataError, located

PROBLEMS = {"japanese-vowels": "JapaneseVowels", "basic-motions": "BasicMotions"}
PEAK = 127
SPAN = 3.0
"""Standard deviations of the training values that are mapped to the peak; beyond, they clip."""
VALIDATION_SHARE = 0.2

Series = list[list[float]]
"""One sample: per channel, its values."""


def load_series(name: str) -> Dataset:
    """Return ``japanese-vowels`` or ``basic-motions`` as integer series with the official split.

    Per channel, ``x = clip(round((value - mean) * 127 / (3 std)), -127, 127)``, mean and standard
    deviation of the official training samples rounded to six decimals. Samples shorter than the
    longest are zero at the end and have a length.

    Raises DataError when sktime is not installed or a file is damaged.
    """
    folder = _folder(name)
    problem = PROBLEMS[name]
    train, train_labels, names = read_ts(folder / f"{problem}_TRAIN.ts")
    test, test_labels, test_names = read_ts(folder / f"{problem}_TEST.ts")
    if names != test_names:
        raise DataError(f"{name}: classes of training and test differ: {names} and {test_names}")
    steps = max(len(sample[0]) for sample in (*train, *test))
    mean, scale = _statistics(train)
    x, lengths = _quantised(train, steps, mean, scale)
    test_x, test_lengths = _quantised(test, steps, mean, scale)
    pool = whole_set(x, train_labels, lengths)
    kept, validation = hold_out(pool, VALIDATION_SHARE, SPLIT_SEED)
    return Dataset(
        name=name,
        train=kept,
        validation=validation,
        test=whole_set(test_x, test_labels, test_lengths, start=len(pool)),
        classes=len(names),
        peak=PEAK,
        series=True,
        seed=SPLIT_SEED,
        source=f"sktime, {problem}_TRAIN.ts and _TEST.ts",
        signed=True,
    )


def _folder(name: str) -> Path:
    spec = find_spec("sktime")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"{name}: the sktime package, which holds it, is not installed; "
            "pip install neurodeploy[temporal]"
        )
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / PROBLEMS[name]


def read_ts(path: Path) -> tuple[list[Series], NDArray[np.int64], tuple[str, ...]]:
    """Return (samples, class numbers, class names) of a ``.ts`` file.

    Raises DataError that names the file and the line.
    """
    with located(str(path)):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read: {error}") from error
        names: tuple[str, ...] = ()
        samples: list[Series] = []
        labels: list[int] = []
        in_data = False
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if in_data:
                with located(f"line {number}"):
                    sample, label = _sample(text, names)
                samples.append(sample)
                labels.append(label)
            elif text.lower().startswith("@classlabel"):
                names = tuple(text.split()[2:])
            in_data = in_data or text.lower() == "@data"
        if not samples or not names:
            raise DataError("holds no samples with classes, expected @classLabel and @data")
        if len({len(sample) for sample in samples}) > 1:
            raise DataError("samples differ in their number of channels")
        return samples, np.array(labels, np.int64), names


def _sample(text: str, names: tuple[str, ...]) -> tuple[Series, int]:
    *channels, label = text.split(":")
    if label.strip() not in names or not channels:
        raise DataError(f"class is {label.strip()!r}, expected one of {', '.join(names)}")
    try:
        values = [[float(item) for item in channel.split(",")] for channel in channels]
    except ValueError as error:
        raise DataError(f"a value is not a number: {error}") from error
    if not all(math.isfinite(value) for channel in values for value in channel):
        raise DataError("a value is not finite")
    if len({len(channel) for channel in values}) > 1:
        raise DataError("channels differ in length")
    return values, names.index(label.strip())


def _statistics(samples: list[Series]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and ``SPAN`` standard deviations per channel, rounded to six decimals."""
    values = np.concatenate([np.asarray(sample).T for sample in samples])
    spread = np.maximum(values.std(axis=0) * SPAN, 1e-6)
    return np.round(values.mean(axis=0), 6), np.round(spread, 6)


def _quantised(
    samples: list[Series], steps: int, mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return (x int32 ``(samples, steps, channels)``, lengths)."""
    x = np.zeros((len(samples), steps, len(mean)), np.int32)
    lengths = np.zeros(len(samples), np.int64)
    for k, sample in enumerate(samples):
        values = (np.asarray(sample).T - mean) * (PEAK / scale)
        lengths[k] = len(values)
        x[k, : len(values)] = np.clip(np.rint(values), -PEAK, PEAK)
    return x, lengths
