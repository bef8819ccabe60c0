"""What each torch module does, as a linear operation or as neurons.

Modules are known by the names of their classes, so that none of the libraries is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import Floats
from neurodeploy.converters.nir.operations import (
    Convolution,
    Flattening,
    Matrix,
    Operation,
    Pooling,
    Same,
)
from neurodeploy.errors import FormatError

ONE, ZERO = np.asarray(1.0), np.asarray(0.0)


@dataclass(frozen=True, eq=False)
class Neurons:
    """Neurons of one layer: fields of a `FloatPopulation`, one number or one for each.

    late_reset : what a spike takes off v one step later, through a connection back; None for none.
    rate : whether it stands for a ReLU, whose threshold is balanced on data.
    """

    fields: Mapping[str, Any]
    late_reset: Floats | None = None
    rate: bool = False


@dataclass(frozen=True, eq=False)
class Norm(Operation):
    """Batch normalisation in evaluation: ``scale * x + shift``, one of each for every channel."""

    scale: Floats = field(default_factory=lambda: ONE)
    shift: Floats = field(default_factory=lambda: ZERO)


def numbers(value: Any) -> Floats:
    """Return a tensor or number as float64."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, float)


def pair(value: Any) -> tuple[int, int]:
    """Return (height, width); one number stands for both."""
    items = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    return int(items[0]), int(items[1])


def _linear(module: Any) -> Operation:
    weight = numbers(module.weight)
    return Matrix(weight, ZERO if module.bias is None else numbers(module.bias))


def _conv(module: Any) -> Operation:
    weight = numbers(module.weight)
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        raise FormatError(
            f"pads by {module.padding!r}, {module.padding_mode}; expected numbers of zeros"
        )
    bias = np.zeros(len(weight)) if module.bias is None else numbers(module.bias)
    high, wide = pair(module.padding)
    pads = ((high, high), (wide, wide))
    return Convolution(
        weight, bias, pair(module.stride), pads, pair(module.dilation), module.groups
    )


def _average(module: Any) -> Operation:
    size = pair(module.kernel_size)
    padding = pair(module.padding)
    plain = not module.ceil_mode and module.divisor_override is None
    if not plain or (any(padding) and not module.count_include_pad):
        raise FormatError("averages over a number of cells that varies, expected the whole kernel")
    return Pooling(size, pair(module.stride), padding, True)


def _norm(module: Any) -> Operation:
    if module.running_mean is None:
        raise FormatError("has no running statistics: it normalises by the batch, train with them")
    scale = 1 / np.sqrt(numbers(module.running_var) + module.eps)
    scale = scale if module.weight is None else scale * numbers(module.weight)
    shift = ZERO if module.bias is None else numbers(module.bias)
    return Norm(scale, shift - scale * numbers(module.running_mean))


def _nothing(module: Any) -> Operation:
    return Same()


def _flatten(module: Any) -> Operation:
    return Flattening()


def _max_pool(module: Any) -> Operation:
    raise FormatError(
        "takes a maximum, which no weights can; train with AvgPool2d or a stride in its place"
    )


def _cells(**changes: Any) -> dict[str, Any]:
    return {
        "current_decay": ONE,
        "voltage_decay": ZERO,
        "current_gain": ONE,
        "voltage_gain": ONE,
        "leak": ZERO,
        "threshold": ONE,
        "origin": ZERO,
        "start": ZERO,
        "reset": "zero",
        **changes,
    }


def _relu(module: Any) -> Neurons:
    return Neurons(_cells(reset="subtract"), rate=True)


def _snntorch(module: Any) -> tuple[dict[str, Any], Floats | None]:
    """Return threshold and reset of a snnTorch neuron, and its late reset.

    A delayed reset to zero acts before v is used again, so it is an immediate one for Leaky.
    """
    if module.inhibition or numbers(module.graded_spikes_factor) != 1:
        raise FormatError("sends graded spikes or inhibits its neighbours, expected plain spikes")
    if getattr(module, "state_quant", None):
        raise FormatError("quantises its state in floats; train on the integers instead")
    threshold = numbers(module.threshold)
    fields = {"threshold": threshold, "reset": module.reset_mechanism}
    if module.reset_mechanism != "subtract":
        return fields, None
    if module.reset_delay:
        return {**fields, "reset": "none"}, threshold
    raise FormatError(
        "subtracts at once, which snnTorch takes back in part where v passes twice the threshold; "
        "train with reset_delay=True or reset_mechanism='zero'"
    )


def _leaky(module: Any) -> Neurons:
    fields, late = _snntorch(module)
    beta = np.clip(numbers(module.beta), 0, 1)
    return Neurons(_cells(voltage_decay=1 - beta, **fields), late)


def _synaptic(module: Any) -> Neurons:
    fields, late = _snntorch(module)
    if (module.reset_delay and fields["reset"] != "none") or late is not None:
        raise FormatError(
            "resets a step late, past its synaptic current; train with reset_delay=False"
        )
    alpha, beta = (np.clip(numbers(d), 0, 1) for d in (module.alpha, module.beta))
    return Neurons(_cells(current_decay=1 - alpha, voltage_decay=1 - beta, **fields))


def _spikingjelly(module: Any) -> dict[str, Any]:
    """Return threshold and reset; spikes where v >= v_threshold, the next float below it."""
    reset = module.v_reset
    origin = np.asarray(0.0 if reset is None else float(reset))
    threshold = np.asarray(np.nextafter(float(module.v_threshold), -np.inf))
    how = "subtract" if reset is None else "zero"
    return {"threshold": threshold, "origin": origin, "start": origin, "reset": how}


def _if_node(module: Any) -> Neurons:
    return Neurons(_cells(**_spikingjelly(module)))


def _lif_node(module: Any) -> Neurons:
    tau = float(module.tau) if hasattr(module, "tau") else 1 / float(module.w.sigmoid())
    fields = _spikingjelly(module)
    decay = np.asarray(1 / tau)
    gain = decay if module.decay_input else ONE
    leak = decay * fields["origin"]
    return Neurons(_cells(voltage_decay=decay, voltage_gain=gain, leak=leak, **fields))


def _norse_box(module: Any) -> Neurons:
    p, decay = module.p, numbers(module.dt * module.p.tau_mem_inv)
    if p.reset_method.__name__ != "reset_value":
        raise FormatError(f"resets by {p.reset_method.__name__}, expected reset_value")
    return Neurons(_norse(p, decay))


def _norse_lif(module: Any) -> Neurons:
    p, dt = module.p, module.dt
    fields = _norse(p, numbers(dt * p.tau_mem_inv))
    return Neurons({**fields, "current_decay": numbers(dt * p.tau_syn_inv)})


def _norse(p: Any, decay: Floats) -> dict[str, Any]:
    rest = numbers(p.v_leak)
    return _cells(
        voltage_decay=decay,
        voltage_gain=decay,
        leak=decay * rest,
        threshold=numbers(p.v_th),
        origin=numbers(p.v_reset),
        start=rest,
    )


Handler = Callable[[Any], "Operation | Neurons"]

LAYERS: dict[str, Handler] = {
    "torch.nn.modules.linear.Linear": _linear,
    "torch.nn.modules.linear.Identity": _nothing,
    "torch.nn.modules.conv.Conv2d": _conv,
    "torch.nn.modules.pooling.AvgPool2d": _average,
    "torch.nn.modules.pooling.MaxPool2d": _max_pool,
    "torch.nn.modules.flatten.Flatten": _flatten,
    "torch.nn.modules.batchnorm._BatchNorm": _norm,
    "torch.nn.modules.dropout._DropoutNd": _nothing,
    "torch.nn.modules.activation.ReLU": _relu,
    "snntorch._neurons.leaky.Leaky": _leaky,
    "snntorch._neurons.synaptic.Synaptic": _synaptic,
    "spikingjelly.activation_based.neuron.integrate_and_fire.IFNode": _if_node,
    "spikingjelly.activation_based.neuron.lif.LIFNode": _lif_node,
    "spikingjelly.activation_based.neuron.plif.ParametricLIFNode": _lif_node,
    "spikingjelly.activation_based.layer.dropout.Dropout": _nothing,
    "norse.torch.module.lif_box.LIFBoxCell": _norse_box,
    "norse.torch.module.lif.LIFCell": _norse_lif,
}
"""Class -> what it does; a subclass counts as its nearest known base."""

SEQUENCES = ("torch.nn.modules.container.Sequential",)
"""Classes that run their members in turn."""


def class_names(module: Any) -> list[str]:
    """Return the full names of the class of ``module`` and its bases, nearest first."""
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(module).__mro__]


def layer(module: Any) -> Operation | Neurons:
    """Return what a module does.

    Raises FormatError for one that is not known or cannot be expressed.
    """
    names = class_names(module)
    found = next((LAYERS[name] for name in names if name in LAYERS), None)
    if found is None:
        known = ", ".join(sorted({name.rpartition(".")[2].lstrip("_") for name in LAYERS}))
        raise FormatError(f"is a {type(module).__name__}, known are {known} and Sequential")
    return found(module)
