"""Placement: on which cores of a chip a program goes, and what each core does in each step.

placement = place(program, profile)              # cores per layer, bound, utilisation, hops
counts = core_counts(program, placement, x, trace)      # every core in every step
load = core_load(program, placement, profile, x, trace)   # their load, and the time it takes
"""

from neurodeploy.placement.counts import CoreCounter, CoreCounts, core_counts
from neurodeploy.placement.load import CoreLoad, Load, LoadSummary, LoadWatch, core_load
from neurodeploy.placement.mapper import METHODS, place
from neurodeploy.placement.record import Core, LayerCores, Placement, Slice

__all__ = [
    "METHODS",
    "Core",
    "CoreCounter",
    "CoreCounts",
    "CoreLoad",
    "LayerCores",
    "Load",
    "LoadSummary",
    "LoadWatch",
    "Placement",
    "Slice",
    "core_counts",
    "core_load",
    "place",
]
