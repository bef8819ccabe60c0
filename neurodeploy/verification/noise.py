"""Gaussian noise on data, a function of seed, sample number and value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.presentation import Integers, Presentation
from neurodeploy.draws import normals

SEED = 20_24
KEPT_VALUES = 2**24
"""Most noise directions that are kept from one level to the next."""


def normal_directions(shown: Presentation, rows: slice, seed: int) -> NDArray[np.float64]:
    """Return n of every value of ``rows``, float64 in the shape of ``x[rows]``.

    Value i of a sample in C order is number i of the sample's number in its data set, see
    `neurodeploy.draws.normals`: it depends on the seed, the sample and i, and on nothing else.
    """
    shape = shown.x[rows].shape
    return normals(seed, shown.index[rows], math.prod(shape[1:])).reshape(shape)


def perturbed(
    shown: Presentation, rows: slice, sigma: float, directions: NDArray[np.float64]
) -> Integers:
    """Return the values of ``rows`` with noise: rounded half to even, clipped, int32.

    shown : what `Presentation.encoded` gives. directions : of `normal_directions`.
    """
    low, high = shown.domain.low, shown.domain.high
    values = shown.x[rows] + sigma * high * directions
    return np.asarray(np.clip(np.rint(values), low, high), np.int32)


@dataclass(frozen=True)
class Noise:
    """The directions of a seed. kept : those of all samples, None where they are too many."""

    shown: Presentation
    seed: int
    kept: NDArray[np.float64] | None

    @classmethod
    def of(cls, shown: Presentation, seed: int) -> Noise:
        """Draw the directions once for all levels, if there are at most `KEPT_VALUES`."""
        few = shown.x.size <= KEPT_VALUES
        whole = slice(0, len(shown))
        return cls(shown, seed, normal_directions(shown, whole, seed) if few else None)

    def directions(self, rows: slice) -> NDArray[np.float64]:
        """Return those of ``rows``, see `normal_directions`."""
        if self.kept is not None:
            return self.kept[rows]
        return normal_directions(self.shown, rows, self.seed)


@dataclass(frozen=True)
class Noisy:
    """Samples under noise of one level."""

    shown: Presentation
    sigma: float
    noise: Noise

    def __len__(self) -> int:
        return len(self.shown)

    def columns(self, rows: slice) -> Integers:
        """Return the columns of ``rows`` with noise added to their values."""
        x = perturbed(self.shown, rows, self.sigma, self.noise.directions(rows))
        return self.shown.columns(rows, x)
