"""A spiking network in floats and in discrete time: what converters read, before it is rounded.

One step of a population, with S = sum of its connections + drive, in this order::

    I = (1 - current_decay) * I + current_gain * S
    v = (1 - voltage_decay) * v + voltage_gain * I + leak
    spike where v > threshold
    v = origin where it spiked              (reset "zero")
    v = v - (threshold - origin)            (reset "subtract")

I starts at 0 and v at ``start``. Forward connections deliver in the same step, feedback in the
next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FloatDense:
    """All-to-all weights. weight : ``(out, in)``. delay : whole steps that broadcast to it."""

    weight: Floats
    delay: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class FloatConv:
    """Cross-correlation as in torch. weight : ``(Cout, Cin / groups, kH, kW)``."""

    weight: Floats
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


FloatSynapse = FloatDense | FloatConv


@dataclass(frozen=True, eq=False)
class FloatPopulation:
    """Neurons of one kind; all arrays have shape ``()`` or that of the population.

    threshold : None for a read-out that never spikes. drive : constant part of the current.
    leak : added to v in every step. origin : v after a spike. start : v at the start of a sample.
    """

    name: str
    shape: Shape
    current_decay: Floats
    voltage_decay: Floats
    current_gain: Floats
    voltage_gain: Floats
    drive: Floats
    leak: Floats
    threshold: Floats | None
    origin: Floats
    start: Floats
    reset: str = "zero"


@dataclass(frozen=True, eq=False)
class FloatConnection:
    """Weights from an input or population to a population."""

    source: str
    target: str
    synapse: FloatSynapse
    feedback: bool = False


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """inputs : shape by name. readout : name of the population that is classified with."""

    inputs: Mapping[str, Shape]
    populations: tuple[FloatPopulation, ...]
    connections: tuple[FloatConnection, ...]
    readout: str
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
