"""The axis at the foot of a figure, and the frame that leaves room for it."""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.report.svg.element import Element, element, share
from neurodeploy.report.svg.scale import Linear, Log

FOOT = 46
"""Pixels below a figure for the labels of its ticks and the title of its axis."""


def foot(
    x: Linear | Log, height: int, title: str, top: int = 0, grid: bool = True
) -> list[Element]:
    """Return tick labels and title of x below ``height``, with lines from there up to ``top``."""
    result = []
    for value, text in x.ticks():
        at = share(x.place(value))
        if grid:
            result.append(element("line", class_="grid", x1=at, x2=at, y1=top, y2=height))
        result.append(element("text", class_="tick middle", x=at, y=height + 17, text=text))
    return [*result, element("text", class_="axis middle", x="50%", y=height + 38, text=title)]


def framed(children: Sequence[Element], height: int, left: int = 12, right: int = 14) -> Element:
    """Return a drawing as wide as its place, less room at the sides for what hangs over."""
    style = f"width:calc(100% - {left + right}px);margin:10px {right}px {FOOT}px {left}px"
    return element("svg", *children, class_="chart", height=height, style=style)
