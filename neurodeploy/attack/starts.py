"""Where a gradient attack starts within the budget, by seed and sample number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.attack import Field
from neurodeploy.attack.chance import stream, uniforms
from neurodeploy.attack.space import Rows


def uniform(field: Field, rows: Rows, name: str, turn: int) -> NDArray[np.float64]:
    """Return the numbers from 0 to below 1 that attack ``name`` draws for its ``turn``-th start."""
    shape = field.space.clean.shape[1:]
    count = int(np.prod(shape, dtype=np.int64))
    draws = uniforms(field.seed, field.numbers[rows], count, stream(name, "start"), turn)
    return draws.reshape(len(rows), *shape)


def anywhere(field: Field, rows: Rows, name: str, turn: int) -> NDArray[Any]:
    """Return whole numbers that are equally likely from the low end to the high."""
    low, high = field.space.low[rows], field.space.high[rows]
    return np.asarray(low + np.floor(uniform(field, rows, name, turn) * (high - low + 1.0)))


def touching(field: Field, rows: Rows, name: str, turn: int) -> NDArray[Any]:
    """Return the clean values plus ``radius * t / max |t|``, t uniform in -1 to 1."""
    t = 2.0 * uniform(field, rows, name, turn) - 1.0
    most = np.abs(t).reshape(len(rows), -1).max(1).reshape(-1, *[1] * (t.ndim - 1))
    return np.asarray(field.space.clean[rows] + field.space.radius * t / most)
