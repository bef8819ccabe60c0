"""The network in floats, run step by step: the reference for what conversion changed.

One line per line of `neurodeploy.converters.float_network`, in float64, aligned time, every sample
from rest. Meant to be read and compared with, not to be fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.float_network import (
    FloatConnection,
    FloatConv,
    FloatNetwork,
    FloatPopulation,
    Floats,
)
from neurodeploy.converters.nir.operations import Convolution


@dataclass(frozen=True, eq=False)
class FloatTrace:
    """What one population did. s : uint8, v : float64 after the reset; ``(batch, steps, *shape)``.

    before : v before the spike test.
    """

    s: NDArray[np.uint8]
    v: Floats
    before: Floats


def simulate_float(
    network: FloatNetwork, x: NDArray[np.generic], message_bits: int = 0
) -> dict[str, FloatTrace]:
    """Return what every population does on ``x``, ``(batch, steps, *shape)``, of the one input.

    message_bits : 0 where any non-zero value counts as one event.
    """
    name, shape = next(iter(network.inputs.items()))
    values = np.asarray(x, np.float64) if message_bits else (np.asarray(x) != 0).astype(np.float64)
    batch, steps = values.shape[:2]
    sent = {name: values.reshape(batch, steps, *shape)}
    cells = {p.name: _Cells(p, batch, steps) for p in network.populations}
    sent |= {name: cell.s for name, cell in cells.items()}
    wires = [_Wire(c, sent[c.source]) for c in network.connections]
    for step in range(steps):
        for population in network.populations:
            arriving = [w.deliver(step) for w in wires if w.connection.target == population.name]
            cells[population.name].update(step, arriving)
    return {
        name: FloatTrace(cell.s.astype(np.uint8), cell.after, cell.before)
        for name, cell in cells.items()
    }


class _Cells:
    """State and record of one population."""

    def __init__(self, population: FloatPopulation, batch: int, steps: int) -> None:
        self._p = population
        shape = (batch, *population.shape)
        self._current = np.zeros(shape)
        self._voltage = np.array(np.broadcast_to(population.start, shape))
        self.s = np.zeros((batch, steps, *population.shape))
        self.after, self.before = np.zeros_like(self.s), np.zeros_like(self.s)

    def update(self, step: int, arriving: list[Floats]) -> None:
        """Run one step on what the connections deliver."""
        p = self._p
        total = sum((a.reshape(-1, *p.shape) if a.ndim else a for a in arriving), p.drive)
        self._current = (1 - p.current_decay) * self._current + p.current_gain * total
        v = (1 - p.voltage_decay) * self._voltage + p.voltage_gain * self._current + p.leak
        self.before[:, step] = v
        if p.threshold is not None:
            spiked = v > p.threshold
            self.s[:, step] = spiked
            if p.reset == "zero":
                v = np.where(spiked, p.origin, v)
            elif p.reset == "subtract":
                v = v - spiked * (p.threshold - p.origin)
        self._voltage = v
        self.after[:, step] = v


class _Wire:
    """One connection, which delivers what its source has sent by now."""

    def __init__(self, connection: FloatConnection, sent: Floats) -> None:
        self.connection, self._sent = connection, sent
        self._late = int(connection.feedback)
        delay = getattr(connection.synapse, "delay", None)
        weight = connection.synapse.weight
        steps = np.zeros((1, 1), np.int64) if delay is None else np.asarray(delay)
        self._parts = [
            (int(step), weight if steps.size == 1 else np.where(steps == step, weight, 0.0))
            for step in np.unique(steps)
        ]

    def deliver(self, step: int) -> Floats:
        """Return the current at ``step``, ``(batch, out)`` or ``(batch, *shape)``; 0 for none."""
        total: Floats | None = None
        for delay, weight in self._parts:
            at = step - delay - self._late
            if at < 0:
                continue
            found = _weighted(self.connection, weight, self._sent[:, at])
            total = found if total is None else total + found
        return np.asarray(0.0) if total is None else total


def _weighted(connection: FloatConnection, weight: Floats, x: Floats) -> Floats:
    synapse = connection.synapse
    if not isinstance(synapse, FloatConv):
        return np.asarray(x.reshape(len(x), -1) @ weight.T)
    (high, wide) = synapse.padding
    pads = ((high, high), (wide, wide))
    bias = np.zeros(len(weight))
    geometry = (synapse.stride, pads, synapse.dilation, synapse.groups)
    return Convolution(weight, bias, *geometry).apply(x)
