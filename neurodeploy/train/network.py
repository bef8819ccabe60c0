"""A chain of quantised layers, built from specs: what is trained, and what `lower` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurodeploy.errors import OptionError, ProgramError, located
from neurodeploy.program import MetadataValue
from neurodeploy.train.layer_records import Result
from neurodeploy.train.layers import ConvLayer, DenseLayer, SpikingLayer
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.specs import Conv, Dense, Flatten, LayerSpec, Neuron, Readout, SumPool

Shape = tuple[int, ...]
Layer = SpikingLayer | SumPoolLayer


@dataclass(frozen=True)
class Run:
    """What a forward pass computed.

    logits : float32 ``(batch, classes)``. results : per spiking layer (or integrator), by name.
    """

    logits: Tensor
    results: dict[str, Result]

    def samples(self, rows: slice) -> Run:
        """Return the run of the samples ``rows`` of the batch."""
        parts = {name: result.samples(rows) for name, result in self.results.items()}
        return Run(self.logits[rows], parts)


class Chain(nn.ModuleList):
    """Layers one behind the other, as a list of modules that knows what it holds."""

    def __iter__(self) -> Iterator[Layer]:
        return cast(Iterator[Layer], super().__iter__())


class Network(nn.Module):
    """Layers in a chain.

    shape : of the input, (N,) or (C, H, W). layers : specs in order. input_scale : value of the
    input that stands for 1.0 (1 for spikes, the number of levels for direct encoding).
    message_bits : of the Program's input, 0 for spikes. neuron : of layers that name none.
    seed : of the initial weights and delays. metadata : kept for the Program.

    Raises OptionError or ProgramError, naming the layer, when the chain does not fit together.
    """

    def __init__(
        self,
        shape: Shape,
        layers: Sequence[LayerSpec],
        *,
        input_scale: float = 1.0,
        message_bits: int = 0,
        neuron: Neuron | None = None,
        readout: Readout | None = None,
        seed: int = 1,
        metadata: dict[str, MetadataValue] | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.message_bits = tuple(shape), message_bits
        self.readout = readout or Readout()
        self.metadata = dict(metadata or {})
        _check_chain(layers)
        generator = torch.Generator().manual_seed(seed)
        built = _Builder(self.shape, input_scale, neuron or Neuron(), self.readout, generator)
        for number, spec in enumerate(layers, 1):
            with located(f"layer {number} ({spec.kind})"):
                built.add(spec, last=number == len(layers))
        self.layers = Chain(built.modules)

    @property
    def spiking_layers(self) -> list[SpikingLayer]:
        """Layers with neurons, the integrator of the read-out included."""
        return [layer for layer in self.layers if isinstance(layer, SpikingLayer)]

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether samples of a batch influence each other: training with batch-norm not frozen."""
        return self.training and any(
            layer.spec.norm == "batch" and not layer.frozen for layer in self.spiking_layers
        )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.spiking_layers[0].weight.device

    @property
    def classes(self) -> int:
        """Neurons of the last layer."""
        return int(np.prod(self.spiking_layers[-1].shape))

    def forward(self, x: Tensor, steps: int | None = None) -> Run:
        """Run the network from rest.

        x : integer-valued float32 ``(steps, batch, *shape)``, or ``(1, batch, *shape)`` with
        ``steps`` given for an input that is the same at every step.
        """
        steps = x.shape[0] if steps is None else steps
        results: dict[str, Result] = {}
        bound: float | None = None
        packed = None
        for layer in self.layers:
            if isinstance(layer, SpikingLayer):
                result = layer(x, steps, bound, packed)
                results[layer.name] = result
                x, bound, packed = result.s, 1.0, result.packed
            elif isinstance(layer, SumPoolLayer):
                x, bound, packed = layer(x), None, None
        return Run(self._logits(result), results)

    def _logits(self, last: Result) -> Tensor:
        source = last.s if self.readout.kind == "count" else last.v / (64 * last.unit)
        return self.readout.scale * source[self._window(len(source))].mean(0).flatten(1)

    def _window(self, steps: int) -> slice:
        if self.readout.window > steps:
            raise OptionError(
                f"readout: window is {self.readout.window} steps, the sample has {steps}"
            )
        return slice(steps - self.readout.window if self.readout.window else 0, None)

    def scores(self, run: Run) -> NDArray[np.int64]:
        """Return the integers that are classified with, int64 ``(batch, classes)``.

        The same sums as the Program's read-out: spike counts, or v, over the window.
        """
        last = list(run.results.values())[-1]
        source = last.s if self.readout.kind == "count" else last.v
        window = source[self._window(len(source))].detach().cpu().numpy()
        total: NDArray[np.int64] = window.astype(np.int64).sum(0).reshape(window.shape[1], -1)
        return total

    @torch.no_grad()
    def calibrate(self, x: Tensor, steps: int | None = None) -> None:
        """Set gains and scales layer by layer from a first batch (`SpikingLayer.calibrate`)."""
        steps = x.shape[0] if steps is None else steps
        mode = self.training
        self.eval()
        for layer in self.layers:
            if isinstance(layer, SpikingLayer):
                layer.calibrate(x, steps)
                x = layer(x, steps).s
            elif isinstance(layer, SumPoolLayer):
                x = layer(x)
        self.train(mode)

    def freeze_statistics(self) -> None:
        """Stop batch-norm: from now on training runs the very integers of eval mode."""
        for layer in self.spiking_layers:
            layer.frozen = True

    def use_backend(self, backend: str) -> None:
        """Choose the scan: ``"auto"``, ``"torch"`` or ``"native"``."""
        for layer in self.spiking_layers:
            layer.backend = backend

    @torch.no_grad()
    def trace(self, x: NDArray[Any]) -> dict[str, dict[str, NDArray[np.int64]]]:
        """Return s, and v after the reset, of every population, ``(batch, steps, *shape)``.

        x : integers ``(batch, steps, *shape)``, as for `neurodeploy.simulate`.
        """
        columns = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, 0), np.float32))
        run = self(columns.reshape(*columns.shape[:2], *self.shape).to(self.device))
        return {
            name: {
                "s": _batch_first(result.s),
                "v": _batch_first(result.v * (1 - result.s)),
            }
            for name, result in run.results.items()
        }


def _batch_first(tensor: Tensor) -> NDArray[np.int64]:
    array: NDArray[np.int64] = np.moveaxis(tensor.cpu().numpy(), 1, 0).astype(np.int64)
    return array


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
        neuron = spec.neuron or self.neuron
        if not spiking:
            neuron = replace_learn(neuron)
        arguments = (neuron, self.shape, self.input_scale, spiking, self.generator)
        layer: SpikingLayer
        if isinstance(spec, Conv):
            self._check_conv(spec)
            layer = ConvLayer(name, spec, *arguments)
        else:
            self._check_dense(spec, spiking)
            layer = DenseLayer(name, spec, *arguments)
        self.shape, self.input_scale = layer.shape, 1.0
        return layer

    def _check_dense(self, spec: Dense, spiking: bool) -> None:
        if spec.recurrent and not spiking:
            raise OptionError("recurrent is true, but an integrator sends no spikes back")
        if spec.recurrent and spec.norm == "batch":
            raise OptionError("recurrent is true with norm 'batch'; use 'weight' or 'none'")

    def _check_conv(self, spec: Conv) -> None:
        if len(self.shape) != 3:
            raise OptionError(f"the input has shape {self.shape}, a convolution needs (C, H, W)")
        for what, count in (("input", self.shape[0]), ("output", spec.channels)):
            if count % spec.groups:
                raise ProgramError(
                    f"groups is {spec.groups}, which does not divide {count} {what} channels"
                )
        pool = self.modules[-1] if self._pooling() else None
        if isinstance(pool, SumPoolLayer) and spec.padding and _ragged(pool):
            raise OptionError(
                f"padding is {spec.padding} behind a pool of {pool.size} that does not divide "
                f"{pool.source[1:]}; use padding 0 or another pool"
            )


def replace_learn(neuron: Neuron) -> Neuron:
    """Return the neuron without a learned threshold, which an integrator does not have."""
    kept = tuple(name for name in neuron.learn if name != "threshold")
    return neuron.model_copy(update={"learn": kept})


def _ragged(pool: SumPoolLayer) -> bool:
    return any(size % pool.size for size in pool.source[1:])
