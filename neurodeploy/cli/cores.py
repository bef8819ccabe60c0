"""Placements on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

if TYPE_CHECKING:
    from neurodeploy.results.placement import ChipPlacement


def cores_shown(chips: Sequence[ChipPlacement]) -> RenderableType:
    """Return where the network goes on every chip, or why it does not."""
    from neurodeploy.placement.table import renderable

    lines: list[RenderableType] = []
    for chip in chips:
        if chip.placement is None:
            lines.append(Text(f"{chip.profile}: not placed; {chip.refused}", style="bold"))
        else:
            lines.append(renderable(chip.placement))
        lines.append(Text(""))
    return Group(*lines)
