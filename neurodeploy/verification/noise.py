"""Accuracy of the integer network when its input is noisy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers import RunChoice, Runner, Samples, settle
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.verification.presented import BEFORE, COLUMNS, GRADED, Integers, Presented

SIGMAS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Default levels: standard deviation as a share of the largest valid value."""
SEED = 20_24


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
        end = {
            GRADED: "; constant over the steps of a sample",
            BEFORE: ", then encoded with the same random numbers as without noise",
            COLUMNS: "; drawn anew in every step",
        }
        return (
            f"Gaussian noise of sigma x {self.high} added to the {self.place}, rounded to "
            f"integers, clipped to {self.low} to {self.high}{end.get(self.place, '')}"
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
    data: Presented,
    *,
    sigmas: Sequence[float] = SIGMAS,
    seed: int = SEED,
    run: RunChoice | None = None,
) -> NoiseResult:
    """Return the accuracy of ``program`` on ``data``, clean and at each level of noise.

    ``x' = clip(round(x + sigma * high * n), low, high)``, n standard normal, drawn once per value
    of a sample from Philox with key ``(seed, 0)`` and used at every level.

    run : how samples are run, see `neurodeploy.answers.settle`.

    Raises OptionError for levels that are not positive.
    """
    for sigma in sigmas:
        if not 0 < sigma < float("inf"):
            raise OptionError(f"noise level is {sigma}, expected a positive share of the range")
    runner = Runner(program, settle(program, data.steps, run))
    clean = _accuracy(runner, data, data.y)
    levels = tuple(
        NoiseLevel(
            sigma=float(sigma),
            sigma_units=float(sigma) * data.high,
            accuracy=_accuracy(runner, Noisy(data, float(sigma), generator(seed)), data.y),
        )
        for sigma in sigmas
    )
    return NoiseResult(clean, levels, seed, data.place, data.low, data.high)


def generator(seed: int) -> Generator:
    """Return the generator of the noise; drawn in the order of the samples."""
    return Generator(Philox(key=[seed, 0]))


def perturbed(data: Presented, rows: slice, sigma: float, draws: Generator) -> Integers:
    """Return the values of ``rows`` with noise: rounded half to even, clipped, int32."""
    x = data.x[rows]
    noisy = x + sigma * data.high * draws.standard_normal(x.shape)
    return np.asarray(np.clip(np.rint(noisy), data.low, data.high), np.int32)


@dataclass(frozen=True)
class Noisy:
    """Samples under noise; the rows are to be taken once each, in their order."""

    data: Presented
    sigma: float
    draws: Generator

    def __len__(self) -> int:
        return len(self.data)

    def columns(self, rows: slice) -> Integers:
        """Return the columns of ``rows`` with noise added to their values."""
        return self.data.columns(rows, perturbed(self.data, rows, self.sigma, self.draws))


def _accuracy(runner: Runner, samples: Noisy | Presented, y: NDArray[np.int64]) -> Accuracy:
    plain: Samples = samples.data if isinstance(samples, Noisy) else samples
    pieces = runner.run(samples, size=runner.chunk(plain))
    return Accuracy.of(np.concatenate([piece.predicted for piece in pieces]), y)
