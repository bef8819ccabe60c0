"""More connections into a layer than one: weights of their own, into the same neurons."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurodeploy.errors import OptionError
from neurodeploy.train.delays import delayed, drawn_delays
from neurodeploy.train.forms import Form, Kernel, Matrix, Shape, drawn_weight
from neurodeploy.train.specs import Conv, ConvSkip, Dense, DenseSkip


class Source(NamedTuple):
    """What a connection reads: its shape, and the value that stands for 1.0 there."""

    shape: Shape
    scale: float = 1.0


class SkipConnection(nn.Module):
    """One more weight of a layer. target : its spec; name : its name, with the source's.

    delay : int64 ``(size,)``, drawn at random, where there is one.
    """

    delay: Tensor

    def __init__(
        self,
        spec: DenseSkip | ConvSkip,
        target: Dense | Conv,
        source: Source,
        name: str,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.spec, self.source, self.input_scale = spec, source.shape, source.scale
        self.form: Form
        if isinstance(spec, ConvSkip) and isinstance(target, Conv):
            self.form = Kernel(source.shape, target.channels, spec)
        elif isinstance(spec, DenseSkip) and isinstance(target, Dense):
            self.form = Matrix(source.shape, target.size)
            if spec.max_delay:
                drawn = drawn_delays(
                    generator.initial_seed(), f"{spec.source}->{name}", target.size, spec.max_delay
                )
                self.register_buffer("delay", drawn)
        else:
            raise OptionError(f"skip is a {type(spec).__name__}, the layer a {target.kind} one")
        self.weight = nn.Parameter(drawn_weight(self.form, generator))

    def arrived(self, a: Tensor, steps: int) -> Tensor:
        """Return currents ``(steps or 1, batch, N)`` in the steps in which they arrive."""
        return delayed(a, self.delay, steps) if getattr(self.spec, "max_delay", 0) else a
