"""Accuracy of the integer network when its input is noisy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy, predictions, scores
from neurodeploy.data.presentation import Integers, Presentation
from neurodeploy.draws import normals
from neurodeploy.encode import Columns, Direct, Encoder
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim import Simulator, compile

SIGMAS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Default levels: standard deviation as a share of the largest valid value."""
SEED = 20_24
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
    run: Mapping[str, Any] | None = None,
) -> NoiseResult:
    """Return the accuracy of ``program`` on ``data``, clean and at each level of noise.

    ``x' = clip(round(x + sigma * high * n), low, high)``, n standard normal, a function of seed,
    sample number and value (`normal_directions`) and the same at every level.

    run : options of `neurodeploy.compile`, such as timing or engine.

    Raises OptionError for levels that are not positive.
    """
    for sigma in sigmas:
        if not 0 < sigma < float("inf"):
            raise OptionError(f"noise level is {sigma}, expected a positive share of the range")
    simulator = compile(program, **{**dict(run or {}), "record": ()})
    shown = data.encoded()
    clean: list[NDArray[np.int64]] = []
    noisy: list[list[NDArray[np.int64]]] = [[] for _ in sigmas]
    for rows in shown.chunks(program):
        clean.append(_answers(simulator, shown.columns(rows)))
        directions = normal_directions(shown, rows, seed)
        for answers, sigma in zip(noisy, sigmas, strict=True):
            x = perturbed(shown, rows, float(sigma), directions)
            answers.append(_answers(simulator, shown.columns(rows, x)))
    levels = tuple(
        NoiseLevel(
            sigma=float(sigma),
            sigma_units=float(sigma) * shown.domain.high,
            accuracy=Accuracy.of(np.concatenate(answers), data.y),
        )
        for sigma, answers in zip(sigmas, noisy, strict=True)
    )
    domain = shown.domain
    return NoiseResult(
        Accuracy.of(np.concatenate(clean), data.y),
        levels,
        seed,
        data.place,
        domain.low,
        domain.high,
    )


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


def _answers(simulator: Simulator, columns: Integers) -> NDArray[np.int64]:
    return predictions(scores(simulator.program, simulator.run(columns)))
