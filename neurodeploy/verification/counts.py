"""Counts of a clean run as ``verify.json`` states them: means over the samples, and extremes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.program import Program
from neurodeploy.trace import NOT_OBSERVABLE, Activity


@dataclass(frozen=True)
class LayerActivity:
    """Events of an input or population, mean per sample.

    rate : spikes per neuron and step; of an input, events per value and step. u_wraps,
    v_saturations : sums over all samples; None where they were not counted (inputs, engines that
    cannot see them, older files).
    """

    name: str
    input: bool
    neurons: int
    events: float
    events_min: int
    events_max: int
    rate: float
    updates: int
    u_wraps: int | None = None
    v_saturations: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an input has no states that could overflow."""
        plain = asdict(self)
        if self.input:
            del plain["u_wraps"], plain["v_saturations"]
        return plain


@dataclass(frozen=True)
class ConnectionActivity:
    """Synaptic operations of a connection, mean per sample, in both conventions."""

    name: str
    source: str
    target: str
    taps: float
    nonzero: float


@dataclass(frozen=True)
class ActivityCounts:
    """Counts of a clean run."""

    steps: int
    samples: int
    layers: tuple[LayerActivity, ...]
    connections: tuple[ConnectionActivity, ...] = ()


def mean_counts(program: Program, activity: Activity) -> ActivityCounts:
    """Return the counts per layer and connection as means over the samples of ``activity``."""
    inputs = [
        _layer(node.name, node.size, activity.input_events[node.name], activity)
        for node in program.inputs
    ]
    populations = [
        _layer(
            p.name,
            p.size,
            activity.spikes[p.name],
            activity,
            (activity.u_wraps[p.name], activity.v_saturations[p.name]),
        )
        for p in program.populations
    ]
    connections = [
        ConnectionActivity(
            name=name,
            source=connection.source,
            target=connection.target,
            taps=float(activity.synops_taps[name].mean()),
            nonzero=float(activity.synops_nonzero[name].mean()),
        )
        for name, connection in zip(program.connection_names, program.connections, strict=True)
    ]
    layers = (*inputs, *populations)
    return ActivityCounts(activity.steps, activity.samples, layers, tuple(connections))


def _layer(
    name: str,
    size: int,
    events: NDArray[np.int64],
    activity: Activity,
    overflows: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> LayerActivity:
    """Return the counts of a node; overflows : of u and v, None for an input."""
    cells = size * activity.steps
    wraps, saturations = (None, None) if overflows is None else map(_observed, overflows)
    return LayerActivity(
        name=name,
        input=overflows is None,
        neurons=size,
        events=float(events.mean()),
        events_min=int(events.min()),
        events_max=int(events.max()),
        rate=float(events.mean()) / cells,
        updates=0 if overflows is None else cells,
        u_wraps=wraps,
        v_saturations=saturations,
    )


def _observed(counts: NDArray[np.int64]) -> int | None:
    return None if np.any(counts == NOT_OBSERVABLE) else int(counts.sum())
