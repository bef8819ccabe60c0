"""Building layers from specs: one by one, or the graph of a whole network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from neurodeploy.errors import OptionError, ProgramError, located
from neurodeploy.train.connected import ConvLayer, DenseLayer
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.skips import Source
from neurodeploy.train.specs import (
    Conv,
    ConvSkip,
    Dense,
    DenseSkip,
    Flatten,
    LayerSpec,
    Neuron,
    Readout,
    Spec,
    SumPool,
)
from neurodeploy.train.wiring import Node, Nodes

Shape = tuple[int, ...]
Layer = SpikingLayer | SumPoolLayer
_LAYERS: dict[type, type[SpikingLayer]] = {Dense: DenseLayer, Conv: ConvLayer}


def quantised_layer(
    spec: Dense | Conv,
    source: Shape,
    *,
    name: str = "hidden1",
    neuron: Neuron | None = None,
    input_scale: float = 1.0,
    spiking: bool = True,
    seed: int = 1,
    steps: int | None = None,
    skips: Sequence[Source] = (),
) -> SpikingLayer:
    """Return one layer, a torch module for any other: ``layer(x).s``, ``layer(x).v``.

    x : integer-valued ``(steps, batch, *source)``. name : of the population when it is lowered.
    neuron : where ``spec`` names none. input_scale : value of the input that stands for 1.0.
    spiking : False for an integrator. seed : of the initial weights and delays. steps : columns of
    a sample, which neurons with a value for each step need. skips : shape and scale of what each of
    ``spec.skip`` reads, which the layer is then given: ``layer(x, skips=(other.s,))``. A name in
    ``spec`` comes first.
    `Network.of_layers` makes a chain of such layers, which `neurodeploy.lower` reads.

    Raises OptionError or ProgramError for a layer that does not fit its source.
    """
    name = spec.name or name
    with located(f"layer {name}"):
        own = spec.neuron or neuron or Neuron()
        own = own if spiking else without_spikes(own)
        check_layer(spec, source, spiking, own)
        check_skips(spec, skips)
        generator = torch.Generator().manual_seed(seed)
        made = _LAYERS[type(spec)]
        layer = made(name, spec, own, tuple(source), input_scale, spiking, generator, steps, skips)
        check_sums(layer)
        return layer


@dataclass(frozen=True)
class Graph:
    """Modules in order, and the numbers of what each reads (see `neurodeploy.train.wiring`)."""

    modules: list[Layer]
    wiring: list[tuple[int, ...]]


def build_graph(
    specs: Sequence[LayerSpec],
    shape: Shape,
    input_scale: float,
    neuron: Neuron,
    readout: Readout,
    seed: int,
    steps: int | None,
) -> Graph:
    """Return the modules of a network; errors name the layer by number and kind."""
    _check_ends(specs)
    generator = torch.Generator().manual_seed(seed)
    built = _Builder(Nodes(Source(shape, input_scale)), neuron, readout, generator, steps)
    for number, spec in enumerate(specs, 1):
        with located(f"layer {number} ({spec.kind})"):
            built.add(spec, last=number == len(specs))
    built.nodes.check_read()
    return Graph(built.modules, built.nodes.wiring)


def wired(layers: Sequence[Layer], readout: Readout) -> Graph:
    """Return layers that were made one by one as a graph; OptionError where they are none."""
    if not layers:
        raise OptionError("the network has no layers, expected at least one")
    nodes: Nodes | None = None
    for number, layer in enumerate(layers, 1):
        if not isinstance(layer, (SpikingLayer, SumPoolLayer)):
            raise OptionError(
                f"layer {number} is a {type(layer).__name__}, expected one of quantised_layer"
            )
        with located(f"layer {number}"):
            nodes = nodes or Nodes(Source(layer.source))
            _wire(nodes, layer)
        if isinstance(layer, SpikingLayer):
            _check_role(layer, number, number == len(layers), readout)
    if not isinstance(layers[-1], SpikingLayer):
        raise OptionError(
            f"layer {len(layers)} is the last one and a pool, expected a dense or conv layer"
        )
    assert nodes is not None
    nodes.check_read()
    return Graph(list(layers), nodes.wiring)


def _wire(nodes: Nodes, layer: Layer) -> None:
    read = [nodes.of(layer.spec.source)]
    _check_link(layer.source, isinstance(layer, DenseLayer), read[0], layer.spec.source)
    if isinstance(layer, SumPoolLayer):
        nodes.check_name(layer.spec.name)
        nodes.add(layer.spec.name, read, Source(layer.shape), layer)
        return
    nodes.check_name(layer.name)
    more: Sequence[DenseSkip | ConvSkip] = layer.spec.skip
    for skip, source in zip(more, layer.sources[1:], strict=True):
        read.append(nodes.of(skip.source))
        _check_link(source.shape, isinstance(layer, DenseLayer), read[-1], skip.source)
    nodes.add(layer.name, read, Source(layer.shape))


def _check_link(shape: Shape, flat: bool, node: Node, name: str | None) -> None:
    if shape == node.shape or (flat and math.prod(shape) == math.prod(node.shape)):
        return
    raise OptionError(f"takes {shape}, {name or 'the layer before'} gives {node.shape}")


def _check_role(layer: SpikingLayer, number: int, last: bool, readout: Readout) -> None:
    counted = not last or readout.kind == "count"
    if layer.spiking != counted:
        what = "spikes" if layer.spiking else "is an integrator"
        wanted = "spiking=True" if counted else "spiking=False, as readout.kind is 'integrator'"
        raise OptionError(f"layer {number} ({layer.name}): {what}, expected {wanted}")


def check_source(layer: SpikingLayer, clean: Sequence[SpikingLayer]) -> None:
    """Raise OptionError unless ``clean`` has a plain layer of that name and shape."""
    found = {other.name: other for other in clean}.get(layer.name)
    if found is None or found.shape != layer.shape:
        shapes = ", ".join(f"{other.name} {other.shape}" for other in clean)
        raise OptionError(
            f"layer {layer.name} {layer.shape}: has no counterpart in the clean network: {shapes}"
        )
    if by_step(found.neuron):
        raise OptionError(
            f"layer {layer.name}: its counterpart has a gain or a moving threshold, expected plain "
            "neurons"
        )


def _check_ends(layers: Sequence[LayerSpec]) -> None:
    if not layers:
        raise OptionError("the network has no layers, expected at least one")
    if not isinstance(layers[-1], (Dense, Conv)):
        raise OptionError(
            f"layer {len(layers)} is the last one and a {layers[-1].kind}, "
            "expected a dense or conv layer"
        )


@dataclass
class _Builder:
    """Builds modules one after another; nodes know shapes and scales."""

    nodes: Nodes
    neuron: Neuron
    readout: Readout
    generator: torch.Generator
    steps: int | None

    def __post_init__(self) -> None:
        self.modules: list[Layer] = []
        self.count = 0
        self.flat = False

    def add(self, spec: LayerSpec, last: bool) -> None:
        if isinstance(spec, Flatten):
            self.flat = True  # dense layers read maps flat anyway, so the shape stays
            return
        if self.flat and isinstance(spec, (Conv, SumPool)) and spec.source is None:
            raise OptionError("the input is flattened, only a dense layer can follow")
        self.flat = False
        if isinstance(spec, SumPool):
            self._pool(spec)
            return
        self.modules.append(self._spiking(spec, last))

    def _pool(self, spec: SumPool) -> None:
        node = self.nodes.of(spec.source)
        if len(node.shape) != 3:
            raise OptionError(f"the input has shape {node.shape}, pooling needs (C, H, W)")
        if min(node.shape[1:]) < spec.size:
            raise OptionError(f"size is {spec.size}, the input {node.shape} is smaller")
        self.nodes.check_name(spec.name)
        layer = SumPoolLayer(spec.size, node.shape, spec)
        self.modules.append(layer)
        source = Source(layer.shape, node.source.scale * spec.size**2)
        self.nodes.add(spec.name, [node], source, layer)

    def _spiking(self, spec: Dense | Conv, last: bool) -> SpikingLayer:
        self.count += 1
        name = spec.name or ("output" if last else f"hidden{self.count}")
        self.nodes.check_name(name)
        spiking = not (last and self.readout.kind == "integrator")
        neuron = spec.neuron or (plain(self.neuron) if last else self.neuron)
        if not spiking:
            neuron = without_spikes(neuron)
        more: Sequence[DenseSkip | ConvSkip] = spec.skip
        origins = [spec.source, *(skip.source for skip in more)]
        read = [self.nodes.of(origin) for origin in origins]
        source, *skips = (node.source for node in read)
        check_layer(spec, source.shape, spiking, neuron)
        check_skips(spec, skips)
        forms: list[Spec] = [spec, *more]
        for node, form in zip(read, forms, strict=True):
            _check_padding(node, getattr(form, "padding", 0))
        layer = _LAYERS[type(spec)](
            name,
            spec,
            neuron,
            source.shape,
            source.scale,
            spiking,
            self.generator,
            self.steps,
            skips,
        )
        check_sums(layer)
        self.nodes.add(name, read, Source(layer.shape))
        return layer


def _check_padding(node: Node, padding: int) -> None:
    pool = node.pool
    if pool is not None and padding and _ragged(pool):
        raise OptionError(
            f"padding is {padding} behind a pool of {pool.size} that does not divide "
            f"{pool.source[1:]}; use padding 0 or another pool"
        )


def check_skips(spec: Dense | Conv, sources: Sequence[Source]) -> None:
    """Raise OptionError or ProgramError for skip connections that do not fit their sources."""
    if len(sources) != len(spec.skip):
        raise OptionError(f"skip names {len(spec.skip)} sources, {len(sources)} are given")
    for skip, source in zip(spec.skip, sources, strict=True):
        if isinstance(skip, ConvSkip) and isinstance(spec, Conv):
            with located(f"skip from {skip.source}"):
                _check_conv(skip, spec.channels, source.shape)


def check_sums(layer: SpikingLayer) -> None:
    """Raise OptionError for a skip connection that gives another shape than the layer's."""
    for skip in layer.skip_connections:
        if skip.form.shape != layer.shape:
            raise OptionError(
                f"skip from {skip.spec.source}: gives {skip.form.shape}, the layer has "
                f"{layer.shape}; choose its kernel, stride and padding so that both agree"
            )


def check_layer(spec: Dense | Conv, source: Shape, spiking: bool, neuron: Neuron) -> None:
    """Raise OptionError or ProgramError for a layer that does not fit its source or its neurons."""
    if "theta" in neuron.learn and neuron.model != "homeostatic":
        raise OptionError("learn holds 'theta', but neuron.model is 'lif'; set it to 'homeostatic'")
    if getattr(spec, "recurrent", False) and by_step(neuron):
        raise OptionError(
            "recurrent is true with a learned gain or a homeostatic threshold, which training does "
            "not take together"
        )
    if isinstance(spec, Conv):
        _check_conv(spec, spec.channels, source)
    else:
        _check_dense(spec, spiking)


def _check_dense(spec: Dense, spiking: bool) -> None:
    if spec.recurrent and not spiking:
        raise OptionError("recurrent is true, but an integrator sends no spikes back")
    if spec.recurrent and spec.norm == "batch":
        raise OptionError("recurrent is true with norm 'batch'; use 'weight' or 'none'")


def _check_conv(spec: Conv | ConvSkip, channels: int, source: Shape) -> None:
    if len(source) != 3:
        raise OptionError(f"the input has shape {source}, a convolution needs (C, H, W)")
    for what, count in (("input", source[0]), ("output", channels)):
        if count % spec.groups:
            raise ProgramError(
                f"groups is {spec.groups}, which does not divide {count} {what} channels"
            )


def by_step(neuron: Neuron) -> bool:
    """Return whether neurons have a value for each step: a gain, or a signature."""
    return "gain" in neuron.learn or neuron.model == "homeostatic"


def plain(neuron: Neuron) -> Neuron:
    """Return the neuron of a last layer, whose threshold stays where it is."""
    kept = tuple(name for name in neuron.learn if name != "theta")
    return neuron.model_copy(update={"learn": kept, "model": "lif"})


def without_spikes(neuron: Neuron) -> Neuron:
    """Return the neuron of an integrator: without threshold, gain and homeostasis."""
    kept = tuple(name for name in neuron.learn if name not in ("threshold", "gain", "theta"))
    return neuron.model_copy(update={"learn": kept, "model": "lif"})


def _ragged(pool: SumPoolLayer) -> bool:
    return any(size % pool.size for size in pool.source[1:])
