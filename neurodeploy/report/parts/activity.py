"""Activity: exact counts of events and synaptic operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Bar, Figure, Linear, Row, bars
from neurodeploy.report.svg.element import GREY
from neurodeploy.results.tested import Tested
from neurodeploy.verification.counts import ActivityCounts


@dataclass(frozen=True)
class Content:
    """The counts, and of which samples they are means."""

    counts: ActivityCounts
    tested: Tested


def content(evidence: Evidence) -> Content | None:
    """Take the counts of the clean run."""
    if evidence.verify is None or evidence.verified_on is None:
        return None
    return Content(evidence.verify.activity, evidence.verified_on)


def figures(content: Content) -> Mapping[str, Figure]:
    """Events per neuron and step of every layer."""
    layers = content.counts.layers
    rows = tuple(
        Row(
            f"{layer.name} (input)" if layer.input else layer.name,
            (Bar(100 * layer.rate, f"{100 * layer.rate:.2f} %", GREY if layer.input else "c0"),),
        )
        for layer in layers
    )
    most = max((100 * layer.rate for layer in layers), default=0.0)
    caption = "Events per neuron and step"
    told = "; ".join(f"{row.name} {row.bars[0].text}" for row in rows)
    axis = Linear(0, most or 1.0)
    drawing = bars(rows, axis, "events per neuron and step, %", caption, told)
    return {"rates": Figure(caption, told, drawing, content.tested.label)}


def json(content: Content | None) -> Mapping[str, Any]:
    """The counts alone."""
    return {"activity": content and content.counts}


PART = Part(content, template("activity"), figures, json=json)
