"""The twin: any integer network as a torch module, bit-equal forward, surrogate gradients back."""

from neurodeploy.twin.module import Twin, to_torch
from neurodeploy.twin.run import PopulationRun, Run
from neurodeploy.twin.slopes import PATHS
from neurodeploy.twin.surrogate import SURROGATES

__all__ = ["PATHS", "SURROGATES", "PopulationRun", "Run", "Twin", "to_torch"]
