"""What a neuron model is to the twin: its states, one step forward, one step backward.

A rule works on named tensors ``(steps, batch, N)``. ``neurodeploy.twin.rules`` has one for each
type of neuron record; `neurodeploy.twin.scan` makes an autograd operation of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from neurodeploy.neuron import Neuron
from neurodeploy.twin.slopes import Slopes

Named = dict[str, Tensor]


@dataclass(frozen=True)
class Pass:
    """What stays the same over the steps of one scan.

    index : steps since the first data of the sample, per step: the index of gain and signature.
    gains : input mantissa, per step. through : open paths. steady : decays lie in 0..4096. wide : a
    sum may leave 32 bits, or u 24.
    dtype : of what fits float32, and of the gradients. whole : the steps are all of a sample, and
    nothing asks for the state behind them but by name. ready : s and v before the reset, where they
    are known already. needs : names of the given tensors whose gradient is wanted.
    """

    neuron: Neuron
    steps: int
    index: tuple[int, ...]
    gains: tuple[float, ...]
    through: frozenset[str]
    slopes: Slopes
    steady: bool
    wide: bool
    dtype: torch.dtype
    whole: bool
    ready: tuple[Tensor, Tensor] | None = None
    needs: frozenset[str] = frozenset()


class Rule(ABC):
    """One neuron model. Given are ``a``, parameters ``(N,)`` and the state before: ``u0`` ...

    resets : whether a due reset begins a new sample.
    """

    resets: ClassVar[bool]

    @abstractmethod
    def states(self, neuron: Any) -> tuple[str, ...]:
        """Return the names of the states, in the order of their record."""

    @abstractmethod
    def fresh(self, given: Named, batch: int) -> Named:
        """Return the state at the start of a sample, ``(batch, N)``."""

    @abstractmethod
    def forward(self, call: Pass, given: Named) -> tuple[Named, dict[str, Any]]:
        """Return s and the states after each step, and what `backward` needs beside them."""

    @abstractmethod
    def backward(
        self, call: Pass, given: Named, outputs: Named, saved: Mapping[str, Any], grads: Named
    ) -> Named:
        """Return the gradients of those given that ``call.needs`` names."""


class Gradients:
    """The gradients of what was given to a scan, summed over its steps."""

    def __init__(self, needs: frozenset[str], given: Named) -> None:
        self.needs, self.given = needs, given
        self.found: Named = {}

    def wants(self, name: str) -> bool:
        """Whether the gradient of ``name`` is wanted."""
        return name in self.needs

    def set(self, name: str, value: Tensor) -> None:
        """Take ``value`` as the gradient."""
        if self.wants(name):
            self.found[name] = value

    def add(self, name: str, value: Tensor, factor: float = 1.0) -> None:
        """Add ``factor * value`` ``(batch, N)``, summed over the batch, to that of ``(N,)``."""
        if self.wants(name):
            term = value.sum(0, dtype=torch.float64) * factor
            self.found[name] = self.found[name] + term if name in self.found else term

    def at(self, name: str, t: int, value: Tensor, factor: float) -> None:
        """Add ``factor * value`` to step t of ``(steps or 1, batch or 1, N)``."""
        if not self.wants(name):
            return
        if name not in self.found:
            dtype = value.dtype if name == "a" else torch.float64
            self.found[name] = self.given[name].new_zeros(self.given[name].shape, dtype=dtype)
        target = self.found[name][t if len(self.given[name]) > 1 else 0]
        if len(target) < len(value):
            value = value.sum(0, keepdim=True, dtype=target.dtype)
        target.add_(value, alpha=factor)

    def entry(self, name: str, t: int, value: Tensor) -> None:
        """Take a number as the gradient of entry t of ``(steps,)``."""
        if name not in self.found:
            self.found[name] = torch.zeros_like(self.given[name], dtype=value.dtype)
        self.found[name][t] = value
