"""The link to a chip: events in, values out, and whether that keeps up with the inputs.

    injected = events of an inference * input_value_us
    bias     = input values           * input_value_us        one image, written once
    read     = values read * steps    * readout_value_us
    t_inf    = max(t_chip, min(injected, bias) + read)        the link works while the cores do

t_chip is that of `neurodeploy.energy.duration`, bounds for any placement on cores; of a chip whose
maker counts cycles, that of `neurodeploy.mapping.clock`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from neurodeploy.data.presentation import Presentation
from neurodeploy.energy.counts import Counts, counted, most_possible, sent_inputs
from neurodeploy.energy.duration import duration
from neurodeploy.errors import OptionError
from neurodeploy.mapping.clock import clocked_us, counts_cycles
from neurodeploy.mapping.record import LinkBudget, RealTime, Span
from neurodeploy.profile import ChipProfile, Quantity
from neurodeploy.program import Program
from neurodeploy.trace import Activity


@dataclass(frozen=True)
class Arriving:
    """Input events of an inference. steps : of it, None where that is not known.

    mean, most : of a step. still : whether every column of a sample is the same, None where no data
    were given.
    """

    basis: str
    steps: int | None
    mean: float
    most: int
    still: bool | None


def arriving(program: Program, data: Presentation | None) -> Arriving:
    """Return what goes in: counted on data, or every input value in every step."""
    if data is None:
        steps = program.metadata.get("encoder.steps")
        size = sum(node.size for node in program.inputs)
        whole = steps if isinstance(steps, int) and not isinstance(steps, bool) else None
        return Arriving("every input value in every step", whole, float(size), size, None)
    total, most, still = 0, 0, True
    for rows in data.chunks(program):
        columns = data.columns(rows)
        events = np.count_nonzero(columns.reshape(*columns.shape[:2], -1), axis=2)
        total, most = total + int(events.sum()), max(most, int(events.max(initial=0)))
        still = still and bool(np.all(columns == columns[:, :1]))
    mean = total / (len(data) * data.steps)
    return Arriving(f"counted on {len(data):,} samples", data.steps, mean, most, still)


def link_budget(program: Program, profile: ChipProfile, given: Arriving) -> LinkBudget:
    """Return the budget of the link; what the profile does not state is left out, and said."""
    reasons: dict[str, str] = {}
    size = sum(node.size for node in program.inputs)
    read = program.populations[program.index(program.readout.population)].size
    each = profile.link.quantity("input_value_us")
    out = profile.link.quantity("readout_value_us")
    if given.steps is None:
        reasons["injected_us"] = "the program does not say how many steps an inference has"
    elif each is None:
        reasons["injected_us"] = f"profile {profile.name} has no link.input_value_us"
    why = _no_bias(program, profile, given, each)
    if why is not None:
        reasons["bias_us"] = why
    if given.steps is None or out is None:
        reasons["read_us"] = f"profile {profile.name} has no link.readout_value_us"
    return LinkBudget(
        basis=given.basis,
        steps=given.steps,
        values_mean=given.mean,
        values_max=given.most,
        read=read,
        injected_us=None if "injected_us" in reasons else _span(each, given.mean, given.steps),
        bias_us=None if why is not None else _span(each, size, 1),
        read_us=None if "read_us" in reasons else _span(out, read, given.steps),
        reasons=reasons,
    )


def _no_bias(
    program: Program, profile: ChipProfile, given: Arriving, each: Quantity | None
) -> str | None:
    """Say why the input cannot be written as one image of biases, None where it can."""
    if "bias" not in profile.link.injection:
        return f"profile {profile.name} does not name bias in link.injection"
    if sent_inputs(program):
        return "the input goes over synapses, not straight to neurons"
    if given.still is None:
        return "needs data, to know whether the input is the same in every step"
    if not given.still:
        return "the input is not the same in every step"
    return None if each is not None else f"profile {profile.name} has no link.input_value_us"


def _span(each: Quantity | None, values: float, steps: int | None) -> Span | None:
    if each is None or steps is None:
        return None
    return Span(*each.bounds).times(values * steps)


def real_time(
    program: Program,
    profile: ChipProfile,
    link: LinkBudget,
    period_us: float,
    activity: Activity | None,
) -> RealTime:
    """Return whether one inference is done in ``period_us``.

    activity : counts of the program on data; without them every neuron is taken to spike in every
    step.

    Raises OptionError for a period that is not positive and finite.
    """
    if not 0 < period_us < float("inf"):
        raise OptionError(f"period is {period_us:g} us, expected a positive number")
    if counts_cycles(profile) and link.steps is not None:
        chip, bound = clocked_us(program, profile, link.steps, activity, period_us)
    else:
        chip, bound = _chip_us(program, profile, link, activity)
    parts = {"the link": _link_us(link), bound: chip}
    known = {name: span for name, span in parts.items() if span is not None}
    total = _longest(known.values())
    if total is None or (chip is None and total.low <= period_us):
        return RealTime(period_us, None, "refused", bound)
    longest = max(known, key=lambda name: known[name].mid)
    late = "no" if total.low > period_us else "open"
    return RealTime(period_us, total, "yes" if total.high <= period_us else late, longest)


def _longest(spans: Collection[Span]) -> Span | None:
    """Return the span of the longest of several that pass at once."""
    if not spans:
        return None
    return Span(
        max(span.low for span in spans),
        max(span.mid for span in spans),
        max(span.high for span in spans),
    )


def _link_us(link: LinkBudget) -> Span | None:
    """Return the time of the link for an inference, of what is known of it."""
    known = [span for span in (link.input_us, link.read_us) if span is not None]
    if not known:
        return None
    return Span(sum(s.low for s in known), sum(s.mid for s in known), sum(s.high for s in known))


def _chip_us(
    program: Program, profile: ChipProfile, link: LinkBudget, activity: Activity | None
) -> tuple[Span | None, str]:
    """Return (time of the chip for an inference, what bounds it), or (None, why)."""
    convention = profile.energy.count_convention or "taps"
    counts: Counts
    if activity is not None:
        counts = counted(program, activity, convention)
    elif link.steps is None:
        return None, link.reasons["injected_us"]
    else:
        counts = most_possible(program, link.steps, convention)
    timed = duration(profile, counts, None)
    if timed.inference_us is None:
        return None, timed.reason
    low, mid, high = timed.inference_us
    return Span(float(low.min()), float(mid.mean()), float(high.max())), timed.bounded_by
