"""What an inference costs on a chip: exact counts times the intervals of a profile."""

from neurodeploy.energy.estimate import estimate_energy
from neurodeploy.energy.report import EnergyReport, Interval, Spread, Term

__all__ = ["EnergyReport", "Interval", "Spread", "Term", "estimate_energy"]
