"""Data from outside against the width that their input declares: a warning, once for each input.

Nothing is masked: a value beyond the declared bits is used as it is, and one of a binary input
counts as one event, whatever it is. Both are rarely meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import warn
from neurodeploy.recording import blocks

LOOKED, PARTS = 2**16, 4
"""Values that a look takes in, in so many parts spread over larger data."""
FIRST, EVERY = 8, 64
"""The first runs are looked at, then one in so many: the engine is about as fast as a look."""
LARGE = 2**20
"""Runs of so many values take long enough to be looked at each time."""
WIDEST = 31
"""Bits that every value fits."""


class MessageWatch:
    """Looks at the data of runs until it had to warn: all of the first, samples of later ones.

    names : of the inputs. bits : in effect for each, 0 for a binary one, None where no synapse
    reads the messages.
    """

    def __init__(self, names: Sequence[str], bits: Sequence[int | None]) -> None:
        self._runs = 0
        self._open = {
            k: (name, width)
            for k, (name, width) in enumerate(zip(names, bits, strict=True))
            if width is not None and width < WIDEST
        }

    def look(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Warn of values that the width does not allow. arrays : per input, uint8 or int32."""
        self._runs += 1
        if self._runs > FIRST and self._runs % EVERY and arrays[0].size < LARGE:
            return
        most = None if self._runs == 1 else LOOKED
        for k, (name, width) in tuple(self._open.items()):
            if _is_beyond(arrays[k].reshape(-1), width, most):
                del self._open[k]
                warn(f"input {name}: {_text(arrays[k], width)}")


def _is_beyond(flat: NDArray[Any], bits: int, most: int | None) -> bool:
    """Whether a value is not allowed, of all or of at most so many."""
    if flat.dtype == np.uint8 and bits >= 8:
        return False
    if most is None or flat.size <= most:
        return flat.size > 0 and _has_beyond(flat, bits)
    size = most // PARTS
    starts = (part * (flat.size - size) // (PARTS - 1) for part in range(PARTS))
    return any(_has_beyond(flat[start : start + size], bits) for start in starts)


def _has_beyond(flat: NDArray[Any], bits: int) -> bool:
    low, high = _allowed(bits)
    if flat.dtype == np.uint8:
        return bool(np.maximum.reduce(flat) > high)
    # One pass for what is usual: as unsigned numbers, negative ones are the largest of all.
    if np.maximum.reduce(flat.view(np.uint32)) <= high:
        return False
    return bool(np.maximum.reduce(flat) > high or np.minimum.reduce(flat) < low)


def _allowed(bits: int) -> tuple[int, int]:
    """Return 0 and 1 for a binary input, else the least and largest value of that magnitude."""
    return (1 - 2**bits, 2**bits - 1) if bits else (0, 1)


def _text(array: NDArray[Any], bits: int) -> str:
    low, high = _allowed(bits)
    count, least, largest = 0, 0, 0
    for block in blocks(array):
        beyond = block[(block < low) | (block > high)]
        if beyond.size:
            ends = int(beyond.min()), int(beyond.max())
            least, largest = (min(least, ends[0]), max(largest, ends[1])) if count else ends
            count += beyond.size
    found = f"{least} to {largest}" if least < largest else f"{least}"
    needed = max(abs(least), abs(largest)).bit_length()
    if bits:
        return (
            f"{count} of {array.size} values exceed its {bits} message bits ({found}, expected "
            f"{low} to {high}) and are used as they are; declare {needed} bits, or scale the data"
        )
    return (
        f"{count} of {array.size} values are neither 0 nor 1 ({found}), and each counts as one "
        f"event, since the input is binary; if values are to count, give input_bits={needed}"
    )
