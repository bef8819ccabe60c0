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
    from neurodeploy import train
    from neurodeploy.answers import RunChoice
    from neurodeploy.converters import load, save
    from neurodeploy.converters.torch_modules import from_torch
    from neurodeploy.energy import estimate_energy
    from neurodeploy.lowering import lower
    from neurodeploy.mapping import map_program
    from neurodeploy.placement import core_counts, core_load, place
    from neurodeploy.profile import load_profile
    from neurodeploy.twin import to_torch
    from neurodeploy.verification.attack_suite import AttackSuite as Attack
    from neurodeploy.verification.certify_suite import CertifySuite as Certify
    from neurodeploy.verification.corruption_suite import CorruptionSuite as Corruption
    from neurodeploy.verification.cost_suite import CostSuite as Cost
    from neurodeploy.verification.fault_suite import FaultSuite as Fault
    from neurodeploy.verification.noise_suite import NoiseSuite as Noise
    from neurodeploy.verification.overflow import OverflowSuite as Overflow
    from neurodeploy.verification.verdicts import verify

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "Attack",
    "Certify",
    "Connection",
    "Conv2d",
    "Corruption",
    "Cost",
    "CubaLif",
    "Delta",
    "Dense",
    "Direct",
    "Fault",
    "HomeostaticLif",
    "Input",
    "Integrator",
    "Noise",
    "Overflow",
    "Population",
    "Program",
    "Readout",
    "ResonateFire",
    "ResonateFireIz",
    "RunChoice",
    "Sigma",
    "SigmaDelta",
    "Simulator",
    "Trace",
    "compile",
    "core_counts",
    "core_load",
    "estimate_energy",
    "from_torch",
    "load",
    "load_profile",
    "lower",
    "map_program",
    "place",
    "save",
    "simulate",
    "to_torch",
    "train",
    "verify",
]

_MODULES = ("train",)
_ON_FIRST_USE = {
    "RunChoice": "neurodeploy.answers",
    "core_counts": "neurodeploy.placement",
    "core_load": "neurodeploy.placement",
    "estimate_energy": "neurodeploy.energy",
    "from_torch": "neurodeploy.converters.torch_modules",
    "load": "neurodeploy.converters",
    "load_profile": "neurodeploy.profile",
    "lower": "neurodeploy.lowering",
    "map_program": "neurodeploy.mapping",
    "place": "neurodeploy.placement",
    "save": "neurodeploy.converters",
    "to_torch": "neurodeploy.twin",
    "verify": "neurodeploy.verification.verdicts",
}
_SUITES = {
    "Attack": ("neurodeploy.verification.attack_suite", "AttackSuite"),
    "Certify": ("neurodeploy.verification.certify_suite", "CertifySuite"),
    "Corruption": ("neurodeploy.verification.corruption_suite", "CorruptionSuite"),
    "Cost": ("neurodeploy.verification.cost_suite", "CostSuite"),
    "Fault": ("neurodeploy.verification.fault_suite", "FaultSuite"),
    "Noise": ("neurodeploy.verification.noise_suite", "NoiseSuite"),
    "Overflow": ("neurodeploy.verification.overflow", "OverflowSuite"),
}
"""Suites by the name that a user writes: ``nd.verify(program, data, suites=(nd.Noise(),))``."""


def __getattr__(name: str) -> Any:
    """Import on first use what needs pydantic, HDF5 or torch: importing the package is quick."""
    if name in _SUITES:
        module, attribute = _SUITES[name]
        return getattr(import_module(module), attribute)
    if name in _MODULES:
        return import_module(f"neurodeploy.{name}")
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_FIRST_USE[name]), name)
