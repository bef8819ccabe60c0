"""The two kinds of connected layers: all-to-all, and convolutions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neurodeploy.train import fused
from neurodeploy.train.delays import delayed, drawn_delays
from neurodeploy.train.forms import Kernel, Matrix
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.specs import Conv, Dense


class DenseLayer(SpikingLayer):
    """All-to-all weights; see `neurodeploy.train.specs.Dense`."""

    spec: Dense
    delay: Tensor

    def make_form(self) -> Matrix:
        return Matrix(self.source, self.spec.size)

    def _add_more(self, generator: torch.Generator) -> None:
        spec = self.spec
        if spec.recurrent:
            weight = torch.randn((spec.size, spec.size), generator=generator)
            self.recurrent = nn.Parameter(weight * (0.5 / math.sqrt(spec.size)))
        if spec.max_delay:
            drawn = drawn_delays(generator.initial_seed(), self.name, spec.size, spec.max_delay)
            self.register_buffer("delay", drawn)

    def geometry(self) -> fused.Geometry | None:
        return None if self.spec.max_delay else fused.Geometry(self.source, self.shape)

    @property
    def max_delay(self) -> int:
        return self.spec.max_delay

    def delayed(self, a: Tensor, steps: int) -> Tensor:
        """Return ``a[t - delay[i], :, i]``, zero before the first step."""
        return delayed(a, self.delay, steps) if self.spec.max_delay else a


class ConvLayer(SpikingLayer):
    """A convolution; see `neurodeploy.train.specs.Conv`."""

    spec: Conv

    def make_form(self) -> Kernel:
        return Kernel(self.source, self.spec.channels, self.spec)

    def geometry(self) -> fused.Geometry | None:
        if self.spec.dilation != 1 or self.spec.groups != 1:
            return None
        return fused.Geometry(self.source, self.shape, self.spec)
