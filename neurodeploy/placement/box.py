"""Boxes of neurons: the pieces into which populations are cut."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

Maps = tuple[int, int, int]
"""(channels, height, width)."""


def as_maps(shape: tuple[int, ...]) -> Maps:
    """Return a shape as (C, H, W); a flat one is N channels of one cell."""
    return (shape[0], 1, 1) if len(shape) == 1 else (shape[0], shape[1], shape[2])


@dataclass(frozen=True, order=True)
class Box:
    """Neurons ``start <= (c, h, w) < stop`` of a population."""

    start: Maps
    stop: Maps

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.extent)

    @property
    def extent(self) -> Maps:
        """Channels, rows and columns."""
        c, h, w = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return c, h, w

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the neurons in an array ``(C, H, W)``."""
        c, h, w = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return c, h, w

    def text(self, shape: tuple[int, ...]) -> str:
        """Return the box in words: only axes that are cut, the last index included."""
        if len(shape) == 1:
            return f"neurons {self.start[0]} to {self.stop[0] - 1}"
        named = (
            f"{name} {start} to {stop - 1}"
            for name, start, stop, size in zip(
                ("channels", "rows", "columns"), self.start, self.stop, shape, strict=True
            )
            if stop - start < size
        )
        return ", ".join(named) or "all"


def even(size: int, parts: int) -> list[tuple[int, int]]:
    """Return ``parts`` ranges of 0..size that differ by one at most, the longer ones first."""
    each, more = divmod(size, parts)
    ends = [0]
    for part in range(parts):
        ends.append(ends[-1] + each + (part < more))
    return list(itertools.pairwise(ends))
