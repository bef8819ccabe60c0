"""The data that a budget allows, on the grid on which an attack moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import Direct

Grid = NDArray[np.int32]
Rows = NDArray[np.int64]


def grid_of(data: Presentation) -> Presentation:
    """Return ``data`` by the values on which an attack moves; see `Space`."""
    encoder = data.encoder
    few = isinstance(encoder, Direct) and encoder.levels < encoder.peak
    return data.encoded() if few else data


@dataclass(frozen=True, eq=False)
class Space:
    """Whole numbers ``low`` to ``high`` around ``clean``, each int32 ``(samples, *shape)``.

    data : the samples. shown : how values of the grid become columns: the data themselves, or
    where a direct encoder has fewer levels than data, its levels. Each level that some datum within
    the budget gives is a value of the grid, and no other, so that moving on the grid loses nothing.
    least, most : what any value of the grid may be.
    """

    data: Presentation
    shown: Presentation
    clean: Grid
    low: Grid
    high: Grid

    @classmethod
    def around(cls, data: Presentation, steps: int) -> Space:
        """Return what is within ``steps`` of the data of every sample."""
        rows = slice(0, len(data))
        low, high = (end.astype(np.int32) for end in data.ball(rows, steps))
        clean, shown = data.x.astype(np.int32), grid_of(data)
        if shown is data:
            return cls(data, data, clean, low, high)
        values = cast(Direct, data.encoder).values
        return cls(data, shown, values(clean), values(low), values(high))

    def __len__(self) -> int:
        return len(self.clean)

    @property
    def least(self) -> int:
        """Smallest value of the grid."""
        return self.shown.domain.low

    @property
    def most(self) -> int:
        """Largest value of the grid."""
        return self.shown.domain.high

    @property
    def radius(self) -> int:
        """Largest move on the grid away from a clean value, 1 or more."""
        away = np.maximum(self.high - self.clean, self.clean - self.low)
        return max(1, int(away.max(initial=0)))

    def columns(self, x: Grid, rows: Rows, draw: int = 0) -> NDArray[Any]:
        """Return the columns of values ``x`` of the samples ``rows``, ``(rows, T, *input_shape)``.

        draw : repetition of a random encoder, 0 the one that the network is judged with.
        """
        shown = self.shown
        lengths = None if shown.split.lengths is None else shown.split.lengths[rows]
        columns = shown.encoder.encode(x, shown.index[rows], lengths, draw)
        return columns.reshape(*columns.shape[:2], *shown.input_shape)

    def project(self, x: NDArray[Any], rows: Rows) -> Grid:
        """Return ``clip(rint(x), low, high)``."""
        whole = np.rint(x)
        return np.asarray(np.clip(whole, self.low[rows], self.high[rows]), np.int32)

    def data_of(self, x: Grid, steps: int) -> NDArray[np.int64]:
        """Return data within ``steps`` of all samples that give the values ``x`` of the grid.

        Of the data that give a level, the one nearest to the clean datum. Data l to h of level k:
        ``l = ceil((2 k P - P) / 2 L)``, ``h = ceil((2 k P + P) / 2 L) - 1``, P peak, L levels.
        """
        wide = x.astype(np.int64)
        if self.shown is self.data:
            return wide
        low, high = self.data.ball(slice(0, len(self)), steps)
        encoder = cast(Direct, self.data.encoder)
        peak, double = encoder.peak, 2 * encoder.levels
        first = -((peak - 2 * wide * peak) // double)
        last = -((-2 * wide * peak - peak) // double) - 1
        near = np.clip(self.data.x.astype(np.int64), first, last)
        return np.clip(near, np.maximum(low, first), np.minimum(high, last))
