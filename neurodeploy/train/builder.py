"""Building layers from specs: one by one, or a chain that carries shape and scale along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from neurodeploy.errors import OptionError, ProgramError, located
from neurodeploy.train.connected import ConvLayer, DenseLayer
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.specs import Conv, Dense, Flatten, LayerSpec, Neuron, Readout, SumPool

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
) -> SpikingLayer:
    """Return one layer, a torch module for any other: ``layer(x).s``, ``layer(x).v``.

    x : integer-valued ``(steps, batch, *source)``. name : of the population when it is lowered.
    neuron : where ``spec`` names none. input_scale : value of the input that stands for 1.0.
    spiking : False for an integrator. seed : of the initial weights and delays. steps : columns of
    a sample, which neurons with a value for each step need.
    `Network.of_layers` makes a chain of such layers, which `neurodeploy.lower` reads.

    Raises OptionError or ProgramError for a layer that does not fit its source.
    """
    with located(f"layer {name}"):
        own = spec.neuron or neuron or Neuron()
        own = own if spiking else without_spikes(own)
        check_layer(spec, source, spiking, own)
        generator = torch.Generator().manual_seed(seed)
        made = _LAYERS[type(spec)]
        return made(name, spec, own, tuple(source), input_scale, spiking, generator, steps)


def build_chain(
    specs: Sequence[LayerSpec],
    shape: Shape,
    input_scale: float,
    neuron: Neuron,
    readout: Readout,
    seed: int,
    steps: int | None,
) -> list[Layer]:
    """Return the modules of a chain; errors name the layer by number and kind."""
    _check_chain(specs)
    generator = torch.Generator().manual_seed(seed)
    built = _Builder(shape, input_scale, neuron, readout, generator, steps)
    for number, spec in enumerate(specs, 1):
        with located(f"layer {number} ({spec.kind})"):
            built.add(spec, last=number == len(specs))
    return built.modules


def check_layers(layers: Sequence[Layer], readout: Readout) -> None:
    """Raise OptionError for modules that are no chain."""
    if not layers:
        raise OptionError("the network has no layers, expected at least one")
    shape: Shape | None = None
    names = set[str]()
    for number, layer in enumerate(layers, 1):
        if not isinstance(layer, (SpikingLayer, SumPoolLayer)):
            raise OptionError(
                f"layer {number} is a {type(layer).__name__}, expected one of quantised_layer"
            )
        with located(f"layer {number}"):
            _check_link(layer, shape)
        shape = layer.shape
        if isinstance(layer, SpikingLayer):
            _check_role(layer, number, number == len(layers), readout)
            if layer.name in names:
                raise OptionError(f"layer {number}: name {layer.name!r} is that of another layer")
            names.add(layer.name)
    if not isinstance(layers[-1], SpikingLayer):
        raise OptionError(
            f"layer {len(layers)} is the last one and a pool, expected a dense or conv layer"
        )


def _check_link(layer: Layer, shape: Shape | None) -> None:
    flat = isinstance(layer, DenseLayer)
    if shape is None or layer.source == shape:
        return
    if not flat or math.prod(layer.source) != math.prod(shape):
        raise OptionError(f"takes {layer.source}, the layer before gives {shape}")


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


def _check_chain(layers: Sequence[LayerSpec]) -> None:
    if not layers:
        raise OptionError("the network has no layers, expected at least one")
    if not isinstance(layers[-1], (Dense, Conv)):
        raise OptionError(
            f"layer {len(layers)} is the last one and a {layers[-1].kind}, "
            "expected a dense or conv layer"
        )


@dataclass
class _Builder:
    """Builds modules one after another, carrying shape and scale along the chain."""

    shape: Shape
    input_scale: float
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
        if self.flat and not isinstance(spec, Dense):
            raise OptionError("the input is flattened, only a dense layer can follow")
        self.flat = False
        if isinstance(spec, SumPool):
            self._pool(spec)
            return
        self.modules.append(self._spiking(spec, last))

    def _pooling(self) -> bool:
        return bool(self.modules) and isinstance(self.modules[-1], SumPoolLayer)

    def _pool(self, spec: SumPool) -> None:
        if len(self.shape) != 3:
            raise OptionError(f"the input has shape {self.shape}, pooling needs (C, H, W)")
        if min(self.shape[1:]) < spec.size:
            raise OptionError(f"size is {spec.size}, the input {self.shape} is smaller")
        layer = SumPoolLayer(spec.size, self.shape)
        self.modules.append(layer)
        self.shape = layer.shape
        self.input_scale *= spec.size**2

    def _spiking(self, spec: Dense | Conv, last: bool) -> SpikingLayer:
        self.count += 1
        name = "output" if last else f"hidden{self.count}"
        spiking = not (last and self.readout.kind == "integrator")
        neuron = spec.neuron or (plain(self.neuron) if last else self.neuron)
        if not spiking:
            neuron = without_spikes(neuron)
        check_layer(spec, self.shape, spiking, neuron)
        self._check_padding(spec)
        layer = _LAYERS[type(spec)](
            name,
            spec,
            neuron,
            self.shape,
            self.input_scale,
            spiking,
            self.generator,
            self.steps,
        )
        self.shape, self.input_scale = layer.shape, 1.0
        return layer

    def _check_padding(self, spec: Dense | Conv) -> None:
        pool = self.modules[-1] if self._pooling() else None
        padding = getattr(spec, "padding", 0)
        if isinstance(pool, SumPoolLayer) and padding and _ragged(pool):
            raise OptionError(
                f"padding is {padding} behind a pool of {pool.size} that does not divide "
                f"{pool.source[1:]}; use padding 0 or another pool"
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
        _check_conv(spec, source)
    else:
        _check_dense(spec, spiking)


def _check_dense(spec: Dense, spiking: bool) -> None:
    if spec.recurrent and not spiking:
        raise OptionError("recurrent is true, but an integrator sends no spikes back")
    if spec.recurrent and spec.norm == "batch":
        raise OptionError("recurrent is true with norm 'batch'; use 'weight' or 'none'")


def _check_conv(spec: Conv, source: Shape) -> None:
    if len(source) != 3:
        raise OptionError(f"the input has shape {source}, a convolution needs (C, H, W)")
    for what, count in (("input", source[0]), ("output", spec.channels)):
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
