"""Energy: what an inference costs on each chip, as an interval with its evidence, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.energy.report import NOT_MEASURED, EnergyReport, Interval
from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Figure, Log, Span, intervals
from neurodeploy.report.words import energy_limits, energy_of, energy_span
from neurodeploy.results.energy import ChipEnergy
from neurodeploy.run_folder import plain


@dataclass(frozen=True)
class Content:
    """The chips. label, short : on what the counts were taken."""

    chips: tuple[ChipEnergy, ...]
    label: str
    short: str
    statement: str = NOT_MEASURED


def content(evidence: Evidence) -> Content | None:
    """Take the estimates."""
    found = evidence.energy
    if found is None or not found.profiles:
        return None
    if found.data is None:
        return Content(found.profiles, "data not recorded", "data not recorded")
    tested = evidence.labelled(found.data)
    return Content(found.profiles, tested.label, tested.short)


def checks(evidence: Evidence) -> Sequence[Check]:
    """Which chips have an estimate; never a passed check."""
    name, found = "Energy", content(evidence)
    if found is None:
        return (Check(name, "none", "not estimated; run neurodeploy energy", False),)
    refused = [chip.profile for chip in found.chips if chip.report is None]
    given = [chip.profile for chip in found.chips if chip.report is not None]
    parts = [f"intervals for {', '.join(given)} ({found.short})"] if given else []
    parts += [f"refused for {', '.join(refused)}"] if refused else []
    word = "estimate" if given else "refused"
    return (Check(name, "none", "; ".join(parts), False, word),)


def cards(content: Content) -> Sequence[Card]:
    """The headline of every chip."""
    return tuple(_card(chip, content.short) for chip in content.chips)


def _card(chip: ChipEnergy, label: str) -> Card:
    """Return the network's own energy as an interval, and in small print the sum around it.

    What the network spends is the one thing that every chip shows; sums hold different terms.
    """
    report = chip.report
    if report is None:
        return Card(f"Energy, {chip.profile}", "refused", "no usable constant")
    mean = report.headline_pj.mean
    basis = "bounds from measured totals" if report.joint_constraint else "estimated"
    network = None if report.parts is None else report.parts.network
    if network is None:
        name = report.quantity.replace(" per inference", "").capitalize()
        return Card(f"{name}, {chip.profile}", _ends(mean), f"per inference, {basis}; {label}")
    detail = f"per inference, {basis}; {report.quantity}, all told: {_ends(mean)}; {label}"
    return Card(f"Energy of the network, {chip.profile}", _ends(network), detail)


def _ends(interval: Interval) -> str:
    """Return ``low to high``: a centre alone would pass for a measurement."""
    return energy_limits(interval) or f"about {energy_of(interval.high)}"


def figures(content: Content) -> Mapping[str, Figure]:
    """Terms and sums of every chip that has an estimate."""
    return {
        f"energy-{chip.profile}": _figure(chip.report, content.label)
        for chip in content.chips
        if chip.report is not None
    }


def _figure(report: EnergyReport, label: str) -> Figure:
    rows = [(term.name, term.energy_pj, "c0") for term in report.terms]
    if report.parts is not None:
        named = (("network", report.parts.network), ("host and barrier", report.parts.host))
        rows += [(f"{name}, together", pj, "c3") for name, pj in named if pj is not None]
    if report.dynamic_pj is not None:
        rows.append(("dynamic, sum", report.dynamic_pj.mean, "c2"))
    if report.total_pj is not None:
        rows.append(("total", report.total_pj.mean, "c1"))
    spans = [
        Span(name, pj.low, pj.mid or 0.0, pj.high, energy_span(pj), colour)
        for name, pj, colour in rows
    ]
    axis = Log.around([x for s in spans for x in (s.low, s.mid, s.high)], energy_of)
    caption = f"Intervals of the terms and their sum on {report.profile}"
    told = "; ".join(f"{span.name} {span.text}" for span in spans)
    drawing = intervals(spans, axis, "energy per inference, logarithmic", caption, told)
    notes = []
    if any(span.low <= 0 for span in spans):
        notes.append("An arrow at the left edge: the interval reaches down to 0.")
    if report.bounds_only:
        notes.append("No line within a bar: the ends are known, a centre is not.")
    return Figure(caption, told, drawing, label, note=" ".join(notes))


def json(content: Content | None) -> Mapping[str, Any]:
    """A list of chips, each with its report or the reason of its refusal."""
    chips = () if content is None else content.chips
    entries = [
        {"profile": chip.profile, "refused": chip.refused}
        if chip.report is None
        else {"profile": chip.profile, "report": plain(chip.report)}
        for chip in chips
    ]
    return {"energy": entries}


PART = Part(content, template("energy"), figures, cards, checks, json)
