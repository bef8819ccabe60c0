"""A whole layer on the CPU in one compiled call: exact sums of spikes, neurons, gradients.

Takes binary inputs, packed as one bit each. Forward: sums of weights from tables of the subsets of
four inputs, in 16 bits where a bound on each row of weights proves that exact, and the recurrence
of `neurodeploy.train.scan` in the same pass. Backward: the carried gradients of the scan, and the
gradient of each weight as the sum of the gradients of those rows in which its input fired. The
order of all sums is fixed, so that threads and instruction sets do not change a bit.

`run` returns None for whatever this cannot take; the layer then uses its torch operations and the
scan. Maps are channels-last in memory: ``(T, batch, H, W, C)``, seen as ``(T, batch, C, H, W)``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurodeploy.train.compiled import backward, ints, knows, means, native_module
from neurodeploy.train.scan import Saved, ScanOptions, ScanParameters

if TYPE_CHECKING:
    from neurodeploy.train.specs import Conv

log = logging.getLogger(__name__)

Bits = NDArray[np.uint32]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """Where a layer's inputs lie. source, shape : of the input and the population; conv : or None.

    A position is a place of a map that has one neuron per channel; a dense layer has one.
    """

    source: Shape
    shape: Shape
    conv: Conv | None = None

    @property
    def channels(self) -> int:
        """Neurons of a position."""
        return self.shape[0]

    @property
    def positions(self) -> int:
        """Positions of a sample."""
        return self.shape[1] * self.shape[2] if self.conv else 1

    @property
    def window(self) -> NDArray[np.int32]:
        """Channels, height, width, kernel, stride and padding; empty for a dense layer."""
        conv = self.conv
        entries = [*self.source, conv.kernel, conv.stride, conv.padding] if conv else []
        return np.array(entries, np.int32)

    def rows(self, weight: Tensor) -> Tensor:
        """Return the weight ``(out, ...)`` as rows ``(out, inputs)``, channels last."""
        if len(self.source) == 3:
            kernel = weight.shape[2:] if self.conv else self.source[1:]
            weight = weight.reshape(len(weight), -1, *kernel).permute(0, 2, 3, 1)
        return weight.reshape(len(weight), -1)

    def flat(self, x: Tensor) -> Tensor:
        """Return ``(T, batch, *source)`` as ``(T, batch, inputs)``, channels last."""
        if len(self.source) == 3:
            x = x.permute(0, 1, 3, 4, 2)
        return x.reshape(*x.shape[:2], -1)

    def maps(self, sites: Tensor) -> Tensor:
        """Return ``(T, batch * positions, channels)`` as ``(T, batch, *shape)``."""
        if not self.conv:
            return sites.reshape(len(sites), -1, *self.shape)
        height, width = self.shape[1:]
        maps = sites.reshape(len(sites), -1, height, width, self.channels)
        return maps.permute(0, 1, 4, 2, 3)

    def input_gradient(self, grad_a: Tensor, weight: Tensor) -> Tensor:
        """Return the gradient of `flat`: ``grad_a @ weight``, for a convolution its transpose."""
        steps = len(grad_a)
        if self.conv is None:
            return (grad_a.flatten(0, 1) @ weight).reshape(steps, -1, weight.shape[1])
        conv, (channels, *size) = self.conv, self.source
        maps = self.maps(grad_a).flatten(0, 1)
        kernel = weight.reshape(-1, conv.kernel, conv.kernel, channels).permute(0, 3, 1, 2)
        reached = [(n - 1) * conv.stride - 2 * conv.padding + conv.kernel for n in self.shape[1:]]
        missing = [n - m for n, m in zip(size, reached, strict=True)]
        grad = functional.conv_transpose2d(
            maps, kernel, None, conv.stride, conv.padding, output_padding=missing
        )
        return grad.permute(0, 2, 3, 1).reshape(steps, -1, channels * size[0] * size[1])


@dataclass(frozen=True)
class Fused:
    """s, and v before the reset, ``(T, batch, *shape)``; packed : the spikes as bits."""

    s: Tensor
    v: Tensor
    packed: Bits


def available() -> bool:
    """Return whether the compiled module has the whole layer."""
    return hasattr(native_module(), "train_layer_forward")


def pack(x: Tensor) -> Bits | None:
    """Return ``(T, batch, inputs)`` as bits ``(batch * T, words)``, or None if x is not binary."""
    bits = _bits(x.shape[0] * x.shape[1], x.shape[2])
    array = x.detach().contiguous().numpy()
    return bits if native_module().train_pack(array, bits, *means()) else None


def _bits(rows: int, count: int) -> Bits:
    """Return rows for ``count`` bits and a spare word of zeros."""
    return np.zeros((rows, (count + 31) // 32 + 1), np.uint32)


def usable(x: Tensor, parameters: ScanParameters, options: ScanOptions) -> bool:
    """Return whether `run` may take this: float32 on the CPU, one column per step, no recurrence.

    A learned current decay needs u, which this does not keep; the kernels must have the surrogate.
    """
    return (
        options.backend != "torch"
        and available()
        and knows(options.surrogate)
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.shape[0] == options.steps
        and x.numel() > 0
        and parameters.recurrent is None
        and not parameters.current_decay.requires_grad
    )


def run(
    x: Tensor,
    packed: Bits | None,
    weight: Tensor,
    parameters: ScanParameters,
    options: ScanOptions,
    geometry: Geometry,
) -> Fused | None:
    """Run a layer, or return None: the input is not binary, or a sum may leave 16 bits.

    x : ``(T, batch, *source)``; packed : the same as bits, or None. weight : even integers
    ``(out, ...)``. parameters : one value per channel.
    """
    flat = geometry.flat(x)
    bits = pack(flat) if packed is None else packed
    if bits is None:
        return None
    rows = geometry.rows(weight)
    found = _forward(bits, rows.detach().contiguous(), parameters, options, geometry)
    if found is None:
        log.debug("layer %s of %s: sums may leave 16 bits", geometry.shape, geometry.source)
        return None
    s, v = _Layer.apply(  # type: ignore[no-untyped-call]
        flat if flat.requires_grad else None,
        rows,
        parameters.voltage_decay,
        parameters.threshold,
        parameters.bias,
        found,
        _Settings(options, geometry, parameters),
    )
    return Fused(geometry.maps(s), geometry.maps(v), found.spikes)


@dataclass(frozen=True)
class _Found:
    s: Tensor
    v: Tensor
    spikes: Bits
    patterns: Bits


@dataclass(frozen=True)
class _Settings:
    options: ScanOptions
    geometry: Geometry
    parameters: ScanParameters

    def integers(self) -> list[NDArray[np.int32]]:
        """Return current decay, voltage decay and threshold."""
        given = self.parameters
        return [ints(p) for p in (given.current_decay, given.voltage_decay, given.threshold)]


def _forward(
    bits: Bits,
    rows: Tensor,
    parameters: ScanParameters,
    options: ScanOptions,
    geometry: Geometry,
) -> _Found | None:
    sites = len(bits) // options.steps * geometry.positions
    s, v = (torch.empty((options.steps, sites, geometry.channels)) for _ in range(2))
    spikes = _bits(len(bits), geometry.positions * geometry.channels)
    patterns = np.empty(((rows.shape[1] + 31) // 32, options.steps * sites), np.uint32)
    settings = _Settings(options, geometry, parameters)
    fits = native_module().train_layer_forward(
        bits,
        geometry.window,
        rows.numpy(),
        *settings.integers(),
        ints(parameters.bias),
        options.spiking,
        s.numpy(),
        v.numpy(),
        spikes,
        patterns,
        *means(),
    )
    return _Found(s, v, spikes, patterns) if fits else None


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        flat: Tensor | None,
        rows: Tensor,
        voltage_decay: Tensor,
        threshold: Tensor,
        bias: Tensor,
        found: _Found,
        settings: _Settings,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(rows, found.s, found.v)
        ctx.patterns, ctx.settings = found.patterns, settings
        ctx.set_materialize_grads(False)
        return found.s, found.v

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        rows, s, v = (tensor.detach() for tensor in ctx.saved_tensors)
        settings, options = ctx.settings, ctx.settings.options
        if not any(ctx.needs_input_grad[1:5]):
            return (_of_data(grads, Saved(s, v, None), rows, settings), *(None,) * 6)
        through, learned = ctx.needs_input_grad[0], ctx.needs_input_grad[2:5]
        grad_a = torch.empty_like(v) if through else None
        grad_weight = torch.empty_like(rows, memory_format=torch.contiguous_format)
        totals = np.zeros((3, v.shape[2])) if any(learned) else None
        native_module().train_layer_backward(
            *(None if grad is None else grad.contiguous().numpy() for grad in grads),
            v.numpy(),
            ctx.patterns,
            *settings.integers(),
            options.surrogate,
            options.width,
            options.unit,
            options.spiking,
            options.reset_gradient,
            None if grad_a is None else grad_a.numpy(),
            grad_weight.numpy(),
            totals,
            *means(),
        )
        grad_x = None if grad_a is None else settings.geometry.input_gradient(grad_a, rows)
        sums = [
            torch.from_numpy(totals[k]).float() if totals is not None and wanted else None
            for k, wanted in enumerate(learned)
        ]
        return (grad_x, grad_weight, *sums, None, None)


def _of_data(
    grads: tuple[Tensor | None, ...], saved: Saved, rows: Tensor, settings: _Settings
) -> Tensor:
    """Return the gradient of the inputs alone, through the scan's own way back."""
    options, given = settings.options, settings.parameters
    found = backward(grads[0], grads[1], saved, given, options, options.steps)
    return settings.geometry.input_gradient(found.a, rows)
