"""``placement.json``: where a network goes on the cores of each chip, and what they do there."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.placement import LoadSummary, Placement
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class ChipPlacement:
    """One chip: its placement and the load of its cores, or the reason why there is none."""

    profile: str
    placement: Placement | None = None
    load: LoadSummary | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Placements:
    """``placement.json``. data : what the load was counted on, None where nothing was run."""

    chips: tuple[ChipPlacement, ...]
    data: Tested | None = None
