"""N-MNIST: 40 bits an event, one file a recording, a folder a class.

Source: Orchard et al. 2015, doi 10.3389/fnins.2015.00437; the layout as the data set describes it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurodeploy.data.events.record import Events
from neurodeploy.errors import DataError, located

SIDE = 34
"""Pixels of the sensor that the recordings keep, in both directions."""
OVERFLOW_ROW, OVERFLOW_US = 240, 1 << 13
"""An entry with this row is no event: all later times are that much larger."""
EVENT_BYTES = 5


def read_nmnist(path: Path | str) -> Events:
    """Return the events of a ``.bin`` file: x, y, then polarity (1 bit) and time (23 bits, us).

    Raises DataError for a truncated file and for events that the sensor cannot have sent.
    """
    with located(str(path)):
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read: {error}") from error
        if not content or len(content) % EVENT_BYTES:
            raise DataError(f"holds {len(content)} bytes, expected {EVENT_BYTES} for each event")
        raw = np.frombuffer(content, np.uint8).reshape(-1, EVENT_BYTES).astype(np.int64)
        time = ((raw[:, 2] & 0x7F) << 16) | (raw[:, 3] << 8) | raw[:, 4]
        marks = raw[:, 1] == OVERFLOW_ROW
        time = time + OVERFLOW_US * np.cumsum(marks)
        kept = raw[~marks]
        return Events(kept[:, 0], kept[:, 1], kept[:, 2] >> 7, time[~marks], SIDE, SIDE)
