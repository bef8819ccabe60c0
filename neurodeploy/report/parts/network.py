"""Network and training: populations, read-out, and how the weights came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.program import Population, Program, Readout
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Figure, Linear, Plot
from neurodeploy.results.outcome import Epoch, Outcome
from neurodeploy.run_folder import plain
from neurodeploy.sim.fanout import fan_out


@dataclass(frozen=True)
class InputRow:
    """One input of the program."""

    name: str
    shape: tuple[int, ...]
    message_bits: int


@dataclass(frozen=True)
class PopulationRow:
    """One population. parameters : name -> least and largest value."""

    number: int
    name: str
    shape: tuple[int, ...]
    neurons: int
    neuron: str
    parameters: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class ConnectionRow:
    """One connection. synapses : taps inside the border, zeros included."""

    name: str
    synapse: str
    synapses: int


@dataclass(frozen=True)
class Content:
    """The program, and its training where it was trained here."""

    digest: str
    inputs: tuple[InputRow, ...]
    populations: tuple[PopulationRow, ...]
    connections: tuple[ConnectionRow, ...]
    neurons: int
    readout: Readout
    metadata: Mapping[str, Any]
    training: Outcome | None
    history: tuple[Epoch, ...]

    @property
    def synapses(self) -> int:
        """Synapses of all connections."""
        return sum(row.synapses for row in self.connections)


def content(evidence: Evidence) -> Content:
    """Describe the program and its training."""
    program = evidence.program
    return Content(
        digest=program.digest,
        inputs=tuple(InputRow(n.name, n.shape, n.message_bits) for n in program.inputs),
        populations=tuple(_population(k, p) for k, p in enumerate(program.populations)),
        connections=_connections(program),
        neurons=program.neurons,
        readout=program.readout,
        metadata=program.metadata,
        training=evidence.result,
        history=evidence.history,
    )


def _population(number: int, population: Population) -> PopulationRow:
    neuron = population.neuron
    ranges = {
        name: (int(np.min(value)), int(np.max(value)))
        for name, value in neuron.having("decay", "threshold", "bias").items()
    }
    kind = type(neuron).__name__
    return PopulationRow(number, population.name, population.shape, population.size, kind, ranges)


def _connections(program: Program) -> tuple[ConnectionRow, ...]:
    return tuple(
        ConnectionRow(name, type(c.synapse).__name__, int(fan_out(program, k).taps.sum()))
        for k, (name, c) in enumerate(
            zip(program.connection_names, program.connections, strict=True)
        )
    )


def figures(content: Content) -> Mapping[str, Figure]:
    """Validation accuracy and loss over the epochs."""
    outcome = content.training
    if outcome is None or not content.history:
        return {}
    kept = outcome.epochs
    label = f"{outcome.data.tested('validation').label}; training seed {outcome.seed}"
    rates = [100 * row.validation_accuracy for row in content.history]
    accuracy = _curve(content.history, rates, "validation accuracy, %", "c0", min(rates))
    losses = [row.loss for row in content.history]
    loss = _curve(content.history, losses, "loss of the training", "c1", 0.0)
    caption = f"Validation accuracy over {kept.epochs} epochs; epoch {kept.best_epoch} was kept"
    told = f"from {rates[0]:.1f} to {rates[-1]:.1f} %"
    fell = f"from {losses[0]:.3g} to {losses[-1]:.3g}"
    name = "Loss over the epochs"
    return {
        "training": Figure(caption, told, accuracy.markup(caption, told), label),
        "loss": Figure(name, fell, loss.markup(name, fell), f"training seed {outcome.seed}"),
    }


def _curve(
    history: Sequence[Epoch], values: Sequence[float], title: str, colour: str, low: float
) -> Plot:
    x = [row.epoch for row in history]
    high = max(values)
    margin = 0.04 * ((high - low) or 1.0)
    axis = Linear(low - margin if low else 0.0, high + margin)
    across = Linear(min(x) - 0.5, max(x) + 0.5, whole=True)
    plot = Plot(200, across, axis, "epoch", title, left=62)
    plot.line(x, values, colour)
    tips = [f"epoch {a}: {b:.4g}" for a, b in zip(x, values, strict=True)]
    plot.points(x, values, colour, tips)
    return plot


def json(content: Content) -> Mapping[str, Any]:
    """The program, and the training with its history."""
    names = ("digest", "inputs", "populations", "connections", "neurons", "synapses", "metadata")
    readout = content.readout
    program = {name: plain(getattr(content, name)) for name in names}
    program["readout"] = {
        "population": readout.population,
        "variable": readout.variable,
        "window": readout.window,
        "pool": readout.pool,
    }
    training = None
    if content.training is not None:
        keys = ("name", "seed", "data", "encoder", "layers", "epochs", "versions")
        training = {key: plain(getattr(content.training, key)) for key in keys}
        training["history"] = plain(content.history)
    return {"program": program, "training": training}


PART = Part(content, template("network"), figures, json=json)
