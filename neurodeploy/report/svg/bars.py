"""Bars along one axis, each row with its name above it: names of any length fit any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from neurodeploy.report.svg.axis import foot, framed
from neurodeploy.report.svg.element import Element, element, markup, share, tip
from neurodeploy.report.svg.scale import Linear

NAME, THICK, GAP, AFTER = 17, 12, 3, 12
"""Pixels: line of the name, a bar, between bars, after a row."""
TEXT = 40
"""Most characters of a name in a figure; the whole name is told to a pointer."""


@dataclass(frozen=True)
class Bar:
    """One bar from 0 to value. text : its value in words. mark : a further value, or None."""

    value: float
    text: str
    colour: str
    mark: float | None = None
    mark_text: str = ""


@dataclass(frozen=True)
class Row:
    """Bars of one name."""

    name: str
    bars: tuple[Bar, ...]


def bars(rows: Sequence[Row], x: Linear, title: str, label: str, description: str) -> Markup:
    """Return the drawing; each value stands at the right end of its name's line."""
    children: list[Element] = []
    y = 0
    for row in rows:
        children += _row(row, x, y)
        y += NAME + len(row.bars) * (THICK + GAP) + AFTER
    height = y - AFTER + 4
    axis = foot(x, height, title, top=NAME)
    return markup(framed([*axis, *children], height), label, description)


def _row(row: Row, x: Linear, y: int) -> list[Element]:
    name = element("text", class_="name", x=0, y=y + 12, text=shortened(row.name))
    if len(row.name) > TEXT:
        name.insert(0, tip(row.name))
    values = " \u00b7 ".join(bar.text for bar in row.bars)
    result = [name, element("text", class_="value end", x="100%", y=y + 12, text=values)]
    for k, bar in enumerate(row.bars):
        top = y + NAME + k * (THICK + GAP)
        result.append(
            element(
                "rect",
                tip(f"{row.name}: {bar.text}"),
                class_=f"bar {bar.colour}",
                x=0,
                y=top,
                width=share(min(max(x.place(bar.value), 0.0), 1.0)),
                height=THICK,
                rx=2,
            )
        )
        if bar.mark is not None:
            shape = element("path", tip(bar.mark_text), class_="dot c1", d="M0-6l6 6l-6 6l-6-6z")
            place = share(min(max(x.place(bar.mark), 0.0), 1.0))
            result.append(element("svg", shape, x=place, y=top + THICK / 2, overflow="visible"))
    return result


def shortened(name: str) -> str:
    """Return a name that fits a figure."""
    return name if len(name) <= TEXT else f"{name[: TEXT - 1]}\u2026"
