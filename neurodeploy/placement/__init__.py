"""Placement: on which cores of a chip a program goes, and what each core does in each step."""

from neurodeploy.placement.mapper import METHODS, place
from neurodeploy.placement.record import Core, LayerCores, Placement, Slice

__all__ = ["METHODS", "Core", "LayerCores", "Placement", "Slice", "place"]
