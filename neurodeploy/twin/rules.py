"""Which rule runs which neuron model."""

from __future__ import annotations

from neurodeploy.errors import located
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
from neurodeploy.program import Population
from neurodeploy.registry import ByType
from neurodeploy.twin.cuba import CubaRule
from neurodeploy.twin.rule import Rule
from neurodeploy.twin.sigma_delta import SigmaDeltaRule

_CUBA, _SIGMA_DELTA = CubaRule(), SigmaDeltaRule()

RULES: ByType[Rule] = ByType(
    "rule of the twin",
    Neuron,
    {
        CubaLif: _CUBA,
        HomeostaticLif: _CUBA,
        Integrator: _CUBA,
        Delta: _SIGMA_DELTA,
        SigmaDelta: _SIGMA_DELTA,
        Sigma: _SIGMA_DELTA,
    },
    refusal="{name} has no surrogate gradient; the twin takes the CUBA and sigma-delta families",
    without=(ResonateFire, ResonateFireIz),
)


def rule_of(population: Population) -> Rule:
    """Return the rule of a population; ModelError names the population that has none."""
    with located(f"population {population.name}"):
        return RULES.of(population.neuron)
