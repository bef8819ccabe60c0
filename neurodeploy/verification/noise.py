"""Accuracy of the integer network when its input is noisy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers import RunChoice, Runner, Samples, settle
from neurodeploy.data.presentation import Integers, Presentation
from neurodeploy.draws import normals
from neurodeploy.encode import Columns, Direct, Encoder
from neurodeploy.errors import OptionError
from neurodeploy.program import Program

SIGMAS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Default levels: standard deviation as a share of the largest valid value."""
SEED = 20_24
KEPT_VALUES = 2**24
"""Most noise directions that are kept from one level to the next."""
_ENDS = {
    Direct.place: "; constant over the steps of a sample",
    Encoder.place: ", then encoded with the same random numbers as without noise",
    Columns.place: "; drawn anew in every step",
}
"""What becomes of a noisy value, by the place of the noise."""


@dataclass(frozen=True)
class NoiseLevel:
    """Accuracy at one level. sigma : share of ``high``. sigma_units : in units of the values."""

    sigma: float
    sigma_units: float
    accuracy: Accuracy


@dataclass(frozen=True)
class NoiseResult:
    """Accuracy without noise and at each level; the same noise directions at every level.

    place : where the noise is added. low, high : range that noisy values are clipped to.
    """

    clean: Accuracy
    levels: tuple[NoiseLevel, ...]
    seed: int
    place: str
    low: int
    high: int

    @property
    def rule(self) -> str:
        """How the noise was made, in one sentence."""
        return (
            f"Gaussian noise of sigma x {self.high} added to the {self.place}, rounded to "
            f"integers, clipped to {self.low} to {self.high}{_ENDS.get(self.place, '')}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the rule that made the noise."""
        return {
            "clean": self.clean.to_dict(),
            "levels": [
                {
                    "sigma": level.sigma,
                    "sigma_units": level.sigma_units,
                    **level.accuracy.to_dict(),
                }
                for level in self.levels
            ],
            "seed": self.seed,
            "place": self.place,
            "low": self.low,
            "high": self.high,
            "rule": self.rule,
        }


def noise_accuracy(
    program: Program,
    data: Presentation,
    *,
    sigmas: Sequence[float] = SIGMAS,
    seed: int = SEED,
    run: RunChoice | None = None,
) -> NoiseResult:
    """Return the accuracy of ``program`` on ``data``, clean and at each level of noise.

    ``x' = clip(round(x + sigma * high * n), low, high)``, n standard normal, a function of seed,
    sample number and value (`normal_directions`) and the same at every level.

    run : how samples are run, see `neurodeploy.answers.settle`.

    Raises OptionError for levels that are not positive.
    """
    for sigma in sigmas:
        if not 0 < sigma < float("inf"):
            raise OptionError(f"noise level is {sigma}, expected a positive share of the range")
    shown = data.encoded()
    runner = Runner(program, settle(program, data.steps, run))
    clean = _accuracy(runner, shown, shown)
    noise = Noise.of(shown, seed)
    levels = tuple(
        NoiseLevel(
            sigma=float(sigma),
            sigma_units=float(sigma) * shown.domain.high,
            accuracy=_accuracy(runner, Noisy(shown, float(sigma), noise), shown),
        )
        for sigma in sigmas
    )
    return NoiseResult(clean, levels, seed, data.place, shown.domain.low, shown.domain.high)


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


def _accuracy(runner: Runner, samples: Samples, shown: Presentation) -> Accuracy:
    pieces = runner.run(samples, size=runner.chunk(shown))
    return Accuracy.of(np.concatenate([piece.predicted for piece in pieces]), shown.y)
