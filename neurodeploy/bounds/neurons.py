"""The interval step of every neuron model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurodeploy.bounds.cuba import cuba, integrator
from neurodeploy.bounds.resonator import resonate, resonate_iz
from neurodeploy.bounds.sigma_delta import delta, sigma, sigma_delta
from neurodeploy.bounds.stepped import Stepped
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.registry import ByType

Step = Callable[[Any, Any, Any, int], Stepped]
"""``step(neuron, states, currents, step)``: states by name, currents by port, int32-valued.

``step`` counts from the first data of the sample, as in `neurodeploy.sim.dynamics`.
"""

INTERVAL_STEPS: ByType[Step] = ByType(
    "interval step",
    Neuron,
    {
        CubaLif: cuba,
        HomeostaticLif: cuba,
        Integrator: integrator,
        Delta: delta,
        SigmaDelta: sigma_delta,
        Sigma: sigma,
        ResonateFire: resonate,
        ResonateFireIz: resonate_iz,
    },
)
