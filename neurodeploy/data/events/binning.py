"""Events into columns: one frame a step, with every event that is lost counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.events.record import Events
from neurodeploy.errors import OptionError, alike

LARGEST_COUNT = 255
"""Most events that a graded cell holds; more are lost, and counted."""


@dataclass(frozen=True)
class Binning:
    """How recordings become columns ``(steps, channels, height, width)``.

    steps : columns of a sample. step_us : duration of one in microseconds; None shares each
    recording out evenly, ``step = (t - t[0]) * steps // (t[-1] - t[0] + 1)``. polarities : 2 for a
    channel each (0 first), 1 for one channel of both. crop : (top, left, height, width) of the
    sensor that is kept, None for all of it. downsample : side of the square of pixels that become
    one. graded : 0 for cells that hold 1 where there was an event, else the most events that are
    counted in a cell.

    Raises OptionError for numbers out of range.
    """

    steps: int = 20
    step_us: int | None = None
    polarities: int = 2
    crop: tuple[int, int, int, int] | None = None
    downsample: int = 1
    graded: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("steps", 1, 100_000),
            ("polarities", 1, 2),
            ("downsample", 1, 4096),
            ("graded", 0, LARGEST_COUNT),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise OptionError(f"{name} is {value!r}, expected {low} to {high}")
        if self.step_us is not None and self.step_us < 1:
            raise OptionError(f"step_us is {self.step_us}, expected 1 or more")

    @classmethod
    def of_text(cls, entries: dict[str, str]) -> Binning:
        """Return the binning of ``key=value`` texts; crop is four numbers with ``x`` between."""
        given: dict[str, int | tuple[int, ...]] = {}
        for key, text in entries.items():
            if key not in cls.__dataclass_fields__:
                close = alike(key, cls.__dataclass_fields__)
                hint = f"; did you mean {close!r}?" if close else ""
                known = ", ".join(cls.__dataclass_fields__)
                raise OptionError(f"no option {key!r}, there are limit, {known}{hint}")
            crop = key == "crop"
            parts = text.split("x") if crop else [text]
            if not all(part.isdigit() for part in parts) or len(parts) != (4 if crop else 1):
                expected = "TOPxLEFTxHEIGHTxWIDTH" if crop else "a whole number"
                raise OptionError(f"{key} is {text!r}, expected {expected}")
            numbers = tuple(int(part) for part in parts)
            given[key] = numbers if key == "crop" else numbers[0]
        return cls(**given)  # type: ignore[arg-type]

    def shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Return (channels, height, width) of a column of a sensor of that size.

        Raises OptionError for a crop outside of the sensor, or with no whole pixel left.
        """
        top, left, rows, columns = self.crop or (0, 0, height, width)
        if rows < 1 or columns < 1 or top + rows > height or left + columns > width:
            raise OptionError(
                f"crop is {top}x{left}x{rows}x{columns}, the sensor has {height} rows and {width} "
                "columns"
            )
        if min(rows, columns) < self.downsample:
            raise OptionError(
                f"downsample is {self.downsample}, {rows} rows and {columns} columns are kept"
            )
        return self.polarities, rows // self.downsample, columns // self.downsample


@dataclass(frozen=True)
class Lost:
    """Events that are in no column: cropped : outside of what is kept, late : after the last step,
    merged : beyond what a cell holds. of : all events."""

    cropped: int = 0
    late: int = 0
    merged: int = 0
    of: int = 0

    def __add__(self, other: Lost) -> Lost:
        return Lost(
            self.cropped + other.cropped,
            self.late + other.late,
            self.merged + other.merged,
            self.of + other.of,
        )

    def sentence(self) -> str:
        """Return the counts in words, "" where nothing was lost."""
        named = (
            ("outside of the crop", self.cropped),
            ("after the last step", self.late),
            ("beyond what a cell holds", self.merged),
        )
        told = [f"{count:,} {what}" for what, count in named if count]
        return f"of {self.of:,} events {', '.join(told)} are left out" if told else ""


def binned(events: Events, how: Binning) -> tuple[NDArray[np.uint8], Lost]:
    """Return columns uint8 ``(steps, channels, height, width)`` and what was lost.

    Pixels at the lower and right edge that fill no square of ``downsample`` are cropped.
    """
    shape = how.shape(events.width, events.height)
    top, left, *_ = how.crop or (0, 0)
    row, column = (events.y - top) // how.downsample, (events.x - left) // how.downsample
    inside = (events.y >= top) & (row < shape[1]) & (events.x >= left) & (column < shape[2])
    step = _steps(events, how)
    early = step < how.steps
    kept = inside & early
    channel = events.p if how.polarities == 2 else np.zeros_like(events.p)
    place = np.ravel_multi_index(
        (step[kept], channel[kept], row[kept], column[kept]), (how.steps, *shape)
    )
    counts = np.bincount(place, minlength=how.steps * int(np.prod(shape)))
    held = np.minimum(counts, how.graded or 1)
    lost = Lost(
        cropped=int(np.count_nonzero(~inside)),
        late=int(np.count_nonzero(inside & ~early)),
        merged=int(counts.sum() - held.sum()),
        of=len(events),
    )
    return held.astype(np.uint8).reshape(how.steps, *shape), lost


def _steps(events: Events, how: Binning) -> NDArray[np.int64]:
    if not len(events):
        return events.t
    since = events.t - events.t[0]
    if how.step_us is not None:
        return np.asarray(since // how.step_us, np.int64)
    return np.asarray(since * how.steps // (int(since[-1]) + 1), np.int64)
