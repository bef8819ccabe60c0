"""``energy.json``: energy per inference on each chip, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.energy.report import EnergyReport
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class ChipEnergy:
    """One chip: its report, or the reason why it was refused."""

    profile: str
    report: EnergyReport | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Energies:
    """``energy.json``. data : what was run; older files do not say."""

    profiles: tuple[ChipEnergy, ...]
    data: Tested | None = None
