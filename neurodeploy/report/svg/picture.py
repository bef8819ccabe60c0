"""A table of values as an image: the darker the larger, negative values in another colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from neurodeploy.report.svg.axis import foot, framed
from neurodeploy.report.svg.element import Element, element, markup
from neurodeploy.report.svg.scale import steps_scale

SHADES = 16


def picture(values: NDArray[Any], label: str, description: str, over_steps: bool = False) -> Markup:
    """Return ``(rows, columns)`` as squares, or with ``over_steps`` as channels over time.

    The opacity of a value is ``|value| / max |value|``, in `SHADES` shades; 0 is not drawn.
    """
    rows, columns = values.shape
    drawn = element(
        "svg",
        element("rect", class_="paper", width=columns, height=rows),
        *_shades(values),
        viewBox=f"0 0 {columns} {rows}",
        class_="cells",
    )
    if not over_steps:
        drawn.set("class", "chart image")
        return markup(drawn, label, description)
    height = max(120, min(6 * rows, 360))
    for key, value in (("preserveAspectRatio", "none"), ("width", "100%"), ("height", str(height))):
        drawn.set(key, value)
    turn = f"translate(-10,{height // 2}) rotate(-90)"
    side = element("text", class_="axis middle", transform=turn, text="channel")
    axis = foot(steps_scale(columns), height, "step", grid=False)
    return markup(framed([drawn, *axis, side], height, left=28), label, description)


def _shades(values: NDArray[Any]) -> list[Element]:
    """Return one path for each shade and sign that occurs."""
    most = max(1, int(np.abs(values).max(initial=0)))
    shade = np.ceil(np.abs(values) * (SHADES / most)).astype(int) * np.sign(values).astype(int)
    result = []
    for level in np.unique(shade):
        if level:
            cells = " ".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(shade == level))
            colour = "c0" if level > 0 else "c1"
            opacity = f"{abs(level) / SHADES:.3g}"
            result.append(element("path", class_=f"cell {colour}", fill_opacity=opacity, d=cells))
    return result
