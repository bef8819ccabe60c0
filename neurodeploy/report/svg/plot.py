"""Curves, points and error bars over two axes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from neurodeploy.report.svg.axis import foot, framed
from neurodeploy.report.svg.element import Element, element, markup, number, share, tip
from neurodeploy.report.svg.scale import Linear, Log

LEFT = 56
"""Margin in pixels: room for the labels of y and its title."""
STRETCH = 1000
"""Width of the drawing of a curve before it is stretched to the width that there is."""
POINTS = 64
"""Most points of a curve that are marked, each with its value."""
Y_LABELS = 6


class Plot:
    """A drawing of ``height`` pixels between two titled axes; what is added later lies above.

    left : margin for the labels of y.
    """

    def __init__(
        self,
        height: int,
        x: Linear | Log,
        y: Linear,
        x_title: str,
        y_title: str,
        left: int = LEFT,
    ) -> None:
        self.height, self.x, self.y, self.left = height, x, y, left
        self.marks: list[Element] = []
        self.axes = [*foot(x, height, x_title), *self._y_axis(y_title)]

    def _y_axis(self, title: str) -> list[Element]:
        result = []
        for value, text in self.y.ticks(Y_LABELS):
            at = self.up(value)
            result.append(element("line", class_="grid", x1=0, x2="100%", y1=at, y2=at))
            result.append(element("text", class_="tick end", x=-8, y=at + 4, text=text))
        if title:
            turn = f"translate({-(self.left - 13)},{number(self.height / 2)}) rotate(-90)"
            result.append(element("text", class_="axis middle", transform=turn, text=title))
        return result

    def up(self, value: float) -> float:
        """Return the place of a value along y in pixels from above."""
        return (1 - self.y.place(value)) * self.height

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, kind: str = "line") -> None:
        """Draw a curve. kind : class of the line, ``"line"`` or ``"dashed"``."""
        points = " ".join(
            f"{number(STRETCH * self.x.place(a))},{number(self.up(b))}"
            for a, b in zip(x, y, strict=True)
        )
        self.marks.append(
            element(
                "svg",
                element("polyline", class_=f"{kind} {colour}", points=points),
                viewBox=f"0 0 {STRETCH} {self.height}",
                preserveAspectRatio="none",
                width="100%",
                height=self.height,
                overflow="visible",
            )
        )

    def points(
        self, x: Sequence[float], y: Sequence[float], colour: str, tips: Sequence[str]
    ) -> None:
        """Mark each point, and tell its value to a pointer; nothing for more than `POINTS`."""
        if len(x) > POINTS:
            return
        for a, b, text in zip(x, y, tips, strict=True):
            at, up = share(self.x.place(a)), self.up(b)
            dot = element("circle", tip(text), class_=f"dot {colour}", cx=at, cy=up, r=3.2)
            self.marks.append(dot)

    def error_bar(self, x: float, low: float, high: float, colour: str) -> None:
        """Draw an interval along y."""
        at, top, bottom = share(self.x.place(x)), self.up(high), self.up(low)
        self.marks.append(element("line", class_=f"thin {colour}", x1=at, x2=at, y1=top, y2=bottom))
        for y in (top, bottom):
            cap = element("line", class_=f"thin {colour}", x1=-4, x2=4, y1=y, y2=y)
            self.marks.append(element("svg", cap, x=at, overflow="visible"))

    def triangle(self, x: float, y: float, colour: str, text: str) -> None:
        """Draw a small triangle with its point up."""
        shape = element("path", tip(text), class_=f"dot {colour}", d="M0-5l4.5 8h-9z")
        self.marks.append(
            element("svg", shape, x=share(self.x.place(x)), y=self.up(y), overflow="visible")
        )

    def level(self, y: float) -> None:
        """Draw a dotted line across at ``y``."""
        at = self.up(y)
        self.marks.append(element("line", class_="level", x1=0, x2="100%", y1=at, y2=at))

    def markup(self, label: str, description: str) -> Markup:
        """Return the drawing."""
        return markup(framed([*self.axes, *self.marks], self.height, self.left), label, description)
