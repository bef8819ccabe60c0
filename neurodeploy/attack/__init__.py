"""Attacks: data within a budget that make the integer network answer wrongly.

Attacks are frozen settings that stand in the registry `ATTACKS`; `Field` is what one is let loose
on: samples, the data within the budget, the answers of the engine and, where the network has a
twin in torch, gradients. An attack proposes data and never judges them: whoever runs it grades the
integers on the engine. Nothing here imports torch before a gradient is asked for.
"""

from neurodeploy.attack.attack import Attack, Field, Slope, lost, margins
from neurodeploy.attack.budget import UNITS, Budget
from neurodeploy.attack.engine import Engine
from neurodeploy.attack.registry import ATTACKS, EVENT_ATTACKS, STRENGTHS, strength
from neurodeploy.attack.space import Space

__all__ = [
    "ATTACKS",
    "EVENT_ATTACKS",
    "STRENGTHS",
    "UNITS",
    "Attack",
    "Budget",
    "Engine",
    "Field",
    "Slope",
    "Space",
    "lost",
    "margins",
    "strength",
]
