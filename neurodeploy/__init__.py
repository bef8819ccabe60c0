"""Train, verify and deploy spiking neural networks on Loihi-style chips, bit for bit.

The central object is the `Program`: the integer network that the chip runs. `load` one, `simulate`
it, `compile` it for many runs, `save` it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.sim import Simulator, compile, simulate
from neurodeploy.synapse import Conv2d, Dense, Direct
from neurodeploy.trace import Activity, Trace

if TYPE_CHECKING:
    from neurodeploy.converters import load, save
    from neurodeploy.converters.torch_modules import from_torch
    from neurodeploy.energy import estimate_energy
    from neurodeploy.profile import load_profile
    from neurodeploy.twin import to_torch

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "Connection",
    "Conv2d",
    "CubaLif",
    "Delta",
    "Dense",
    "Direct",
    "HomeostaticLif",
    "Input",
    "Integrator",
    "Population",
    "Program",
    "Readout",
    "ResonateFire",
    "ResonateFireIz",
    "Sigma",
    "SigmaDelta",
    "Simulator",
    "Trace",
    "compile",
    "estimate_energy",
    "from_torch",
    "load",
    "load_profile",
    "save",
    "simulate",
    "to_torch",
]


_ON_FIRST_USE = {
    "estimate_energy": "neurodeploy.energy",
    "from_torch": "neurodeploy.converters.torch_modules",
    "load": "neurodeploy.converters",
    "load_profile": "neurodeploy.profile",
    "save": "neurodeploy.converters",
    "to_torch": "neurodeploy.twin",
}


def __getattr__(name: str) -> Any:
    """Import on first use what needs pydantic, HDF5 or torch: importing the package is quick."""
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_FIRST_USE[name]), name)
