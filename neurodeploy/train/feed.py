"""From a data set to batches: order and columns, all functions of seed and counters.

Nothing here keeps a state: epoch and step decide every random choice, so that a resumed run sees
the very batches of an uninterrupted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.data.dataset import Dataset, Split
from neurodeploy.draws import permutation
from neurodeploy.encode import ENCODERS, Direct, Encoder
from neurodeploy.errors import DataError, OptionError, located
from neurodeploy.train.config import EncoderSpec
from neurodeploy.train.consistency import encoder_options

TABLE = 2**16
"""Most data whose levels are looked up."""
ORDER_STREAM = 2**32
"""Added to the epoch in the key of the order, which no split of the data has."""


def build_encoder(spec: EncoderSpec, data: Dataset) -> Encoder:
    """Return the encoder that ``spec`` describes for ``data``.

    Raises OptionError when they do not fit together, InputError for data it cannot take.
    """
    chosen = ENCODERS[spec.kind]
    if chosen.of_series != data.series:
        what = "series (samples, steps, channels)" if chosen.of_series else "still samples"
        raise OptionError(f"encoder.kind: {spec.kind!r} takes {what}, {data.name} holds others")
    steps = data.steps if data.series else spec.steps
    if steps is None:
        raise OptionError(f"encoder.steps: is missing, {data.name} does not say how many")
    if spec.steps not in (None, steps):
        raise OptionError(f"encoder.steps: is {spec.steps}, {data.name} has {steps}")
    given = {name: getattr(spec, name, None) for name in encoder_options(spec.kind)}
    extra = {name: value for name, value in given.items() if value is not None}
    encoder = chosen(steps=steps, peak=data.peak, gap=spec.gap, **extra)
    for part in data.parts():
        with located(f"{data.name}, {part.part}"):
            encoder.check_data(part.x)
    return encoder


@dataclass(frozen=True)
class Feed:
    """Makes the tensors of a run.

    seed : of the order, and of what perturbs the samples.
    """

    data: Dataset
    encoder: Encoder
    seed: int

    @property
    def steps(self) -> int:
        """Columns of one sample."""
        return self.encoder.columns

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the order of the training samples in ``epoch``."""
        return permutation(len(self.data.train), self.seed, ORDER_STREAM + epoch)

    def batch(self, split: Split, draw: int = 0) -> Tensor:
        """Return the columns of ``split``, float32 ``(steps or 1, batch, *shape)``."""
        if isinstance(self.encoder, Direct) and self.encoder.still:
            return self._still(np.asarray(split.x))
        columns = self.encoder.encode(split.x, split.index, split.lengths, draw)
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(columns, 1, 0), np.float32))

    def ends(self, split: Split, budget: int, draw: int = 0) -> tuple[Tensor, Tensor]:
        """Return the smallest and largest columns of all data within ``budget`` steps of ``split``.

        Each as from `batch`. Raises DataError for data outside of their range.
        """
        low, high = self.data.domain.ball(split.x, budget)
        if isinstance(self.encoder, Direct) and self.encoder.still:
            return self._still(low), self._still(high)
        ends = self.encoder.ends(low, high, split.index, split.lengths, draw)
        least, most = (
            torch.from_numpy(np.ascontiguousarray(np.moveaxis(end, 1, 0), np.float32))
            for end in ends
        )
        return least, most

    def _still(self, x: NDArray[Any]) -> Tensor:
        """Return the one column of a direct encoder, from a table of all data where it is short."""
        domain = self.data.domain
        if domain.high - domain.low >= TABLE or x.min() < domain.low or x.max() > domain.high:
            return torch.from_numpy(self._values(x).astype(np.float32))[None]
        return torch.from_numpy(self._table.take(x.astype(np.intp) - domain.low))[None]

    def _values(self, x: NDArray[Any]) -> NDArray[np.int32]:
        assert isinstance(self.encoder, Direct)
        return np.asarray(self.encoder.values(x), np.int32)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        domain = self.data.domain
        return self._values(np.arange(domain.low, domain.high + 1)).astype(np.float32)

    def valid(self, split: Split) -> Tensor:
        """Return which columns hold data, bool ``(steps, batch)``: no gap, no end of a series."""
        column = torch.arange(self.steps)[:, None]
        there = (column < self.encoder.steps).expand(self.steps, len(split))
        if split.lengths is None:
            return there
        return there & (column < torch.from_numpy(np.asarray(split.lengths, np.int64)))


def check_fit(data: Dataset, classes: int, batch: int) -> None:
    """Raise DataError when the network or the batch does not fit ``data``."""
    if classes != data.classes:
        raise DataError(
            f"the last layer has {classes} neurons, {data.name} has {data.classes} classes"
        )
    if batch > len(data.train):
        raise DataError(
            f"training.batch is {batch}, {data.name} has {len(data.train)} training samples"
        )
    for name in ("validation", "test"):
        if len(getattr(data, name)) == 0:
            raise DataError(f"{data.name} has no {name} samples, expected at least one")


def labels(split: Split) -> Tensor:
    """Return the classes as int64 ``(batch,)``."""
    y: NDArray[Any] = np.ascontiguousarray(split.y, np.int64)
    return torch.from_numpy(y)
