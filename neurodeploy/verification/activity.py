"""What a network does on a data set: exact counts of every sample, and its accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodeploy.accuracy import Accuracy, predictions, scores
from neurodeploy.data.presentation import Presentation
from neurodeploy.program import Program
from neurodeploy.sim import compile
from neurodeploy.trace import COUNT_NAMES, Activity


def measure_activity(
    program: Program, data: Presentation, *, run: Mapping[str, Any] | None = None
) -> tuple[Activity, Accuracy]:
    """Run ``program`` over ``data`` and return its counts, one entry per sample, and accuracy.

    run : options of `neurodeploy.compile`, such as timing or engine.
    """
    simulator = compile(program, **{**dict(run or {}), "record": ()})
    parts, predicted = [], []
    for rows in data.chunks(program):
        trace = simulator.run(data.columns(rows))
        parts.append(trace.activity)
        predicted.append(predictions(scores(program, trace)))
    return concatenated(parts), Accuracy.of(np.concatenate(predicted), data.y)


def concatenated(parts: Sequence[Activity]) -> Activity:
    """Return the counts of several batches of the same program as those of one batch."""
    tables = {
        name: {
            key: np.concatenate([getattr(part, name)[key] for part in parts])
            for key in getattr(parts[0], name)
        }
        for name in COUNT_NAMES
    }
    return Activity(steps=parts[0].steps, samples=sum(part.samples for part in parts), **tables)


def summary(program: Program, activity: Activity) -> dict[str, Any]:
    """Return the counts per layer and connection as means over the samples, ready for JSON.

    rate : spikes per neuron and step; of an input, events per value and step.
    """
    sources = [
        _node(node.name, node.size, activity.input_events[node.name], activity, True)
        for node in program.inputs
    ] + [
        _node(p.name, p.size, activity.spikes[p.name], activity, False) for p in program.populations
    ]
    connections = [
        {
            "name": name,
            "source": connection.source,
            "target": connection.target,
            "taps": float(activity.synops_taps[name].mean()),
            "nonzero": float(activity.synops_nonzero[name].mean()),
        }
        for name, connection in zip(program.connection_names, program.connections, strict=True)
    ]
    return {
        "steps": activity.steps,
        "samples": activity.samples,
        "layers": sources,
        "connections": connections,
    }


def _node(name: str, size: int, events: Any, activity: Activity, is_input: bool) -> dict[str, Any]:
    cells = size * activity.steps
    return {
        "name": name,
        "input": is_input,
        "neurons": size,
        "events": float(events.mean()),
        "events_min": int(events.min()),
        "events_max": int(events.max()),
        "rate": float(events.mean()) / cells,
        "updates": 0 if is_input else cells,
    }
