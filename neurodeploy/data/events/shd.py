"""Spiking Heidelberg Digits: HDF5 with times and units of every recording, 700 channels.

A damaged list of varying length can keep the HDF5 library busy for ever, or make it ask for any
amount of memory. The file is therefore read by a process of its own, with bounds on both.

Source: Cramer et al. 2022, doi 10.1109/TNNLS.2020.3044364.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurodeploy.data.events.record import Events, sorted_events
from neurodeploy.errors import DataError, located
from neurodeploy.foreign import described

CHANNELS = 700
MEMORY_BYTES = 4 << 30
TIME_LIMIT_S = 300
US = 1_000_000


def read_shd(path: Path | str, limit: int | None = None) -> Iterator[tuple[int, Events]]:
    """Yield (class, events) of every recording, or of the first ``limit``.

    Units are columns of a sensor of one row; times are rounded down to microseconds, and sorted.

    Raises DataError for what is no such file, and for one that takes too long or too much memory.
    """
    with located(str(path)), tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.npz"
        _extract(Path(path), found, limit)
        with np.load(found, allow_pickle=False) as arrays:
            labels, ends = arrays["labels"], arrays["ends"]
            units, times = arrays["units"], arrays["times"]
    start = 0
    for k, (label, end) in enumerate(zip(labels.tolist(), ends.tolist(), strict=True)):
        x, t = units[start:end], times[start:end]
        start = end
        with located(f"{path}: recording {k}"):
            if not np.isfinite(t).all():
                raise DataError("a time is not a number")
            microseconds = np.floor(t.astype(np.float64) * US).astype(np.int64)
            none = np.zeros_like(x)
            yield label, sorted_events(x, none, none, microseconds, CHANNELS, 1)


def _extract(path: Path, found: Path, limit: int | None) -> None:
    """Let a process of its own write plain arrays of the file."""
    command = [sys.executable, "-m", f"{__package__}.shd_worker", str(path), str(found)]
    try:
        done = subprocess.run(
            [*command, str(limit or 0), str(MEMORY_BYTES)],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"is not read within {TIME_LIMIT_S} s, it is damaged") from error
    if done.returncode == 1:
        raise DataError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise DataError(f"is {described(path)}, and cannot be read: it is damaged")
