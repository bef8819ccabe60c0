"""The two kinds of connected layers: all-to-all, and convolutions."""

from __future__ import annotations

import math
import zlib

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.draws import integers
from neurodeploy.synapse import convolved_shape
from neurodeploy.train import fused
from neurodeploy.train.layers import Shape, SpikingLayer
from neurodeploy.train.specs import Conv, Dense, Neuron


class DenseLayer(SpikingLayer):
    """All-to-all weights; see `neurodeploy.train.specs.Dense`."""

    spec: Dense
    delay: Tensor

    def __init__(
        self,
        name: str,
        spec: Dense,
        neuron: Neuron,
        source: Shape,
        input_scale: float,
        spiking: bool,
        generator: torch.Generator,
        steps: int | None = None,
    ) -> None:
        super().__init__(name, spec, neuron, source, input_scale, spiking, generator, steps)
        if spec.recurrent:
            weight = torch.randn((spec.size, spec.size), generator=generator)
            self.recurrent = nn.Parameter(weight * (0.5 / math.sqrt(spec.size)))
        if spec.max_delay:
            seed, stream = generator.initial_seed(), zlib.crc32(name.encode())
            drawn = integers(seed, spec.size, spec.max_delay + 1, stream)
            self.register_buffer("delay", torch.from_numpy(drawn))

    def weight_shape(self) -> Shape:
        return (self.spec.size, math.prod(self.source))

    @property
    def shape(self) -> Shape:
        return (self.spec.size,)

    def multiply(self, x: Tensor, weight: Tensor) -> Tensor:
        return x.flatten(1) @ weight.t()

    def geometry(self) -> fused.Geometry | None:
        return None if self.spec.max_delay else fused.Geometry(self.source, self.shape)

    def delayed(self, a: Tensor, steps: int) -> Tensor:
        """Return ``a[t - delay[i], :, i]``, zero before the first step."""
        if not self.spec.max_delay:
            return a
        full = a.expand(steps, *a.shape[1:])
        when = torch.arange(steps, device=a.device)[:, None] - self.delay  # (steps, N)
        index = when.clamp(min=0)[:, None].expand_as(full)
        return full.gather(0, index).mul((when >= 0)[:, None])


class ConvLayer(SpikingLayer):
    """A convolution; see `neurodeploy.train.specs.Conv`."""

    spec: Conv

    def weight_shape(self) -> Shape:
        spec = self.spec
        return (spec.channels, self.source[0] // spec.groups, spec.kernel, spec.kernel)

    @property
    def shape(self) -> Shape:
        spec, weight = self.spec, self.weight_shape()
        stride, padding, dilation = ((n, n) for n in (spec.stride, spec.padding, spec.dilation))
        return convolved_shape(self.source, weight, stride, padding, dilation, spec.groups)

    @property
    def wrap_bits(self) -> int:
        return 24

    def geometry(self) -> fused.Geometry | None:
        if self.spec.dilation != 1 or self.spec.groups != 1:
            return None
        return fused.Geometry(self.source, self.shape, self.spec)

    def multiply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve; through patches off the CPU, where libraries choose inexact algorithms."""
        spec = self.spec
        if x.device.type == "cpu":
            with torch.backends.nnpack.flags(enabled=False):
                return functional.conv2d(
                    x, weight, None, spec.stride, spec.padding, spec.dilation, spec.groups
                )
        patches = functional.unfold(x, spec.kernel, spec.dilation, spec.padding, spec.stride)
        patches = patches.reshape(len(x), spec.groups, -1, patches.shape[-1])
        kernels = weight.reshape(spec.groups, spec.channels // spec.groups, -1)
        return torch.einsum("gok,ngkp->ngop", kernels, patches).reshape(len(x), *self.shape)
