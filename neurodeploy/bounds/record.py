"""What `neurodeploy.bounds.bound` returns: intervals of every state, and what may overflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds.interval import Flags, Interval
from neurodeploy.errors import InputError
from neurodeploy.frozen import FrozenMapping, read_only


@dataclass(frozen=True)
class PopulationBounds:
    """Bounds of one population.

    variables : the variables of its neuron by name (``s`` are the messages), int64; shape
    ``(batch, steps, *shape)``, or ``(batch, *shape)`` over all steps where only the extrema were
    kept. wide : sums before they wrap, fold or saturate, by the state or port that they limit,
    int64 ``(batch, *shape)`` over all steps. overflow : bool ``(batch, *shape)``, whether some
    input of the box may take that sum beyond its width in some step: u beyond 24 bits (it wraps),
    v, re and im beyond 24 bits (they saturate), bias beyond 16, sigma and act beyond 32; under the
    name of a port, whether a sum of its connections may wrap.
    """

    name: str
    shape: tuple[int, ...]
    variables: Mapping[str, Interval]
    wide: Mapping[str, Interval]
    overflow: Mapping[str, Flags]

    def __getattr__(self, variable: str) -> Interval:
        try:
            return self.__dict__["variables"][variable]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"no variable {variable!r} in these bounds") from None

    @property
    def may_overflow(self) -> bool:
        """Whether anything in this population may overflow, for any box."""
        return any(bool(flags.any()) for flags in self.overflow.values())

    def largest(self, state: str) -> int:
        """Return the largest magnitude of a sum before its limits, over boxes and neurons."""
        return int(self.wide[state].magnitude.max(initial=0))


@dataclass(frozen=True)
class Bounds:
    """Bounds of every population of a program, for every input of each box.

    digest : of the program. steps : how many columns they hold for, counted from rest; None for
    any number. populations : by name.
    """

    digest: str
    steps: int | None
    populations: Mapping[str, PopulationBounds]

    def __getitem__(self, population: str) -> PopulationBounds:
        try:
            return self.populations[population]
        except KeyError:
            known = ", ".join(self.populations)
            raise InputError(
                f"no population {population!r} in these bounds, there are {known}"
            ) from None

    def __iter__(self) -> Iterator[PopulationBounds]:
        return iter(self.populations.values())


def frozen(values: Mapping[str, Interval]) -> FrozenMapping[str, Interval]:
    """Return the intervals as read-only copies."""
    return FrozenMapping(
        {name: Interval(_kept(value.low), _kept(value.high)) for name, value in values.items()}
    )


def frozen_flags(values: Mapping[str, Flags]) -> FrozenMapping[str, Flags]:
    """Return the flags as read-only copies."""
    return FrozenMapping({name: _kept(flags) for name, flags in values.items()})


def _kept(array: NDArray[Any]) -> NDArray[Any]:
    return read_only(np.array(array))
