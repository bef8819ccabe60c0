"""What a pass of a twin gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import torch
from torch import Tensor

from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim.dynamics import STATE_EXP
from neurodeploy.twin.layout import Layout
from neurodeploy.twin.rule import Named
from neurodeploy.twin.slopes import UNIT


class Found(dict[str, Tensor]):
    """What a scan gave; what the compiled one left out is worked out when it is asked for.

    again : runs the scan once more, with all states. through : open paths.
    """

    def __init__(self, values: Named, again: Callable[[], Named], through: frozenset[str]) -> None:
        super().__init__(values)
        self._again, self._through = again, through

    def __missing__(self, name: str) -> Tensor:
        if name == "v" and "before" in self:
            s = self["s"] if "reset" in self._through else self["s"].detach()
            self[name] = self["before"] * (1 - s)
        else:
            self[name] = self._again()[name]
        return self[name]


class PopulationRun:
    """The variables of one population: ``run["layer3"].v``, float64 in the layout of a `Trace`."""

    def __init__(self, name: str, variables: tuple[str, ...], found: Named, layout: Layout) -> None:
        self.name, self.variables, self.layout = name, variables, layout
        self._found = found

    def inner(self, variable: str) -> Tensor:
        """Return a variable as it was computed, ``(steps, batch, N)`` in the twin's order."""
        return self._found[variable]

    def __getattr__(self, variable: str) -> Tensor:
        if variable.startswith("_") or variable not in self.variables:
            known = ", ".join(self.__dict__.get("variables", ()))
            raise AttributeError(f"{self.__dict__.get('name')} has {known}, not {variable!r}")
        return self.layout.given(self.inner(variable).double())

    def __repr__(self) -> str:
        return f"PopulationRun({self.name}: {', '.join(self.variables)})"


class Run(Mapping[str, PopulationRun]):
    """Scores, logits and the variables of every population, differentiable but for the scores.

    Index with a population's name or number.
    """

    def __init__(self, program: Program, populations: dict[str, PopulationRun]) -> None:
        self.program = program
        self._populations = populations

    @cached_property
    def _total(self) -> Tensor:
        """Sum of the read-out over window and pool, float64 ``(batch, classes)``."""
        readout = self.program.readout
        values = self[readout.population].inner(readout.variable)
        if readout.window > len(values):
            raise OptionError(
                f"readout: window is {readout.window} steps, the run has {len(values)}; run as "
                "many steps, or read out over fewer"
            )
        kept = values[-readout.window :] if readout.window else values
        total = kept.sum(0, dtype=torch.float64)
        total = self[readout.population].layout.order.outer(total)
        return total.reshape(len(total), self.program.classes, readout.pool).sum(2)

    @property
    def scores(self) -> Tensor:
        """What is classified with, int64 ``(batch, classes)``; see `neurodeploy.accuracy.scores`.

        ``(classes,)`` where the data have no batch axis. Raises OptionError for a window of more
        steps than were run.
        """
        return self._given(self._total.detach().long())

    @property
    def logits(self) -> Tensor:
        """``scores / (steps counted * size)``, torch's default float, differentiable.

        size : 1 for s, ``64 * unit`` for u and v, ``2^(spike_exp + 6) * unit`` for sigma and act.
        unit : the mantissa that stands for 1.0, metadata ``unit.<population>`` where the program
        has it, else 1.
        """
        counted = len(self[self.program.readout.population].inner("s"))
        steps = self.program.readout.window or max(counted, 1)
        logits = self._total / (steps * self._size())
        return self._given(logits.to(torch.get_default_dtype()))

    def _size(self) -> float:
        readout = self.program.readout
        if readout.variable == "s":
            return 1.0
        unit = float(self.program.metadata.get(f"unit.{readout.population}", 1))
        neuron = self.program.populations[self.program.index(readout.population)].neuron
        exp = getattr(neuron, "spike_exp", None)
        return unit * (UNIT if exp is None else 2 ** (exp + STATE_EXP))

    def _given(self, values: Tensor) -> Tensor:
        return values if next(iter(self.values())).layout.batched else values[0]

    def __getitem__(self, key: str | int) -> PopulationRun:
        if isinstance(key, int):
            return list(self._populations.values())[key]
        try:
            return self._populations[key]
        except KeyError:
            known = ", ".join(self._populations)
            raise OptionError(f"run has no population {key!r}, there are {known}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._populations

    def __iter__(self) -> Iterator[str]:
        return iter(self._populations)

    def __len__(self) -> int:
        return len(self._populations)
