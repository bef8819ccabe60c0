"""Figures as static SVG: nothing runs in the browser, and every one prints.

A figure is as wide as its place: positions along x are percentages, those along y pixels, and
only curves are stretched; strokes, marks and text keep their size at any width. Colours are
classes, ``c0`` to ``c4`` and ``grey``, that the page's style sets for light and dark ground.
"""

from neurodeploy.report.svg.bars import Bar, Row, bars
from neurodeploy.report.svg.chip import Cell, Grid, chip
from neurodeploy.report.svg.element import Figure
from neurodeploy.report.svg.intervals import Span, intervals
from neurodeploy.report.svg.picture import picture
from neurodeploy.report.svg.plot import Plot
from neurodeploy.report.svg.raster import Band, raster
from neurodeploy.report.svg.scale import Linear, Log, steps_scale

__all__ = [
    "Band",
    "Bar",
    "Cell",
    "Figure",
    "Grid",
    "Linear",
    "Log",
    "Plot",
    "Row",
    "Span",
    "bars",
    "chip",
    "intervals",
    "picture",
    "raster",
    "steps_scale",
]
