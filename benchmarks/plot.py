"""A small log-log plot as SVG, without any library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIZE, MARGIN, GAP = 260, 60, 30
_STYLE = (
    "text{font:11px sans-serif}.p{fill:#1f6fb4}.l{stroke:#1f6fb4}.g{stroke:#ddd}.r{stroke:#c44}"
)


@dataclass(frozen=True)
class Panel:
    """One plot of ``x`` and ``y`` above 0; a line of slope 1 goes through the last point."""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    y: Sequence[float]


def svg(panels: Sequence[Panel]) -> str:
    """Return the panels side by side as one SVG document."""
    width = len(panels) * (SIZE + MARGIN + GAP)
    height = SIZE + 2 * MARGIN
    drawn = [
        f'<g transform="translate({MARGIN + k * (SIZE + MARGIN + GAP)},{MARGIN})">{_draw(p)}</g>'
        for k, p in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f"<style>{_STYLE}</style>"
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(drawn)}</svg>\n'
    )


def _draw(panel: Panel) -> str:
    xs, ys = [math.log10(v) for v in panel.x], [math.log10(v) for v in panel.y]
    low = (math.floor(min(xs)), math.floor(min(ys)))
    span = max(math.ceil(max(xs)) - low[0], math.ceil(max(ys)) - low[1], 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return SIZE * (x - low[0]) / span, SIZE * (1 - (y - low[1]) / span)

    points = [place(x, y) for x, y in zip(xs, ys, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [*_grid(low, span), _slope_one(xs, ys, place)]
    parts += [f'<polyline class="l" fill="none" points="{path}"/>']
    parts += [f'<circle class="p" r="3" cx="{x:.1f}" cy="{y:.1f}"/>' for x, y in points]
    parts += [
        f'<text x="{SIZE / 2}" y="-14" text-anchor="middle">{panel.title}</text>',
        f'<text x="{SIZE / 2}" y="{SIZE + 34}" text-anchor="middle">{panel.x_label}</text>',
        f'<text transform="translate(-42,{SIZE / 2}) rotate(-90)" text-anchor="middle">'
        f"{panel.y_label}</text>",
    ]
    return "".join(parts)


def _grid(low: tuple[int, int], span: int) -> list[str]:
    """Return a line and a label for each power of ten."""
    parts = []
    for k in range(span + 1):
        at = SIZE * k / span
        parts += [
            f'<line class="g" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{SIZE}"/>',
            f'<line class="g" x1="0" x2="{SIZE}" y1="{SIZE - at:.1f}" y2="{SIZE - at:.1f}"/>',
            f'<text x="{at:.1f}" y="{SIZE + 16}" text-anchor="middle">1e{low[0] + k}</text>',
            f'<text x="-6" y="{SIZE - at + 4:.1f}" text-anchor="end">1e{low[1] + k}</text>',
        ]
    return parts


def _slope_one(xs: list[float], ys: list[float], place: object) -> str:
    """Return a dashed line of slope 1 through the last point."""
    assert callable(place)
    x1, y1 = place(xs[0], ys[-1] - (xs[-1] - xs[0]))
    x2, y2 = place(xs[-1], ys[-1])
    line = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="r" stroke-dasharray="4 3" {line}/>'
