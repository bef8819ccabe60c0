"""Intervals with a centre on a logarithmic axis, each with its name above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from neurodeploy.report.svg.axis import foot, framed
from neurodeploy.report.svg.bars import shortened
from neurodeploy.report.svg.element import Element, element, markup, share, tip
from neurodeploy.report.svg.scale import Log

NAME, THICK, AFTER = 17, 12, 12


@dataclass(frozen=True)
class Span:
    """One interval. text : in words. 0 <= low <= mid <= high."""

    name: str
    low: float
    mid: float
    high: float
    text: str
    colour: str


def intervals(rows: Sequence[Span], x: Log, title: str, label: str, description: str) -> Markup:
    """Return the drawing.

    An interval that reaches down to 0 has no end on a logarithmic axis: it is drawn from the edge
    with an arrow that points to the left. One that is 0 altogether is the arrow alone.
    """
    children: list[Element] = []
    for k, row in enumerate(rows):
        children += _row(row, x, k * (NAME + THICK + AFTER))
    height = len(rows) * (NAME + THICK + AFTER) - AFTER + 4
    axis = foot(x, height, title, top=NAME)
    return markup(framed([*axis, *children], height, 24, 24), label, description)


def _row(row: Span, x: Log, y: int) -> list[Element]:
    top = y + NAME
    result = [
        element("text", class_="name", x=0, y=y + 12, text=shortened(row.name)),
        element("text", class_="value end", x="100%", y=y + 12, text=row.text),
    ]
    if row.high > 0:
        low = x.place(row.low) if row.low > 0 else 0.0
        width = max(x.place(row.high) - low, 0.004)
        bar = element(
            "rect",
            tip(f"{row.name}: {row.text}"),
            class_=f"span {row.colour}",
            x=share(low),
            y=top,
            width=share(width),
            height=THICK,
        )
        result.append(bar)
    if row.low <= 0:
        shape = f"M-2 {top}v{THICK}l-9-{THICK / 2:g}z"
        result.append(
            element(
                "path", tip(f"{row.name} reaches down to 0"), class_=f"dot {row.colour}", d=shape
            )
        )
    if row.mid > 0:
        at = share(x.place(row.mid))
        line = element("line", class_=f"mid {row.colour}", x1=at, x2=at, y1=top - 2)
        line.set("y2", str(top + THICK + 2))
        result.append(line)
    return result
