"""Reads one file of SHD in a process of its own: ``python -m ... SRC OUT.npz LIMIT BYTES``.

Exit code 1 with one line on stderr for a file that says something else than it should; any other
code means that the library gave up.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

import numpy as np

LARGEST = 1 << 28
"""Most events of a file."""


class Wrong(Exception):
    """The file is not as it should be."""


def extract(source: str, out: str, limit: int) -> None:
    """Write labels, ends, units and times of the recordings as plain arrays."""
    import h5py

    with h5py.File(source, "r") as file:
        for name in ("labels", "spikes/times", "spikes/units"):
            if name not in file or not isinstance(file[name], h5py.Dataset):
                raise Wrong(f"holds no dataset {name}, expected labels, spikes/times, spikes/units")
        labels = file["labels"]
        times, units = file["spikes/times"], file["spikes/units"]
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
            raise Wrong(f"labels has shape {labels.shape} and dtype {labels.dtype}")
        if times.shape != labels.shape or units.shape != labels.shape:
            raise Wrong(f"holds {labels.shape} labels, {times.shape} times, {units.shape} units")
        count = min(len(labels), limit or len(labels))
        found: dict[str, list[Any]] = {"units": [], "times": []}
        ends: list[int] = []
        for k in range(count):
            t, x = np.asarray(times[k]), np.asarray(units[k])
            if t.ndim != 1 or t.shape != x.shape:
                raise Wrong(f"recording {k} has {t.shape} times and {x.shape} units")
            if t.dtype.kind != "f" or x.dtype.kind not in "iu":
                raise Wrong(f"recording {k} has times {t.dtype} and units {x.dtype}")
            ends.append((ends[-1] if ends else 0) + len(t))
            if ends[-1] > LARGEST:
                raise Wrong(f"holds more than {LARGEST:,} events, use limit")
            found["units"].append(x.astype(np.int64))
            found["times"].append(t.astype(np.float64))
        np.savez(
            out,
            labels=labels[:count].astype(np.int64),
            ends=np.array(ends, np.int64),
            units=np.concatenate(found["units"]),
            times=np.concatenate(found["times"]),
        )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[4]), int(sys.argv[4])))
    try:
        extract(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(1)
    except (OSError, ValueError, RuntimeError, MemoryError, KeyError) as error:
        print(error, file=sys.stderr)
        sys.exit(3)
