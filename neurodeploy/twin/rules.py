"""Which rule runs which neuron model."""

from __future__ import annotations

from neurodeploy.errors import ProgramError
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
    without=(ResonateFire, ResonateFireIz),
)
"""Models that are not in it have no gradient: resonate-and-fire."""


def rule_of(population: Population) -> Rule:
    """Return the rule of a population; ProgramError names the population that has none."""
    if type(population.neuron) not in RULES:
        known = ", ".join(kind.__name__ for kind in RULES)
        raise ProgramError(
            f"population {population.name}: {type(population.neuron).__name__} has no surrogate "
            f"gradient, the twin takes {known}"
        )
    return RULES.of(population.neuron)
