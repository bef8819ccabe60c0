"""A torch module, layer after layer, as a network in floats and as a Program.

Neurons are taken over step by step: the network in floats spikes as the module does. A ReLU becomes
an integrate-and-fire neuron with reset by subtraction that starts at half its threshold; its
threshold is the given percentile of its activations on calibration data, and a spike stands for
it::

    v = v + W s + b, spike where v > threshold, v = v - threshold;  v starts at threshold / 2

Source: Bu et al., "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking
neural networks", ICLR 2022 (start at half); Diehl et al., IJCNN 2015 (threshold balancing).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatConv,
    FloatDense,
    FloatNetwork,
    FloatPopulation,
    Floats,
    FloatSynapse,
    Shape,
)
from neurodeploy.converters.nir.composition import composed
from neurodeploy.converters.nir.operations import Diagonal, Operation, spread
from neurodeploy.converters.nir.shapes import internal
from neurodeploy.converters.quantise import quantised
from neurodeploy.converters.torch_modules.layers import (
    ONE,
    SEQUENCES,
    ZERO,
    Neurons,
    Norm,
    class_names,
    layer,
)
from neurodeploy.errors import FormatError, OptionError, located
from neurodeploy.program import Program

INPUT = "input"


def from_torch(
    module: Any,
    input_shape: Sequence[int],
    *,
    weights: Path | str | None = None,
    calibration: Any = None,
    percentile: float = 99.9,
    input_message_bits: int = 0,
    input_unit: float = 1.0,
) -> Program:
    """Return the Program of a ``torch.nn.Sequential`` of layers and spiking neurons.

    module : layers of torch, neurons of snnTorch (Leaky, Synaptic), SpikingJelly (IFNode, LIFNode,
        ParametricLIFNode) or norse (LIFBoxCell, LIFCell), or ReLU; left as it is.
    input_shape : (N,) or (C, H, W) of one sample and step.
    weights : file of a state dict, which is loaded as weights only: nothing in it is executed.
    calibration : float ``(samples, *input_shape)``, needed where there are ReLUs. percentile : of
        the activations that balances their thresholds.
    input_message_bits : 0 for binary events, > 0 where the values count. input_unit : what an input
        of 1 stands for in the module.

    Raises FormatError that names the layer, for what cannot be expressed; OptionError for an
    argument that is not allowed.
    """
    network = float_network(
        module,
        input_shape,
        weights=weights,
        calibration=calibration,
        percentile=percentile,
        input_unit=input_unit,
    )
    return quantised(network, input_message_bits)


def float_network(
    module: Any,
    input_shape: Sequence[int],
    *,
    weights: Path | str | None = None,
    calibration: Any = None,
    percentile: float = 99.9,
    input_unit: float = 1.0,
) -> FloatNetwork:
    """Return the network in floats; arguments and errors as for `from_torch`."""
    if not 0 < percentile <= 100:
        raise OptionError(f"percentile is {percentile:g}, allowed are above 0 to 100")
    if not 0 < input_unit < math.inf:
        raise OptionError(f"input_unit is {input_unit!r}, expected a number above 0")
    module = module if weights is None else _loaded(module, Path(weights))
    shape = internal(input_shape, "input_shape")
    data = None if calibration is None else _calibration(calibration, shape)
    chain = _Chain(shape, data, percentile, input_unit)
    for name, member in _members(module, ""):
        with located(name):
            chain.add(name, layer(member))
    return chain.network()


def _loaded(module: Any, path: Path) -> Any:
    """Return a copy of ``module`` with the state dict in ``path``, read as weights only."""
    import torch

    with located(str(path)):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise FormatError("no such file") from None
        except Exception as error:
            reason = " ".join(str(error).split())[:120]
            raise FormatError(f"is no state dict of weights only: {reason}") from error
        loaded = copy.deepcopy(module)
        try:
            loaded.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise FormatError(f"does not fit the module: {reason}") from error
    return loaded


def _members(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, layer) of a module, its sequences laid open."""
    if not any(name in SEQUENCES for name in class_names(module)):
        yield prefix or "module", module
        return
    for name, member in module.named_children():
        yield from _members(member, f"{prefix}.{name}".lstrip("."))


def _calibration(values: Any, shape: Shape) -> Floats:
    found = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    array = np.asarray(found, np.float64)
    if array.ndim < 2 or len(array) == 0 or array[0].size != math.prod(shape):
        raise OptionError(f"calibration has shape {array.shape}, expected (samples, *{shape})")
    if not np.all(np.isfinite(array)):
        raise OptionError("calibration holds values that are not finite")
    return array.reshape(len(array), *shape)


@dataclass
class _Chain:
    """Layers so far. data : activations of the calibration data at this point, in module units.

    unit : what a spike of the last population, or an input of 1, stands for.
    """

    shape: Shape
    data: Floats | None
    percentile: float
    unit: float
    source: str = INPUT
    pending: list[Operation] = field(default_factory=list)
    drive: Floats = field(default_factory=lambda: ZERO)
    populations: list[FloatPopulation] = field(default_factory=list)
    connections: list[FloatConnection] = field(default_factory=list)
    last: str = "module"

    def __post_init__(self) -> None:
        self.input_shape = self.begin = self.shape

    def add(self, name: str, what: Operation | Neurons) -> None:
        """Append a layer."""
        self.last = name
        if isinstance(what, Neurons):
            self._neurons(name, what)
            return
        constant: Floats
        operation: Operation
        if isinstance(what, Norm):
            per_channel = (-1, 1, 1) if len(self.shape) == 3 else (-1,)
            scale = np.broadcast_to(what.scale.reshape(per_channel), self.shape)
            constant, operation = what.shift.reshape(per_channel), Diagonal(scale)
        else:
            constant, operation = what.constant(self.shape), what
        end = operation.shape(self.shape)
        carried = np.broadcast_to(self.drive, self.shape)
        moved = operation.apply(carried[None])[0] if np.any(self.drive) else ZERO
        self.drive = np.asarray(moved + constant)
        if self.data is not None:
            self.data = operation.apply(self.data) + constant
        self.pending.append(operation)
        self.shape = end

    def _neurons(self, name: str, what: Neurons) -> None:
        place = self._connect(name)
        fields: dict[str, Any] = {
            key: value if isinstance(value, str) else spread(value, place, key)
            for key, value in what.fields.items()
        }
        unit = 1.0
        if what.rate:
            unit = self._balanced()
            fields |= {"threshold": np.asarray(unit), "start": np.asarray(unit / 2)}
        self._populate(name, place, fields)
        if what.late_reset is not None:
            taken = np.broadcast_to(spread(what.late_reset, place, "threshold"), place)
            gain = fields["current_gain"] * fields["voltage_gain"]
            self.connections.append(FloatConnection(name, name, _diagonal(-taken / gain), True))
        self.source, self.unit, self.pending, self.drive = name, unit, [], ZERO
        self.begin = self.shape
        self.data = np.maximum(self.data, 0) if what.rate and self.data is not None else None

    def _balanced(self) -> float:
        """Return the threshold of a ReLU."""
        if self.data is None:
            raise FormatError(
                "is a ReLU, whose threshold is balanced on data: give calibration, and no spiking "
                "neurons before it"
            )
        found = float(np.percentile(np.maximum(self.data, 0), self.percentile))
        if found <= 0:
            raise FormatError("is never active on the calibration data; give more of them")
        return found

    def _connect(self, name: str) -> Shape:
        """Join the last population to the next by all operations since, and return its shape."""
        synapse, place = composed(self.pending, self.begin)
        synapse = replace(synapse, weight=synapse.weight * self.unit)
        self.connections.append(FloatConnection(self.source, name, synapse))
        return place

    def _populate(self, name: str, place: Shape, fields: dict[str, Any]) -> None:
        drive = self.drive
        drive = np.broadcast_to(drive, self.shape).reshape(place) if np.any(drive) else ZERO
        self.populations.append(FloatPopulation(name=name, shape=place, drive=drive, **fields))

    def network(self) -> FloatNetwork:
        """Return the network; linear layers at the end are a read-out of v."""
        if self.pending or not self.populations:
            place = self._connect(self.last)
            fields = {
                "current_decay": ONE,
                "voltage_decay": ZERO if self._by_rate() else ONE,
                "current_gain": ONE,
                "voltage_gain": ONE,
                "leak": ZERO,
                "threshold": None,
                "origin": ZERO,
                "start": ZERO,
            }
            self._populate(self.last, place, fields)
        return FloatNetwork(
            {INPUT: self.input_shape},
            tuple(self.populations),
            tuple(self.connections),
            self.populations[-1].name,
            {"source_format": "torch"},
        )

    def _by_rate(self) -> bool:
        """Whether the read-out sums over time, as rates of ReLUs need."""
        return any(p.reset == "subtract" and np.any(p.start) for p in self.populations)


def _diagonal(values: Floats) -> FloatSynapse:
    """Return a connection of every neuron with itself alone."""
    if values.ndim == 3 and np.all(values == values[:, :1, :1]):
        return FloatConv(values[:, :1, :1, None].copy(), groups=len(values))
    return FloatDense(np.diag(values.reshape(-1)))
