"""``compare.json``: the same run in several engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class RunAs:
    """Options of the runs that were compared."""

    timing: str = "aligned"
    weights: str = "exact"
    reset_interval: int | None = None
    reset_offset: int = 0
    steps: int | None = None
    input_bits: int | None = None


@dataclass(frozen=True)
class FirstDifference:
    """The first place where engines differ, see `neurodeploy.sim.compare.Divergence`.

    values : engine -> value. What follows it is not needed to name the place.
    """

    population: str
    variable: str
    step: int
    index: tuple[int, ...]
    values: Mapping[str, int]
    number: int | None = None
    column: int | None = None
    sample: int | None = None
    also: tuple[str, ...] = ()
    cells: tuple[int, int] | None = None
    previous: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    rule: str = ""
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """One comparison. streamed_samples : how many samples the one stream held, if it did.

    data : what was run; files that ``compare --json`` printed do not say.
    """

    engines: tuple[str, ...]
    samples: int
    steps: int
    equal: bool
    compared: int
    differing: int
    options: RunAs = field(default_factory=RunAs)
    first: FirstDifference | None = None
    streamed_samples: int | None = None
    data: Tested | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.engines:
            raise ValueError("engines is empty, expected at least one")
