"""What Lava has for each neuron and synapse model: the process, and what its process cannot do.

Source: lava-nc 0.10.0 and lava-dl 0.6.0, the arguments that netx gives their processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
from neurodeploy.synapse import Conv2d, Dense, Direct, Shape, Synapse

INT8_MAX = 127
UNREACHABLE_THRESHOLD = 2**17
"""netx's threshold of a layer without neuron: << 6 it is 2^23, one above the largest v."""
DELAY_SLOTS = 63
"""Columns of Lava's delay buffer; its synapse computes a matrix for each, in every step."""
ADVICE = "use engine 'native' or 'reference'"

Rule = Callable[[Any], str]
"""Returns what is wrong with a record for Lava, or an empty text."""


@dataclass(frozen=True)
class Process:
    """kind : name for the worker, empty where Lava has none. rules : all must find nothing."""

    kind: str
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)

    def faults(self, record: Neuron | Synapse) -> Iterator[str]:
        """Yield what Lava cannot do with ``record``."""
        return (text for rule in self.rules if (text := rule(record)))


@dataclass(frozen=True)
class NeuronProcess(Process):
    """The process of a neuron model.

    parameters : fields that it takes. one_for_all : those of them of which it has one number for
    all neurons. fixed : further parameters, always the same.
    """

    parameters: tuple[str, ...] = ()
    one_for_all: tuple[str, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SynapseProcess(Process):
    """The process of a synapse model.

    work : multiplications of one step, from the synapse and its source's shape. drives_bias :
    whether it may drive the port ``"bias"``.
    """

    work: Callable[[Any, Shape], int]
    drives_bias: bool = False


def _threshold_moves(neuron: Neuron) -> str:
    return f"{type(neuron).__name__} adapts its threshold, Lava cannot; {ADVICE}"


def _reset_is_not_zero(neuron: CubaLif) -> str:
    if neuron.reset == "zero":
        return ""
    return f"reset is {neuron.reset!r}, Lava resets to zero only; {ADVICE}"


def _gain_is_set(neuron: CubaLif) -> str:
    if neuron.gain is None:
        return ""
    return f"gain is set, Lava's input mantissa is always 64; {ADVICE}"


def _starts_elsewhere(neuron: CubaLif | Integrator) -> str:
    if not neuron.initial.any():
        return ""
    return f"initial is not 0, Lava's neurons start and reset at 0; {ADVICE}"


def _threshold_differs(neuron: Delta | SigmaDelta | ResonateFire) -> str:
    if not np.ptp(neuron.threshold):
        return ""
    name = type(neuron).__name__
    return f"threshold differs between neurons, Lava's {name} has one for all; {ADVICE}"


def _resonator(kind: str) -> NeuronProcess:
    names = ("sin_decay", "cos_decay", "threshold")
    return NeuronProcess(kind, names, ("threshold",), rules=(_threshold_differs,))


NEURONS: ByType[NeuronProcess] = ByType(
    "Lava process",
    Neuron,
    {
        CubaLif: NeuronProcess(
            "LIF",
            ("current_decay", "voltage_decay", "threshold", "bias"),
            rules=(_reset_is_not_zero, _gain_is_set, _starts_elsewhere),
        ),
        HomeostaticLif: NeuronProcess("", rules=(_threshold_moves,)),
        Integrator: NeuronProcess(
            "LIF",
            ("current_decay", "voltage_decay", "bias"),
            fixed={"threshold": UNREACHABLE_THRESHOLD},
            rules=(_starts_elsewhere,),
        ),
        Delta: NeuronProcess("Delta", ("threshold",), ("threshold",), rules=(_threshold_differs,)),
        SigmaDelta: NeuronProcess(
            "SigmaDelta", ("threshold", "bias"), ("threshold",), rules=(_threshold_differs,)
        ),
        Sigma: NeuronProcess("Sigma"),
        ResonateFire: _resonator("RF"),
        ResonateFireIz: _resonator("RF_IZ"),
    },
    refusal=f"engine 'lava' has no {{name}} neurons; {ADVICE}",
)


def _beyond_8_bits(synapse: Conv2d) -> str:
    sizes = {
        "kernel": synapse.weight.shape[2:],
        "stride": synapse.stride,
        "padding": synapse.padding,
        "dilation": synapse.dilation,
        "groups": (synapse.groups,),
    }
    for name, values in sizes.items():
        if max(values) > INT8_MAX:
            return f"{name} is {max(values)}, Lava keeps 8 bits: at most {INT8_MAX}"
    return ""


def _dense_work(synapse: Dense, _: Shape) -> int:
    return int(synapse.weight.size) * (DELAY_SLOTS if synapse.delay is not None else 1)


def _conv_work(synapse: Conv2d, source: Shape) -> int:
    """Each kernel tap of an undecimated convolution."""
    return int(synapse.weight.size) * source[1] * source[2]


SYNAPSES: ByType[SynapseProcess] = ByType(
    "Lava process",
    Synapse,
    {
        Dense: SynapseProcess("dense", _dense_work),
        Conv2d: SynapseProcess("conv", _conv_work, rules=(_beyond_8_bits,)),
        Direct: SynapseProcess("direct", lambda *_: 0, drives_bias=True),
    },
    refusal=f"engine 'lava' has no {{name}} synapses; {ADVICE}",
)
