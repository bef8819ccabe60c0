"""A graph of quantised layers, built from specs: what is trained, and what `lower` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurodeploy.errors import OptionError
from neurodeploy.program import MetadataValue
from neurodeploy.train.builder import Graph, Layer, build_graph, check_source, wired
from neurodeploy.train.fused import Bits
from neurodeploy.train.inputs import check_range, fitted
from neurodeploy.train.layer_records import Result
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.specs import LayerSpec, Neuron, Readout

Shape = tuple[int, ...]


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


class Layers(nn.ModuleList):
    """Layers in order, as a list of modules that knows what it holds."""

    def __iter__(self) -> Iterator[Layer]:
        return cast(Iterator[Layer], super().__iter__())


@dataclass(frozen=True)
class Messages:
    """What a layer reads, ``(steps or 1, batch, *shape)``; bound and packed as for its forward."""

    x: Tensor
    bound: float | None = None
    packed: Bits | None = None


class Network(nn.Module):
    """Layers, each behind the one before unless its spec names another source, or skips.

    shape : of the input, (N,) or (C, H, W). layers : specs in order. input_scale : value of the
    input that stands for 1.0 (1 for spikes, the number of levels for direct encoding).
    message_bits : of the Program's input, 0 for spikes. neuron : of layers that name none.
    seed : of the initial weights and delays. steps : columns of a sample, which neurons with a
    value for each step need. metadata : kept for the Program.

    Raises OptionError or ProgramError, naming the layer, when they do not fit together.
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
        steps: int | None = None,
        metadata: dict[str, MetadataValue] | None = None,
    ) -> None:
        super().__init__()
        readout = readout or Readout()
        graph = build_graph(
            layers, tuple(shape), input_scale, neuron or Neuron(), readout, seed, steps
        )
        self._hold(shape, graph, message_bits, readout, metadata)

    def _hold(
        self,
        shape: Shape,
        graph: Graph,
        message_bits: int,
        readout: Readout,
        metadata: dict[str, MetadataValue] | None,
    ) -> None:
        self.shape, self.message_bits = tuple(shape), message_bits
        self.readout, self.metadata = readout, dict(metadata or {})
        self.layers, self.wiring = Layers(graph.modules), tuple(graph.wiring)

    @classmethod
    def of_layers(
        cls,
        layers: Sequence[Layer],
        *,
        message_bits: int = 0,
        readout: Readout | None = None,
        metadata: dict[str, MetadataValue] | None = None,
    ) -> Network:
        """Return a network of layers that were made one by one; it shares their parameters.

        layers : of `quantised_layer`, in order, the last one an integrator when ``readout`` says
        so; sources and skips of their specs go by name. The other arguments are those of a Network.

        Raises OptionError, naming the layer, when they do not fit together.
        """
        readout = readout or Readout()
        graph = wired(layers, readout)
        network = cls.__new__(cls)
        nn.Module.__init__(network)
        network._hold(layers[0].source, graph, message_bits, readout, metadata)
        return network

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

        x : integer-valued ``(steps, batch, *shape)``, or ``(1, batch, *shape)`` with ``steps``
        given for an input that is the same at every step. Maps may be given flat, and the other
        way round. Autocast does not act inside: integers have no use for it.

        Raises InputError for another size, and in eval mode for fractions and for values that the
        Program's input cannot carry.
        """
        with torch.autocast(x.device.type, enabled=False):
            return self._run(fitted(x, self.shape), x.shape[0] if steps is None else steps)

    def _run(self, x: Tensor, steps: int) -> Run:
        results: dict[str, Result] = {}
        bound = None if self.training else check_range(x, self.message_bits)
        sent = [Messages(x, bound)]
        for layer, numbers in zip(self.layers, self.wiring, strict=True):
            first, *more = (sent[number] for number in numbers)
            if isinstance(layer, SpikingLayer):
                skips = [messages.x for messages in more]
                result = layer(first.x, steps, first.bound, first.packed, skips)
                results[layer.name] = result
                sent.append(Messages(result.s, 1.0, result.packed))
            elif isinstance(layer, SumPoolLayer):
                sent.append(Messages(layer(first.x)))
        return Run(self._logits(result), results)

    def outputs(self, run: Run) -> Tensor:
        """Return what is read out in each step of the window, float ``(steps, batch, N)``.

        Spikes of the last layer, or v of an integrator in units of the layer.
        """
        return self._read(list(run.results.values())[-1]).flatten(2)

    def _read(self, last: Result) -> Tensor:
        source = last.s if self.readout.kind == "count" else last.membrane
        return source[self._window(len(source))]

    def _logits(self, last: Result) -> Tensor:
        return self.readout.scale * self._read(last).mean(0).flatten(1)

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
        sent = [x]
        for layer, numbers in zip(self.layers, self.wiring, strict=True):
            first, *more = (sent[number] for number in numbers)
            if isinstance(layer, SpikingLayer):
                layer.calibrate(first, steps, more)
                sent.append(layer(first, steps, skips=more).s)
            elif isinstance(layer, SumPoolLayer):
                sent.append(layer(first))
        self.train(mode)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the integers of eval mode for the passes within: only the data get gradients.

        The parameters are quantised once. Afterwards the network is in the mode that it was in.
        """
        mode = self.training
        self.eval()
        try:
            with torch.no_grad():
                for layer in self.spiking_layers:
                    layer.held = layer.quantised()
            yield
        finally:
            for layer in self.spiking_layers:
                layer.held = None
            self.train(mode)

    @torch.no_grad()
    def record_signatures(
        self, clean: Network, columns: Iterable[Tensor], steps: int | None = None
    ) -> None:
        """Record the signatures of homeostatic layers from a clean network of plain neurons.

        The signature of a neuron is its mean v before the reset in each step, over all samples, in
        units of the layer: ``clean`` runs in eval mode, on the integers that it lowers to.

        clean : with layers of the same names and shapes. columns, steps : batches as for `forward`.

        Raises OptionError for layers that differ, and where there is no sample.
        """
        layers = [n for n in self.spiking_layers if n.neuron.model == "homeostatic"]
        sums = {layer.name: torch.zeros_like(layer.signature).double() for layer in layers}
        for layer in layers:
            check_source(layer, clean.spiking_layers)
        mode, samples = clean.training, 0
        clean.eval()
        for batch in columns:
            run = clean(batch, steps)
            samples += batch.shape[1]
            for layer in layers:
                found = run.results[layer.name].membrane.double().sum(1)
                sums[layer.name][: len(found)] += found[: len(layer.signature)]
        clean.train(mode)
        if samples == 0:
            raise OptionError("there are no samples to record signatures from")
        for layer in layers:
            layer.signature.copy_(sums[layer.name] / samples)
            layer.recorded.fill_(True)

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
        run = self(columns.to(self.device))
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
