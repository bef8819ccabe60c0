"""Integers of a neuron as the parameters of NIR, in seconds and units of the source.

With D = decay / 4096 and q integer units per unit of v (see `neurodeploy.converters.quantise`)::

    tau       = dt / D (euler), -dt / ln(1 - D) (exponential)
    r         = voltage_gain / D, w_in = current_gain / D
    threshold = origin + threshold / q
"""

from __future__ import annotations

import numpy as np

from neurodeploy.converters.float_network import Floats
from neurodeploy.errors import ExportError
from neurodeploy.fixedpoint import DECAY_ONE


def seconds(decay: Floats, dt: float, rule: str, what: str) -> Floats:
    """Return the time constant of a 12-bit decay in 1..4096.

    Raises ExportError for a decay that no finite, positive one has.
    """
    highest = DECAY_ONE - 1 if rule == "exponential" else DECAY_ONE
    if np.any(decay < 1) or np.any(decay > highest):
        outside = decay[(decay < 1) | (decay > highest)].flat[0]
        raise ExportError(
            f"{what} is {outside}, a time constant in NIR needs 1 to {highest} with rule {rule}"
        )
    share = decay / DECAY_ONE
    return np.asarray(-dt / np.log1p(-share) if rule == "exponential" else dt / share)


def per_neuron(values: object, shape: tuple[int, ...]) -> Floats:
    """Return a parameter as floats in the full shape, as other readers of NIR expect it."""
    return np.array(np.broadcast_to(np.asarray(values, np.float64), shape))
