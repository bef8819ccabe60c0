"""A chip as a picture: its tiles and cores in place, coloured by kind or shaded by a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from neurodeploy.report.svg.element import Element, element, markup, tip

SIDE, GAP = 10, 2
"""Units: a core, and between tiles."""
SHADES = 16
PIXELS, WIDE = 3, 460
"""Pixels of a unit where there is room, and of a whole chip at most."""
WIDEST = 16
"""Cores of a row where the chip has no mesh."""


@dataclass(frozen=True)
class Cell:
    """One core in use. colour : class. text : what stands in it. told : what a pointer is told.

    opacity : 0 to 1.
    """

    colour: str
    text: str
    told: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Grid:
    """Where cores are. cores : of the chip. per_tile : cores of a tile. width : tiles of a row."""

    cores: int
    per_tile: int
    width: int

    @classmethod
    def of(cls, cores: int, mesh: tuple[int, int] | None, per_tile: int) -> Grid:
        """Return the mesh, or rows of cores where there is none."""
        if mesh is not None:
            return cls(cores, per_tile, mesh[0])
        return cls(cores, 1, min(WIDEST, max(1, math.ceil(math.sqrt(2 * cores)))))

    @property
    def across(self) -> int:
        """Cores of one row of a tile."""
        return math.ceil(math.sqrt(self.per_tile))

    @property
    def pitch(self) -> tuple[int, int]:
        """Units from one tile to the next, right and down."""
        gap = GAP if self.per_tile > 1 else 0
        down = -(-self.per_tile // self.across)
        return self.across * SIDE + gap, down * SIDE + gap

    @property
    def size(self) -> tuple[int, int]:
        """Units of the whole chip."""
        tiles = -(-self.cores // self.per_tile)
        right, down = self.pitch
        return min(self.width, tiles) * right, -(-tiles // self.width) * down

    def at(self, place: int) -> tuple[int, int]:
        """Return the upper left corner of a core."""
        tile, inside = divmod(place, self.per_tile)
        right, down = self.pitch
        x = tile % self.width * right + inside % self.across * SIDE
        return x, tile // self.width * down + inside // self.across * SIDE


def chip(grid: Grid, cells: Mapping[int, Cell], label: str, description: str) -> Markup:
    """Return the drawing; cells : by place on the chip, free cores are pale."""
    width, height = grid.size
    children: list[Element] = [_free(grid, cells)]
    for place, cell in sorted(cells.items()):
        children += _core(*grid.at(place), cell)
    drawn = element(
        "svg",
        *children,
        viewBox=f"0 0 {width} {height}",
        class_="chart chip",
        style=f"max-width:{min(PIXELS * width, WIDE)}px",
    )
    return markup(drawn, label, description)


def _free(grid: Grid, cells: Mapping[int, Cell]) -> Element:
    """Return all cores that hold nothing, as one path."""
    places = (grid.at(place) for place in range(grid.cores) if place not in cells)
    side = SIDE - 1
    path = " ".join(f"M{x} {y}h{side}v{side}h-{side}z" for x, y in places)
    return element("path", class_="paper", d=path or "M0 0")


def _core(x: int, y: int, cell: Cell) -> list[Element]:
    shade = math.ceil(cell.opacity * SHADES) / SHADES
    body = element(
        "rect",
        tip(cell.told),
        class_=f"cell {cell.colour}",
        x=x,
        y=y,
        width=SIDE - 1,
        height=SIDE - 1,
        rx=1,
        fill_opacity=f"{shade:.3g}",
    )
    if not cell.text:
        return [body]
    name = element("text", class_="core middle", x=x + SIDE / 2 - 0.5, y=y + 6.6, text=cell.text)
    return [body, name]
