"""Whether a program fits a chip, why not, and what would make it fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from neurodeploy.data.shown import Shown
from neurodeploy.placement import Placement
from neurodeploy.repair import Repaired
from neurodeploy.rules import Use, Violation


@dataclass(frozen=True)
class Finding:
    """A violation, and what becomes of it.

    violation : limit, value and place. repairs : those that take it away, in their order; refused :
    (repair, why) of those that cannot. mended : whether the program after all repairs is without
    it.
    """

    violation: Violation
    repairs: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    mended: bool


@dataclass(frozen=True)
class LimitUse:
    """How much of a limit is used at the place that asks for most of it.

    rule : that reads it. use : what is asked. grade, sources : of the limit.
    """

    rule: str
    use: Use
    grade: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What repairs cost on data: everything up to and with one of them.

    repair : the last one. exact : whether all so far leave every answer as it was. correct,
    samples : of the repaired program. differing : samples that it answers otherwise.
    """

    repair: str
    exact: bool
    correct: int
    samples: int
    differing: int

    @property
    def rate(self) -> float:
        """Share of the samples that are classified correctly."""
        return self.correct / self.samples


@dataclass(frozen=True)
class Measured:
    """Accuracy before repairs and after each of them. data : the samples that were run."""

    data: Shown
    correct: int
    samples: int
    costs: tuple[Cost, ...] = ()

    @property
    def rate(self) -> float:
        """Share of the samples that the program itself classifies correctly."""
        return self.correct / self.samples


@dataclass(frozen=True)
class MapReport:
    """One program on one chip.

    uses : of every limit that counts, the place that asks for most. unchecked : rules of which the
    profile states no limit. placement : on cores, of the program where it fits, else of the
    repaired one; None where the limits are exceeded, where no placement is possible (``unplaced``
    says why) or where the profile does not say what a core holds (``unknown``). chips : in use, or
    the fewest that hold what a chip counts. notes : what is true of the chip and bears on the
    answer.
    """

    profile: str
    profile_version: str
    status: str
    digest: str
    findings: tuple[Finding, ...]
    uses: tuple[LimitUse, ...]
    unchecked: tuple[str, ...]
    repaired: Repaired
    placement: Placement | None
    unplaced: str
    unknown: str
    chips: int | None
    link: LinkBudget
    real_time: RealTime | None
    measured: Measured | None
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the program as it is finds cores and exceeds no limit that the profile states."""
        return not self.findings and not self.unplaced

    @property
    def fits_repaired(self) -> bool:
        """Whether it does so after the repairs."""
        return self.repaired.fits and not self.unplaced

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; the repaired program by its digest."""
        apart = ("repaired", "placement")
        own = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in apart}
        placed = None if self.placement is None else self.placement.to_dict()
        steps = [
            {"repair": step.repair, "exact": step.exact, "changes": plain(step.changes)}
            for step in self.repaired.steps
        ]
        repaired = {
            "fits": self.fits_repaired,
            "exact": self.repaired.exact,
            "digest": self.repaired.program.digest,
            "steps": steps,
            "left": plain(self.repaired.left),
            "refused": plain(self.repaired.refused),
        }
        return {**own, "fits": self.fits, "repaired": repaired, "placement": placed}


def plain(value: Any) -> Any:
    """Return dataclasses as dicts and tuples as lists, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


@dataclass(frozen=True)
class Span:
    """A quantity between two ends, with a middle. low <= mid <= high."""

    low: float
    mid: float
    high: float

    def times(self, factor: float) -> Span:
        """Return the span times a factor that is not negative."""
        return Span(self.low * factor, self.mid * factor, self.high * factor)


@dataclass(frozen=True)
class LinkBudget:
    """What goes in and out over the link in a step and in an inference.

    basis : how the events are known. steps : of an inference, None where the program does not say.
    values_mean, values_max : input events of a step; read : values read in a step. injected_us,
    bias_us, read_us : time of the link for an inference, of events, of one image written as biases,
    and of what is read. reasons : of what is not given, why, by the name of the field.
    """

    basis: str
    steps: int | None
    values_mean: float
    values_max: int
    read: int
    injected_us: Span | None
    bias_us: Span | None
    read_us: Span | None
    reasons: Mapping[str, str]

    @property
    def input_us(self) -> Span | None:
        """The cheaper way in, where both are known."""
        known = [span for span in (self.injected_us, self.bias_us) if span is not None]
        return min(known, key=lambda span: span.high, default=None)


@dataclass(frozen=True)
class RealTime:
    """Whether an inference is done before the next one is due.

    period_us : time between inputs. inference_us : what one takes, None where the profile does not
    say. verdict : ``"yes"``, ``"no"``, ``"open"`` (the ends of the interval disagree) or
    ``"refused"``. bound : what takes longest, or why nothing can be said.
    """

    period_us: float
    inference_us: Span | None
    verdict: str
    bound: str
