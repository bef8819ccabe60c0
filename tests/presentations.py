"""Data as tests present them to a small program, without a data set around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurodeploy.data import Domain, Presentation, Split
from neurodeploy.encode import Columns, Direct


def repeated(x: ArrayLike, y: ArrayLike, *, steps: int, high: int) -> Presentation:
    """Values 0..high that every step carries, as a graded input takes them."""
    values = np.asarray(x, np.int32)
    split = Split(values, np.asarray(y, np.int64), np.arange(len(values)))
    encoder = Direct(steps=steps, peak=high, levels=high)
    return Presentation(split, encoder, Domain(0, high, high), values.shape[1:])


def given_columns(x: Any, y: ArrayLike | None = None, peak: int = 2**24) -> Presentation:
    """Columns as they are, ``(samples, steps, *shape)``; labels are 0 where none are given."""
    values = np.asarray(x)
    labels = np.zeros(len(values), np.int64) if y is None else np.asarray(y, np.int64)
    split = Split(values, labels, np.arange(len(values)))
    encoder = Columns(steps=values.shape[1], peak=peak)
    return Presentation(split, encoder, Domain(-peak, peak, peak), values.shape[2:])
