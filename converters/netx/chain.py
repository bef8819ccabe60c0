"""Layers of a NetX file, one after another, become the populations of a Program.

The rules are those of `Network._create` in lava-dl 0.6.0: which shape a convolution sees, when a
flatten layer counts, and how the width of messages passes from block to block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from neurodeploy.converters.netx.neurons import CHIP_THRESHOLD_MAX, Place, family, read_neuron
from neurodeploy.converters.netx.options import Settings
from neurodeploy.converters.netx.pooling import (
    UNREADABLE,
    Pending,
    folded_conv,
    folded_dense,
    group_size,
    read_out,
    read_pool,
    read_sum,
)
from neurodeploy.converters.netx.source import LAYER_ARRAYS, WITH_NEURONS, RawLayer
from neurodeploy.converters.netx.synapses import (
    note_conditioning,
    read_complex,
    read_conv,
    read_dense,
    read_recurrent,
    read_shape,
)
from neurodeploy.converters.netx.values import (
    Note,
    Shape,
    from_file,
    one,
    truncated,
)
from neurodeploy.errors import FormatError, OptionError
from neurodeploy.neuron import Neuron
from neurodeploy.program import (
    Connection,
    Input,
    MetadataValue,
    Population,
    Program,
    Readout,
)
from neurodeploy.synapse import Conv2d, Dense, Direct

INPUT = "input"
"""Name of the only input."""
SIGMA_DELTA_BITS = 16
"""Message width that netx gives to what follows a sigma-delta block."""


class Chain:
    """Takes the layers of a file in order and builds the Program.

    Raises FormatError for what Lava cannot load or run.
    """

    def __init__(self, options: Settings, note: Note) -> None:
        self._options, self._note = options, note
        self._input: Input | None = None
        self._populations: list[Population] = []
        self._connections: list[Connection] = []
        self._metadata: dict[str, MetadataValue] = {}
        shape = options.input_shape
        self._map: Shape | None = None if shape is None else tuple(reversed(shape))
        self._bits = options.input_message_bits
        self._flatten = False
        self._planar = False
        self._pending: Pending | None = None
        self._group: int | None = None

    def add(self, layer: RawLayer) -> None:
        """Append one layer; a skipped one only tells the shape and the message width."""
        if layer.kind in UNREADABLE:
            raise FormatError(f"{layer.where}/type: is {layer.kind!r}, {UNREADABLE[layer.kind]}")
        if layer.kind not in LAYERS:
            raise FormatError(
                f"{layer.where}/type: is {layer.kind!r}, expected {', '.join(LAYERS)}"
            )
        if self._group is not None and layer.kind not in ("average", "flatten"):
            raise FormatError(
                f"{layer.where}: follows an 'average' layer, which sums the read-out at the end"
            )
        if layer.kind in WITH_NEURONS and layer.kind != "input":
            self._note_unknown_keys(layer)
            if self._planar:
                raise FormatError(
                    f"{layer.where}: follows neurons of shape (H, W), which Lava passes on to "
                    "nothing; write their shape as (1, H, W)"
                )
            if layer.skipped:
                mapped = layer.kind in ("conv", "pool")
                self._skip(layer, read_shape(layer) if mapped else None)
                return
        LAYERS[layer.kind](self, layer)

    def _add_flatten(self, _: RawLayer) -> None:
        self._flatten = True

    def _add_average(self, layer: RawLayer) -> None:
        """Let the read-out sum groups of outputs."""
        if not self._populations:
            raise FormatError(f"{layer.where}/type: is 'average' with no neurons before it")
        outputs = self._last.size // (self._group or 1)
        groups = math.prod(read_shape(layer))
        size = group_size(layer, groups, outputs)
        self._group = (self._group or 1) * size
        self._note(
            f"{layer.where}/type: is 'average', which Lava cannot load; the read-out sums "
            f"{outputs} outputs in {groups} groups of {size}"
        )

    def _add_pool(self, layer: RawLayer) -> None:
        """A pool with neurons is a population, one without is taken in by the next layer."""
        if self._pending is not None:
            raise FormatError(
                f"{layer.where}: follows a pool without neurons; make one pool of both"
            )
        source, shape = self._map_source(layer)
        if "delay" in layer.values and np.any(layer.values["delay"]):
            raise FormatError(
                f"{layer.where}/delay: is set on a pool, which no synapse of a Program holds; "
                "remove the delays"
            )
        if layer.neuron is None:
            self._pending = read_sum(layer, shape, self._note)
            return
        target = read_shape(layer)
        with from_file(layer.where):
            synapse = read_pool(layer, shape, target, self._note)
        self._note(
            f"{layer.where}/type: is 'pool', which Lava cannot load; read as a convolution in "
            f"{shape[0]} groups, as which it is written too"
        )
        self._append(target, self._neuron(layer, "conv", target, tuple(reversed(target))))
        self._connections.append(Connection(source, self._last.name, synapse))

    def program(self, metadata: Mapping[str, MetadataValue]) -> Program:
        """Return the Program of the layers added so far."""
        if self._input is None or not self._populations:
            raise FormatError("layer: holds no neurons, expected at least one layer with some")
        if self._options.input_message_bits not in (0, self._bits):
            self._note(
                f"input_message_bits is {self._options.input_message_bits}, Lava takes "
                f"{self._bits} from the skipped layers"
            )
        last = self._last
        pool = self._group or 1
        if self._pending is not None:
            pool *= read_out(self._pending, last.shape)
        with from_file("layer"):
            return Program(
                (self._input,),
                tuple(self._populations),
                tuple(self._connections),
                replace(default_readout(last), pool=pool),
                {**metadata, **self._metadata},
            )

    def _add_input(self, layer: RawLayer) -> None:
        if layer.neuron is None:
            self._map = read_shape(layer) if "shape" in layer.values else self._map
            return
        shape = read_shape(layer)
        if layer.skipped:
            self._skip(layer, shape)
            return
        if self._populations:
            raise FormatError(
                f"{layer.where}/type: is 'input' with neurons behind other layers, which starts a "
                "second chain that nothing connects"
            )
        flat = shape if len(shape) != 2 else (1, *shape)
        if len(flat) not in (1, 3):
            raise FormatError(f"{layer.where}/shape: is {shape}, expected (N,) or (C, H, W)")
        self._planar = len(shape) == 2
        neuron = self._neuron(layer, "input", flat, tuple(reversed(shape)))
        for key in ("weight", "bias"):  # of the transform that makes data for it; never applied
            if key in layer.values:
                where = f"{layer.where}/{key}"
                self._metadata[f"input_{key}"] = one(
                    truncated(layer.values[key], where, self._note), where
                )
        with from_file(layer.where):
            self._input = Input(INPUT, flat, self._bits)
            self._append(flat, neuron)
        port = "bias" if self._options.input_drive == "bias" else "a"
        if port not in neuron.ports:
            raise OptionError(
                f"input_drive is 'bias', {type(neuron).__name__} inputs have a current only"
            )
        self._connections.append(Connection(INPUT, self._last.name, Direct(), port=port))

    def _skip(self, layer: RawLayer, shape: Shape | None) -> None:
        """Remember of a skipped layer what the next one needs, as netx does."""
        self._map = shape or self._map
        self._flatten = self._flatten and layer.kind in ("input", "conv")
        graded = layer.neuron is not None and family(layer.neuron) == "SDNN"
        self._bits = SIGMA_DELTA_BITS if graded else 0

    def _add_dense(self, layer: RawLayer) -> None:
        size = math.prod(read_shape(layer))
        if "weight/imag" in layer.values:
            self._add_complex(layer, size)
            return
        if layer.kind == "dense_rec":
            self._add_recurrent(layer, size)
            return
        synapse = read_dense(layer, size, self._note)
        note_conditioning(layer, {"weight": synapse}, self._note)
        source, synapse = self._dense_source(layer, synapse)
        self._append((size,), self._neuron(layer, "dense", (size,), (size,)))
        self._connections.append(Connection(source, self._last.name, synapse))

    def _add_recurrent(self, layer: RawLayer, size: int) -> None:
        synapse, own = read_recurrent(layer, size, self._note)
        if "delay" not in layer.values or "delay_rec" in layer.values:
            note_conditioning(layer, {"weight": synapse, "weight_rec": own}, self._note)
        source, synapse = self._dense_source(layer, synapse)
        graded = self._is_graded(source)
        neuron = self._neuron(layer, "dense", (size,), (size,))
        if neuron.graded and not graded:
            raise FormatError(
                f"{layer.where}: recurrent SDNN behind binary messages, where Lava cuts the "
                "recurrent messages to 0/1; load it with input_message_bits above 0"
            )
        self._append((size,), neuron)
        name = self._last.name
        self._connections += [
            Connection(source, name, synapse, group=name),
            Connection(name, name, own, feedback=True, group=name),
        ]

    def _add_complex(self, layer: RawLayer, size: int) -> None:
        real, imag = read_complex(layer, size, self._note)
        note_conditioning(layer, {"weight/real": real}, self._note)
        note_conditioning(layer, {"weight/imag": imag}, self._note)
        pending = self._pending
        source, real = self._dense_source(layer, real)
        imag = imag if pending is None else folded_dense(imag, pending)
        self._append((size,), self._neuron(layer, "complex", (size,), (size,)))
        for synapse, port in ((real, "re"), (imag, "im")):
            self._connections.append(Connection(source, self._last.name, synapse, port=port))

    def _add_conv(self, layer: RawLayer) -> None:
        source, shape = self._map_source(layer)
        pending, self._pending = self._pending, None
        shape = shape if pending is None else pending.shape
        synapse: Conv2d = read_conv(layer, shape[0], self._note)
        target = read_shape(layer)
        with from_file(layer.where):
            expected = synapse.output_shape(shape)
            if pending is not None:
                synapse = folded_conv(synapse, pending)
                self._note_folded(pending)
        if target != expected:
            raise FormatError(f"{layer.where}/shape: is {target}, the convolution gives {expected}")
        if "delay" in layer.keys:
            self._note(f"{layer.where}/delay: is ignored, Lava has no delays in convolutions")
        self._append(target, self._neuron(layer, "conv", target, tuple(reversed(target))))
        self._connections.append(Connection(source, self._last.name, synapse))

    def _dense_source(self, layer: RawLayer, synapse: Dense) -> tuple[str, Dense]:
        """Return what feeds a dense layer, and its synapse with the sums before it taken in."""
        pending, self._pending = self._pending, None
        inputs = synapse.weight.shape[1]
        if pending is None:
            return self._flat_source(layer, inputs), synapse
        if math.prod(pending.shape) != inputs:
            raise FormatError(
                f"{layer.where}: takes {inputs} inputs, {pending.shape} sums come before it"
            )
        with from_file(layer.where):
            synapse = folded_dense(synapse, pending)
        self._note_folded(pending)
        return self._flat_source(layer, synapse.weight.shape[1]), synapse

    def _note_folded(self, pending: Pending) -> None:
        height, width = pending.window
        self._metadata[f"pooled_from.layer{len(self._populations)}"] = f"{height}x{width}"
        self._note(
            f"{pending.where}/type: is 'pool' without neurons, which Lava cannot load; its sums "
            "are folded into the weights of the next layer"
        )

    def _neuron(self, layer: RawLayer, role: str, shape: Shape, lava: Shape) -> Neuron:
        bias = layer.values.get("bias") if role in ("dense", "conv") else None
        place = Place(layer.where, role, shape, lava, bias, self._options.spike_exp)
        return read_neuron(layer.neuron, place, self._note)

    def _append(self, shape: Shape, neuron: Neuron) -> None:
        name = f"layer{len(self._populations)}"
        with from_file(name):
            self._populations.append(Population(name, shape, neuron))

    @property
    def _last(self) -> Population:
        return self._populations[-1]

    def _is_graded(self, source: str) -> bool:
        return self._bits > 0 if source == INPUT else self._last.neuron.graded

    def _flat_source(self, layer: RawLayer, size: int) -> str:
        """Return the name of what feeds a dense layer of ``size`` inputs."""
        flatten, self._flatten = self._flatten, False
        if not self._populations:
            shape = self._map or (size,)
            if len(shape) not in (1, 3) or math.prod(shape) != size:
                self._note(
                    f"{layer.where}: takes {size} inputs, the input shape {shape} is not used"
                )
                shape = (size,)
            self._input = Input(INPUT, shape, self._bits)
            return INPUT
        shape = self._last.shape
        if flatten != (len(shape) == 3):
            raise FormatError(
                f"{layer.where}: follows {shape} neurons, "
                + (
                    "Lava flattens (C, H, W) only; remove the flatten layer before it"
                    if flatten
                    else "put a flatten layer before it"
                )
            )
        if math.prod(shape) != size:
            raise FormatError(f"{layer.where}: takes {size} inputs, {shape} neurons come before it")
        return self._last.name

    def _map_source(self, layer: RawLayer) -> tuple[str, Shape]:
        """Return the name and (C, H, W) of what feeds a convolution."""
        shape = self._last.shape if self._populations else self._map
        if shape is None:
            raise FormatError(
                f"{layer.where}: is a convolution without an input layer before it; give "
                "its width, height and channels as input_shape"
            )
        if len(shape) != 3:
            raise FormatError(f"{layer.where}: follows {shape}, a convolution needs (C, H, W)")
        if self._populations:
            return self._last.name, shape
        with from_file(layer.where):
            self._input = Input(INPUT, shape, self._bits)
        return INPUT, shape

    def _note_unknown_keys(self, layer: RawLayer) -> None:
        unknown = sorted(layer.keys - KNOWN_KEYS)
        if unknown:
            shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            self._note(f"{layer.where}: has {shown}, which Lava does not read; ignored")


LAYERS: Mapping[str, Callable[[Chain, RawLayer], None]] = {
    "input": Chain._add_input,
    "flatten": Chain._add_flatten,
    "dense": Chain._add_dense,
    "dense_rec": Chain._add_dense,
    "conv": Chain._add_conv,
    "pool": Chain._add_pool,
    "average": Chain._add_average,
}
"""Type of a layer in the file -> how it is added."""
KNOWN_KEYS = (
    {key.partition("/")[0] for keys in LAYER_ARRAYS.values() for key in keys}
    | {"type", "neuron"}
    | {"inFeatures", "outFeatures", "inChannels", "outChannels", "kernelSize"}
)
"""Keys that netx reads or slayer writes."""


def default_readout(population: Population) -> Readout:
    """What a NetX file means its last layer to be read by; nothing in it says so."""
    neuron = population.neuron
    if neuron.states == ("sigma",):
        return Readout(population.name, "sigma")
    never = np.all(getattr(neuron, "threshold", 0) >= CHIP_THRESHOLD_MAX) and neuron.spikes
    if neuron.family == "cuba" and (never or not neuron.sends):
        return Readout(population.name, "v")
    return Readout(population.name, "s")
