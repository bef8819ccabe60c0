"""Spikes over time: one band for each layer, one line for each neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from neurodeploy.report.svg.axis import foot, framed
from neurodeploy.report.svg.bars import shortened
from neurodeploy.report.svg.element import COLOURS, Element, element, markup, number, tip
from neurodeploy.report.svg.scale import Linear, steps_scale

NAME, LINE, AFTER = 20, 4, 12
"""Pixels: line of the name, a neuron, after a band."""
TOLD = 40
"""Most steps of a neuron that a pointer is told."""


@dataclass(frozen=True)
class Band:
    """Neurons of one layer. spikes : for each neuron shown, its number and steps, from 1."""

    name: str
    spikes: tuple[tuple[int, tuple[int, ...]], ...]


def raster(bands: Sequence[Band], steps: int, label: str, description: str) -> Markup:
    """Return the drawing, ``steps`` wide."""
    x = steps_scale(steps)
    children: list[Element] = []
    y = 0
    for k, band in enumerate(bands):
        children.append(element("text", class_="name", x=0, y=y + 12, text=shortened(band.name)))
        for row, (neuron, times) in enumerate(band.spikes):
            if times:
                at = y + NAME + LINE * row
                children.append(_neuron(neuron, times, x, at, COLOURS[k % len(COLOURS)]))
        y += NAME + LINE * len(band.spikes) + AFTER
    height = y - AFTER + 4
    axis = foot(x, height, "step", top=NAME - 4)
    return markup(framed([*axis, *children], height), label, description)


def _neuron(neuron: int, times: tuple[int, ...], x: Linear, y: int, colour: str) -> Element:
    told = ", ".join(map(str, times[:TOLD])) + (", ..." if len(times) > TOLD else "")
    path = " ".join(f"M{number(1000 * x.place(t))} 0v{LINE}" for t in times)
    mark = element("path", tip(f"neuron {neuron}: step {told}"), class_=f"spike {colour}", d=path)
    return element(
        "svg",
        mark,
        y=y,
        viewBox=f"0 0 1000 {LINE}",
        preserveAspectRatio="none",
        width="100%",
        height=LINE,
        overflow="visible",
    )
