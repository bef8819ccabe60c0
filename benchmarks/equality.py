"""Equality with the reference engine, checked before any rate is printed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from workloads import Bytes

import neurodeploy as nd
from neurodeploy.trace import Trace


class Unequal(Exception):
    """Results differ, so that there is nothing to time."""


class Oracle:
    """What the reference engine makes of a workload's data: computed once, compared often."""

    def __init__(self, program: nd.Program, x: Bytes, **options: str) -> None:
        self.program, self.x, self.options = program, x, options
        self.trace = nd.simulate(program, x, engine="reference", record="s", **options)

    @property
    def rates(self) -> dict[str, float]:
        """Mean spikes per step of the input and of every population."""
        return {"input": float(np.mean(self.x != 0))} | {
            name: float(self.trace[name].s.mean()) for name in self.program.names
        }

    def check(self, simulator: nd.Simulator, where: str, x: Bytes | None = None) -> None:
        """Compare spikes of all populations, and counts, with what ``simulator`` gives.

        x : the first samples of the data, or the data over and over; None is the data.
        The first comparison runs the same program with the same options, but records everything;
        the environment must be the one that ``simulator`` was compiled in. Raises Unequal.
        """
        given = self.x if x is None else x
        watched = nd.Simulator(self.program, replace(simulator.options, record="s"))
        for found in (watched.run(given), simulator.run(given)):
            self._compare(found, where)
            if x is None and found.activity != self.trace.activity:
                raise Unequal(f"{where}: the counts differ, no rates are given")

    def _compare(self, found: Trace, where: str) -> None:
        """Compare all that ``found`` holds; where the oracle has fewer samples, over and over."""
        expected = self.trace.flat()
        for name, array in found.flat().items():
            differing = int(np.count_nonzero(array != np.resize(expected[name], array.shape)))
            if differing:
                raise Unequal(f"{where}: {name}: {differing} values differ, no rates are given")
