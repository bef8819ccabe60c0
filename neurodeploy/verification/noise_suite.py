"""Accuracy of the integer network when its input is noisy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers import RunChoice, Runner, Samples, settle
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import Columns, Direct, Encoder
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.verification.campaign import conduct
from neurodeploy.verification.mppd import MppdResult, mppd
from neurodeploy.verification.noise import SEED, Noise, Noisy
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

SIGMAS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Default levels: standard deviation as a share of the largest valid value."""
BLOCK = 256
"""Samples that are worked on at a time."""
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
    suite = NoiseSuite(tuple(float(sigma) for sigma in sigmas), seed)
    recipe = settle(program, data.steps, run)
    subject = Subject(program, data, recipe, name="", part="", of=len(data))
    return result(suite, subject, conduct(suite, subject).rows)


def result(suite: NoiseSuite, subject: Subject, rows: Sequence[NoiseRow]) -> NoiseResult:
    """Return the summary of a suite as one record."""
    domain = subject.data.encoded().domain
    clean, *levels = rows
    return NoiseResult(
        clean=clean.accuracy,
        levels=tuple(NoiseLevel(row.sigma, row.sigma_units, row.accuracy) for row in levels),
        seed=suite.seed,
        place=subject.data.place,
        low=domain.low,
        high=domain.high,
    )


@dataclass(frozen=True)
class NoiseLine:
    """The answer to one sample at one level. sigma : 0 without noise. predicted : -1 for a tie."""

    sample: int
    label: int
    sigma: float
    predicted: int


@dataclass(frozen=True)
class NoiseRow:
    """Accuracy at one level, with its 95 % Wilson interval over n samples. sigma : 0 for clean."""

    sigma: float
    sigma_units: float
    rate: float
    low: float
    high: float
    n: int
    correct: int
    ties: int

    @property
    def accuracy(self) -> Accuracy:
        """The counts."""
        return Accuracy(self.correct, self.ties, self.n)


@dataclass(frozen=True)
class NoiseSuite(Suite):
    """Accuracy under Gaussian noise, and membrane potential perturbation dynamics.

    sigmas : levels, shares of the largest valid value. seed : of the directions.
    """

    sigmas: tuple[float, ...] = SIGMAS
    seed: int = SEED

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "accuracy under noise"
    line: ClassVar[type[Any] | None] = NoiseLine
    row: ClassVar[type[Any]] = NoiseRow

    @classmethod
    def from_flags(cls, flags: Flags) -> NoiseSuite:
        return cls(seed=flags.seed)

    def check(self, subject: Subject) -> None:
        for sigma in self.sigmas:
            if not 0 < sigma < float("inf"):
                raise OptionError(f"noise level is {sigma}, expected a positive share of the range")

    def block(self, subject: Subject) -> int:
        return BLOCK

    def per_sample(self, subject: Subject) -> int:
        return 1 + len(self.sigmas)

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[NoiseLine, None]]:
        shown = subject.data.take(rows).encoded()
        runner = Runner(subject.program, subject.recipe)
        noise = Noise.of(shown, self.seed)
        levels = (0.0, *self.sigmas)
        answers = [
            _answers(runner, Noisy(shown, sigma, noise) if sigma else shown, shown)
            for sigma in levels
        ]
        for row, (sample, label) in enumerate(zip(shown.index, shown.y, strict=True)):
            for sigma, predicted in zip(levels, answers, strict=True):
                yield NoiseLine(int(sample), int(label), sigma, int(predicted[row])), None

    def rows(self, subject: Subject, lines: Sequence[NoiseLine]) -> tuple[NoiseRow, ...]:
        high = subject.data.encoded().domain.high
        return tuple(
            _row(sigma, sigma * high, [line for line in lines if line.sigma == sigma])
            for sigma in (0.0, *self.sigmas)
        )

    def more(self, subject: Subject, rows: Sequence[NoiseRow]) -> dict[str, Any]:
        found = mppd(subject.program, subject.data, seed=self.seed, recipe=subject.recipe)
        return {"noise": result(self, subject, rows), "mppd": found}

    def remarks(self, subject: Subject, rows: Sequence[NoiseRow]) -> tuple[str]:
        return (result(self, subject, rows).rule,)

    def table(self, rows: Sequence[NoiseRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("noise", "units", "accuracy", "95 % interval"):
            table.add_column(name, justify="right" if name in ("units", "accuracy") else "left")
        for row in rows[1:]:
            table.add_row(
                f"{row.sigma:g}",
                f"{row.sigma_units:g}",
                f"{row.rate:.1%}",
                f"{row.low:.1%} to {row.high:.1%}",
            )
        return table

    def footnotes(self, rows: Sequence[NoiseRow], extra: Mapping[str, Any]) -> tuple[str]:
        found: MppdResult = extra["mppd"]
        layers = ", ".join(f"{layer.population} {layer.squared:.4g}" for layer in found.layers)
        noise = f"MPPD energy at noise {found.sigma:g}, thresholds squared"
        return (f"{noise}: {layers or 'no layer'}",)


def _row(sigma: float, units: float, lines: Sequence[NoiseLine]) -> NoiseRow:
    predicted = np.array([line.predicted for line in lines])
    found = Accuracy.of(predicted, np.array([line.label for line in lines]))
    low, high = found.interval
    return NoiseRow(sigma, units, found.rate, low, high, found.samples, found.correct, found.ties)


def _answers(runner: Runner, samples: Samples, shown: Presentation) -> NDArray[np.int64]:
    pieces = runner.run(samples, size=runner.chunk(shown))
    return np.concatenate([piece.predicted for piece in pieces])
