"""Certificates: what is proved, what fell, and what lies between, against the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Figure, Linear, Plot
from neurodeploy.report.words import percent
from neurodeploy.results.certified import CertifiedRow
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class Content:
    """rows : by rising budget. methods : those that decided something."""

    rows: tuple[CertifiedRow, ...]
    methods: tuple[str, ...]
    tested: Tested


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite certify left."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or not verify.certify:
        return None
    rows = tuple(sorted(verify.certify, key=lambda row: row.eps))
    methods = tuple(name for name in rows[0].by_method if any(r.by_method.get(name) for r in rows))
    return Content(rows, methods, tested)


def figures(content: Content) -> Mapping[str, Figure]:
    """Clean, not falsified and certified accuracy against the budget."""
    rows = content.rows
    x = [0.0, *(row.eps for row in rows)]
    plot = Plot(
        250,
        Linear(0.0, max(x)),
        Linear(0.0, 100.0),
        "budget, 1/255 of the largest value",
        "samples, %",
    )
    clean = rows[0].clean
    lines = (
        ("clean", "c1", [clean] * len(x)),
        ("no counter-example found", "c2", [clean, *(1 - row.falsified for row in rows)]),
        ("certified", "c0", [clean, *(row.certified for row in rows)]),
    )
    for name, colour, shares in lines:
        y = [100 * share for share in shares]
        plot.line(x, y, colour, *(("dashed",) if name == "clean" else ()))
        if name != "clean":
            tips = [f"{name} at {a:g}: {b:.1f} %" for a, b in zip(x, y, strict=True)]
            plot.points(x, y, colour, tips)
    told = "; ".join(
        f"{row.eps:g}: {100 * row.certified:.1f} % certified, {100 * row.open:.1f} % open"
        for row in rows
    )
    caption = "Certified accuracy against the budget"
    drawing = plot.markup(caption, f"{told}. The table below holds the values.")
    legend = tuple((name, colour) for name, colour, _ in lines)
    return {"certified": Figure(caption, told, drawing, content.tested.label, legend)}


def cards(content: Content) -> Sequence[Card]:
    """The share that is certified at the smallest budget."""
    row = content.rows[0]
    detail = f"proved on the integers, open {percent(row.open)}; {content.tested.short}"
    return (Card(f"Certified at {row.eps:g}/255", percent(row.certified), detail),)


PART = Part(content, template("certified"), figures, cards)
