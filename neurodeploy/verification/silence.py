"""Neurons that never spike on the data, and by how much they miss the threshold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Runner, settle
from neurodeploy.data.presentation import Presentation
from neurodeploy.program import Population, Program

STATE_UNIT = 64
"""Units of v for 1 of a threshold or bias."""


@dataclass(frozen=True)
class Silence:
    """One population that spikes. silent : neurons that never do.

    reach : median over the silent ones of the largest v seen, in shares of the threshold; None
    where none is silent or the threshold is not above 0. bias : median bias of them, in the same
    shares. factor : weights times this let half of the silent ones reach their threshold, None
    where v never rises above 0. unreached : silent neurons whose v never rose above 0.
    """

    population: str
    neurons: int
    silent: int
    reach: float | None
    bias: float | None
    factor: float | None
    unreached: int

    @property
    def share(self) -> float:
        """silent / neurons."""
        return self.silent / self.neurons

    @property
    def dead(self) -> bool:
        """Whether no neuron ever spikes."""
        return self.silent == self.neurons

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "share": self.share, "dead": self.dead}


def silence(program: Program, data: Presentation) -> tuple[Silence, ...]:
    """Return what every population that spikes does on ``data``, in topological order.

    The samples are run as `neurodeploy.answers.settle` says; v is that at the end of a step, which
    for a neuron that does not spike is what its threshold is compared with. Thresholds that move
    are taken at their start.
    """
    spiking = [p for p in program.populations if p.neuron.spikes and "v" in p.neuron.variables]
    record = {p.name: ("s", "v") for p in spiking}
    spikes = {p.name: np.zeros(p.shape, np.int64) for p in spiking}
    highest = {p.name: np.full(p.shape, -(2**31), np.int64) for p in spiking}
    for piece in Runner(program, settle(program, data.steps), record).run(data):
        for name in spikes:
            spikes[name] += piece.arrays[name]["s"].sum(axis=(0, 1), dtype=np.int64)
            np.maximum(highest[name], piece.arrays[name]["v"].max(axis=(0, 1)), out=highest[name])
    return tuple(_silence(p, spikes[p.name] == 0, highest[p.name]) for p in spiking)


def first_dead(found: tuple[Silence, ...]) -> Silence | None:
    """Return the first population without a spike, None where all have some."""
    return next((layer for layer in found if layer.dead), None)


def _silence(
    population: Population, silent: NDArray[np.bool_], highest: NDArray[np.int64]
) -> Silence:
    neuron: Any = population.neuron
    threshold = STATE_UNIT * np.broadcast_to(neuron.threshold, population.shape).astype(np.int64)
    bias = STATE_UNIT * np.broadcast_to(neuron.bias, population.shape).astype(np.int64)
    count = int(silent.sum())
    known = silent & (threshold > 0)
    reached, limit = highest[known], threshold[known]
    return Silence(
        population.name,
        population.size,
        count,
        float(np.median(reached / limit)) if reached.size else None,
        float(np.median(bias[known] / limit)) if reached.size else None,
        _factor(reached, limit),
        int(np.count_nonzero(silent & (highest <= 0))),
    )


def _factor(reached: NDArray[np.int64], limit: NDArray[np.int64]) -> float | None:
    """Return what lets half of the neurons with v above 0 pass: median of (threshold + 1) / v."""
    rising = reached > 0
    if not rising.any():
        return None
    return float(np.median((limit[rising] + 1) / reached[rising]))
