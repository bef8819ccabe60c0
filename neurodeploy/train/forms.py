"""Forms of weights: what a matrix and a kernel make of the messages of their source."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.synapse import convolved_shape
from neurodeploy.train.specs import Conv, ConvSkip

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Matrix:
    """All-to-all weights ``(size, inputs)``. source : shape of what is read, flat in C, H, W order.

    wrap_bits : width at which the chip's accumulator wraps.
    """

    source: Shape
    size: int
    wrap_bits: int = 32

    @property
    def weight_shape(self) -> Shape:
        """Shape of the weight, outputs first."""
        return (self.size, math.prod(self.source))

    @property
    def shape(self) -> Shape:
        """Shape of the population."""
        return (self.size,)

    def multiply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the sums of ``x`` ``(n, *source)`` as ``(n, size)``."""
        return x.flatten(1) @ weight.t()


@dataclass(frozen=True)
class Kernel:
    """A convolution, weights ``(channels, C / groups, kernel, kernel)``; see `Matrix`.

    geometry : its kernel, stride, padding, dilation and groups.
    """

    source: Shape
    channels: int
    geometry: Conv | ConvSkip
    wrap_bits: int = 24

    @property
    def weight_shape(self) -> Shape:
        """Shape of the weight, outputs first."""
        own = self.geometry
        return (self.channels, self.source[0] // own.groups, own.kernel, own.kernel)

    @property
    def shape(self) -> Shape:
        """Shape of the population; ProgramError for a kernel that does not fit its source."""
        own = self.geometry
        stride, padding, dilation = ((n, n) for n in (own.stride, own.padding, own.dilation))
        return convolved_shape(
            self.source, self.weight_shape, stride, padding, dilation, own.groups
        )

    def multiply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve; through patches off the CPU, where libraries choose inexact algorithms."""
        own = self.geometry
        if x.device.type == "cpu":
            with torch.backends.nnpack.flags(enabled=False):
                return functional.conv2d(
                    x, weight, None, own.stride, own.padding, own.dilation, own.groups
                )
        patches = functional.unfold(x, own.kernel, own.dilation, own.padding, own.stride)
        patches = patches.reshape(len(x), own.groups, -1, patches.shape[-1])
        kernels = weight.reshape(own.groups, self.channels // own.groups, -1)
        return torch.einsum("gok,ngkp->ngop", kernels, patches).reshape(len(x), *self.shape)


Form = Matrix | Kernel


def drawn_weight(form: Form, generator: torch.Generator) -> Tensor:
    """Return normal weights of variance ``1 / inputs of a neuron``."""
    weight = torch.randn(form.weight_shape, generator=generator)
    return weight / math.sqrt(weight[0].numel())


def by_output(values: Tensor, weight: Tensor) -> Tensor:
    """Return one value for each output such that it broadcasts against ``weight``."""
    return values.reshape(-1, *(1,) * (weight.dim() - 1))
