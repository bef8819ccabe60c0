"""How the twin lays out maps and time: ``(steps, batch, N)``, maps channels last.

A population of shape (C, H, W) is computed with as H, W, C, which convolutions read and write
without a copy. Users, records and read-outs have C, H, W; both orders are views of the same memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """The two orders of a node of ``shape``, (N,) or (C, H, W), on the last axis of a tensor."""

    shape: Shape

    def inner(self, flat: Tensor) -> Tensor:
        """Return C, H, W order as H, W, C."""
        if len(self.shape) == 1:
            return flat
        return flat.reshape(*flat.shape[:-1], *self.shape).movedim(-3, -1).flatten(-3)

    def maps(self, inner: Tensor) -> Tensor:
        """Return H, W, C order as ``(..., *shape)``."""
        if len(self.shape) == 1:
            return inner
        channels, height, width = self.shape
        if channels == 1 or height * width == 1:
            # One order is the other. A view with the strides of both misleads oneDNN's convolution,
            # which then leaves cells of its result unwritten (torch 2.13).
            return inner.reshape(*inner.shape[:-1], *self.shape)
        return inner.reshape(*inner.shape[:-1], height, width, channels).movedim(-1, -3)

    def outer(self, inner: Tensor) -> Tensor:
        """Return H, W, C order as C, H, W."""
        return inner if len(self.shape) == 1 else self.maps(inner).flatten(-3)


@dataclass(frozen=True)
class Layout:
    """steps, batch, shape : of a population. batched : whether the caller gave a batch axis."""

    steps: int
    batch: int
    shape: Shape
    batched: bool

    @property
    def order(self) -> Order:
        """The order of the population's neurons."""
        return Order(self.shape)

    def given(self, values: Tensor) -> Tensor:
        """Return ``(steps, batch, N)`` as the caller sees it, `Trace`'s layout."""
        values = self.order.maps(values).transpose(0, 1)
        return values if self.batched else values[0]

    def inner(self, values: Tensor) -> Tensor:
        """Return what broadcasts against `given` as ``(steps, batch, N)``."""
        leading = (self.batch, self.steps) if self.batched else (self.steps,)
        full = values.expand(*leading, *self.shape)
        full = full if self.batched else full[None]
        return self.order.inner(full.transpose(0, 1).flatten(2))
