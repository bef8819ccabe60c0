"""AEDAT 3.1, the files of DVS-Gesture: packets of polarity events behind a header of text.

Source: iniVation, AEDAT 3.1 file format; Amir et al., CVPR 2017 (DVS-Gesture).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.events.record import Events
from neurodeploy.errors import DataError, located

SIDE = 128
MAGIC, END = b"#!AER-DAT3.1", b"#!END-HEADER"
PACKET = struct.Struct("<hhiiiiii")
"""Type, source, bytes of an event, place of its time in it, overflows, capacity, number, valid."""
POLARITY, POLARITY_BYTES = 1, 8
LABELS = "class,startTime_usec,endTime_usec"


def read_aedat(path: Path | str) -> Events:
    """Return the valid polarity events of a file; packets of other kinds are passed over.

    Of an event the low 32 bits hold: valid (1), polarity (1), y (15), x (15); the high ones the
    time in us, to which ``overflows << 31`` is added.

    Raises DataError for another version, a truncated packet, and events outside of the sensor.
    """
    with located(str(path)):
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read: {error}") from error
        words, times = [], []
        for packet, overflows in _packets(content, _header(content)):
            words.append(packet[:, 0].astype(np.int64))
            times.append(packet[:, 1].astype(np.int64) + (overflows << 31))
        data = np.concatenate(words) if words else np.zeros(0, np.int64)
        time = np.concatenate(times) if times else np.zeros(0, np.int64)
        valid = (data & 1) == 1
        data, time = data[valid], time[valid]
        return Events(data >> 17, (data >> 2) & 0x7FFF, (data >> 1) & 1, time, SIDE, SIDE)


def _header(content: bytes) -> int:
    """Return where the packets begin."""
    if not content.startswith(MAGIC):
        first = content[:16].split(b"\r")[0].split(b"\n")[0]
        raise DataError(f"starts with {first!r}, expected {MAGIC.decode()}")
    end = content.find(END)
    if end < 0:
        raise DataError(f"has no line {END.decode()}")
    line = content.find(b"\n", end)
    return len(content) if line < 0 else line + 1


def _packets(content: bytes, place: int) -> Iterator[tuple[NDArray[np.uint32], int]]:
    """Yield the polarity events of each packet, uint32 ``(number, 2)``, and its overflows."""
    while place < len(content):
        if place + PACKET.size > len(content):
            raise DataError(f"ends at byte {len(content)} within the head of a packet")
        kind, _, size, _, overflows, _, number, _ = PACKET.unpack_from(content, place)
        place += PACKET.size
        if size < 1 or number < 0 or overflows < 0:
            raise DataError(
                f"a packet at byte {place - PACKET.size} holds {number} events of {size} bytes"
            )
        if place + size * number > len(content):
            raise DataError(
                f"ends at byte {len(content)}, a packet of {number} events ends at "
                f"{place + size * number}"
            )
        if kind == POLARITY:
            if size != POLARITY_BYTES:
                raise DataError(f"a polarity event has {size} bytes, expected {POLARITY_BYTES}")
            words = np.frombuffer(content, "<u4", 2 * number, place)
            yield words.reshape(number, 2), overflows
        place += size * number


def read_labels(path: Path | str) -> list[tuple[int, int, int]]:
    """Return (class from 1, start, end) in us of every gesture that a label file names.

    Raises DataError that names the line.
    """
    with located(str(path)):
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read: {error}") from error
        if not lines or lines[0].strip() != LABELS:
            first = lines[0][:60] if lines else ""
            raise DataError(f"line 1 is {first!r}, expected {LABELS}")
        found = []
        for number, line in enumerate(lines[1:], 2):
            if not line.strip():
                continue
            cells = line.split(",")
            if len(cells) != 3 or not all(cell.strip().isdigit() for cell in cells):
                raise DataError(f"line {number}: {line[:40]!r} are not three whole numbers")
            label, start, end = (int(cell) for cell in cells)
            if label < 1 or end <= start:
                raise DataError(f"line {number}: class {label} from {start} to {end} us")
            found.append((label, start, end))
        return found


def cut(events: Events, start_us: int, end_us: int) -> Events:
    """Return the events from ``start_us`` up to, not including, ``end_us``."""
    rows = slice(*np.searchsorted(events.t, [start_us, end_us]))
    x, y, p, t = (array[rows] for array in (events.x, events.y, events.p, events.t))
    return Events(x, y, p, t, events.width, events.height)
