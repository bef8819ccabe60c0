"""How a gradient crosses the spike test: settings only, which `passes` acts on."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.errors import OptionError

SHARE = 0.425
"""Default of ASSG: share of the surrogate's area on one side within the spread of z."""
RULES = ("rga", "bptr", "hart")


@dataclass(frozen=True)
class Backward:
    """Base of the ways a gradient may take."""

    @property
    def name(self) -> str:
        """Short, for the name of an attack."""
        raise NotImplementedError


@dataclass(frozen=True)
class Surrogate(Backward):
    """A fixed surrogate of `neurodeploy.twin.surrogate.SURROGATES`, all paths open.

    width : in units of 64 * max(|threshold|, 1).
    """

    shape: str = "fast_sigmoid"
    width: float = 1.0

    @property
    def name(self) -> str:
        return self.shape if self.width == 1 else f"{self.shape}({self.width:g})"


@dataclass(frozen=True)
class Adaptive(Backward):
    """ASSG: a surrogate as wide as z is spread, per neuron and step, over the attack's iterations.

    ``M = 0.9 M + 0.1 |z|`` from 1, ``D = 0.9 D + 0.1 ||z| - M|`` from 0. A share ``share`` of the
    surrogate's area lies between 0 and ``M + 1.5 D + 1e-4``; for atan this is the formula
    ``A = 2 tan(pi share) / pi`` of the paper.

    shape : triangle, gaussian or atan. share : 0 to 0.5, both excluded.

    Source: arXiv:2512.22522.
    """

    shape: str = "atan"
    share: float = SHARE

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.5:
            raise OptionError(f"share of ASSG is {self.share:g}, expected above 0 and below 0.5")

    @property
    def name(self) -> str:
        share = "" if self.share == SHARE else f"({self.share:g})"
        return f"assg-{self.shape}{share}"


@dataclass(frozen=True)
class RateGradient(Backward):
    """A layer seen as a function of its mean input over the steps; no path through the reset.

    rule : factor of the spike test, the same in every step. ``bptr``: 1 where the neuron spikes at
    all, else 0. ``rga``, with x the mean input in thresholds and tau the share of v that a step
    keeps: ``(0.8 + 0.2 tau) / (tau + 1)`` for 1 - tau <= x <= 2, 0.2 for 0 <= x < 1 - tau, else 0.
    ``hart``: the mean over the steps of a triangle of width 1.

    Source: surrogate table of Liu et al., ICML 2024, arXiv:2405.20355; names differ between
    publications, the formulas here are what runs.
    """

    rule: str = "bptr"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise OptionError(f"rate gradient is {self.rule!r}, expected one of {', '.join(RULES)}")

    @property
    def name(self) -> str:
        return self.rule
