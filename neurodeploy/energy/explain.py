"""What an estimate says about itself: what dominates, what would narrow it, one inference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.energy.charges import Charge, Priced
from neurodeploy.energy.counts import Counts
from neurodeploy.energy.duration import Timed
from neurodeploy.energy.joint import TERMS, step_of_cases

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile


def dominant(priced: Priced) -> str:
    """Return which term is largest and its share at the middle, "" where only ends are known."""
    charges = [*priced.charges, *([] if priced.static is None else [priced.static])]
    if not charges or priced.constants is not None:
        return ""
    mids = [float(charge.energy_pj[1].mean()) for charge in charges]
    total = sum(mids)
    if total <= 0:
        return ""
    network = sum(m for m, c in zip(mids, charges, strict=True) if c.part == "network")
    place = int(np.argmax(mids))
    return (
        f"{charges[place].name} {_percent(mids[place] / total)}; the network itself "
        f"{_percent(network / total)}"
    )


def _percent(share: float) -> str:
    return f"{share:.0%}" if 0.1 <= share <= 0.9 else f"{share:.2%}"


def narrowing(profile: ChipProfile, priced: Priced, time: Timed) -> tuple[str, ...]:
    """Return what would make the interval narrower, one sentence each."""
    if priced.constants is None:
        return tuple(_widest(priced))
    return tuple(_corners(profile, priced, time))


def _widest(priced: Priced) -> Iterator[str]:
    charges = [*priced.charges, *([] if priced.static is None else [priced.static])]
    widths = [float((c.energy_pj[2] - c.energy_pj[0]).mean()) for c in charges]
    total = sum(widths)
    if total > 0:
        place = int(np.argmax(widths))
        charge = charges[place]
        yield (
            f"{charge.name} make {widths[place] / total:.0%} of the width; a measured "
            f"{'step time' if charge.unit == 'mW' else charge.key} would narrow it most"
        )


def _corners(profile: ChipProfile, priced: Priced, time: Timed) -> Iterator[str]:
    """Say which constant holds the whole of the measured total at each end."""
    low, high = (_at_end(priced, end) for end in (0, 2))
    names = ", ".join(profile.energy.joint)
    if low is None or high is None:
        return
    if high is low:
        yield (
            f"both ends put what was measured ({names}) on {high.name}: the width is that of the "
            "counts of the case; its own input would narrow it"
        )
    else:
        yield (
            f"the high end puts what was measured ({names}) on {high.name}, the low end on "
            f"{low.name}; a second measured network with another ratio of {TERMS[high.key][3]} "
            f"to {TERMS[low.key][3]} would narrow it"
        )
    if time.inference_us is None:
        yield (
            f"the time of a step is unknown: for the power of an awake host it is taken as in the "
            f"measured case, {step_of_cases(profile):g} us; give the step time"
        )


def _at_end(priced: Priced, end: int) -> Charge | None:
    """Return the joint term that weighs most at the corner of an end, at the measured totals."""
    constants = priced.constants
    if constants is None:
        return None
    counts = priced.joint_counts(end).mean(axis=1, keepdims=True)
    sign = 1.0 if end == 0 else -1.0
    corner = constants.argleast(sign * counts)[0]
    place = int(np.argmax(corner / constants.scale))
    joint = [c for c in priced.charges if c.joint == place]
    return joint[0] if joint else None


def inference(counts: Counts, streamed: int) -> str:
    """Return what one inference is."""
    text = f"{counts.steps:g} steps of one sample"
    if streamed > 1:
        text = f"{counts.steps:g} steps, one of {streamed} in each sample, which are shared evenly"
    return text
