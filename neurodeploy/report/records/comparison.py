"""``compare.json``: the same run in several engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodeploy.report.records.tested import Tested


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
    """The first place where engines differ. values : engine -> value."""

    population: str
    variable: str
    step: int
    index: tuple[int, ...]
    values: Mapping[str, int]


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
