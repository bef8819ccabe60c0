"""From the gradient of the columns to that of the data: straight through each encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers.runner import fitted
from neurodeploy.attack.space import Grid, Rows, Space
from neurodeploy.encode import Columns, Delta, Direct, Encoder, Latency, Level, Rate
from neurodeploy.registry import ByType

Pull = Callable[[NDArray[Any], Grid, Rows, int], NDArray[Any]]
"""``pull(gradient of the columns (rows, T, ...), x, rows, draw)`` in the shape of x."""


def _identity(space: Space) -> Pull:
    def pull(gradient: NDArray[Any], x: Grid, rows: Rows, draw: int) -> NDArray[Any]:
        return fitted(gradient, x.shape[1]).reshape(x.shape)

    return pull


def _secant(space: Space) -> Pull:
    """Along the columns of the two ends that the budget leaves each value.

    ``sum over its entries of g * (columns(high) - columns(low)) / (high - low)``: only entries
    that some datum within the budget changes count.
    """
    encoder = space.shown.encoder

    def pull(gradient: NDArray[Any], x: Grid, rows: Rows, draw: int) -> NDArray[Any]:
        low, high = space.low[rows], space.high[rows]
        least, most = (space.columns(end, rows, draw) for end in (low, high))
        whole = fitted(gradient, encoder.columns).reshape(len(x), encoder.columns, -1)
        change = (most.astype(np.float32) - least).reshape(whole.shape)
        product = (whole * change)[:, : encoder.steps]
        values = (
            x.reshape(len(x), encoder.steps, -1) if encoder.of_series else x.reshape(len(x), -1)
        )
        lines = product.reshape(len(x), encoder.steps, values.shape[-1], -1).sum(3)
        total = lines if encoder.of_series else lines.sum(1)
        return np.asarray(total.reshape(x.shape) / np.maximum(high - low, 1))

    return pull


def _timed(space: Space) -> Pull:
    """Along the time of one spike: that of the next larger datum minus that of the next smaller."""
    encoder = space.shown.encoder

    def pull(gradient: NDArray[Any], x: Grid, rows: Rows, draw: int) -> NDArray[Any]:
        step = max(1, -(-encoder.peak // max(1, encoder.steps - 1)))
        more = np.minimum(x + step, space.high[rows])
        less = np.maximum(x - step, space.low[rows])
        whole = fitted(gradient, encoder.columns).reshape(len(x), encoder.columns, -1)
        up, down = (space.columns(end, rows, draw).reshape(whole.shape) for end in (more, less))
        change = (whole * (up.astype(np.float32) - down)).sum(1)
        return np.asarray(change.reshape(x.shape) / np.maximum(more - less, 1))

    return pull


def _change(space: Space) -> Pull:
    """Of send on change: a larger value sends up now and down in the next step.

    ``d = g(up) - g(down); d[t] - d[t + 1]``.
    """
    encoder = space.shown.encoder

    def pull(gradient: NDArray[Any], x: Grid, rows: Rows, draw: int) -> NDArray[Any]:
        whole = fitted(gradient, encoder.columns)[:, : encoder.steps]
        lines = whole.reshape(*x.shape, 2)
        difference = lines[..., 0] - lines[..., 1]
        after = np.zeros_like(difference)
        after[:, :-1] = difference[:, 1:]
        return np.asarray(difference - after)

    return pull


PULLS: ByType[Callable[[Space], Pull]] = ByType(
    "gradient through the encoder",
    Encoder,
    {
        Columns: _identity,
        Direct: _secant,
        Rate: _secant,
        Latency: _timed,
        Level: _secant,
        Delta: _change,
    },
)
