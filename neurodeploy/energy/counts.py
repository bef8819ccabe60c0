"""The counts that are charged: of an `Activity`, of a measured case, or the most possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError
from neurodeploy.program import Connection, Input, Program
from neurodeploy.sim.fanout import fan_out
from neurodeploy.trace import NOT_OBSERVABLE, Activity

if TYPE_CHECKING:
    from neurodeploy.energy.placed import Placed

PerSample = NDArray[Any]
"""int64 ``(samples,)``; float64 where it is a mean."""
EVENTS = ("updates", "spikes", "synops_dense", "synops_conv")


@dataclass(frozen=True)
class LayerCounts:
    """One population, or some of one kind, and its events per inference, ``(samples,)`` each.

    neurons : of one copy. fan_in : most synapses into one neuron. targets : for each population
    that it sends to, (its neurons, most synapses of one source neuron). synops_dense,
    synops_conv : arriving over matrices and over shared kernels. active : updates of neurons that
    are not at rest, None where they were not told apart.
    """

    name: str
    neurons: int
    fan_in: int
    targets: tuple[tuple[int, int], ...]
    copies: int
    updates: PerSample
    spikes: PerSample
    synops_dense: PerSample
    synops_conv: PerSample
    active: PerSample | None = None

    @property
    def synops(self) -> PerSample:
        """All synaptic operations that arrive."""
        return self.synops_dense + self.synops_conv


@dataclass(frozen=True)
class Counts:
    """Events per inference, layer by layer.

    steps : columns of one inference. placed : what the cores do, where the network is placed.
    """

    steps: float
    layers: tuple[LayerCounts, ...]
    input_events: PerSample
    placed: Placed | None = None

    @property
    def samples(self) -> int:
        """Number of inferences counted."""
        return len(self.input_events)

    def total(self, name: str) -> PerSample:
        """Return updates, spikes, synops, synops_dense or synops_conv of all layers."""
        return np.asarray(np.sum([getattr(layer, name) for layer in self.layers], axis=0))

    @property
    def active(self) -> PerSample | None:
        """Active updates of all layers, None where they were not told apart."""
        found = [layer.active for layer in self.layers if layer.active is not None]
        return np.asarray(np.sum(found, axis=0)) if len(found) == len(self.layers) else None

    def shared(self, inferences: int) -> Counts:
        """Return the counts of one of several inferences that each sample holds: the mean."""
        layers = [
            replace(
                layer,
                **{
                    name: getattr(layer, name) / inferences
                    for name in (*EVENTS, *(() if layer.active is None else ("active",)))
                },
            )
            for layer in self.layers
        ]
        return Counts(self.steps / inferences, tuple(layers), self.input_events / inferences)

    def of(self, layer: LayerCounts) -> Counts:
        """Return the same with one layer alone, and no input; placed, without its messages."""
        placed = None if self.placed is None else self.placed.without_messages()
        return Counts(self.steps, (layer,), np.zeros_like(self.input_events), placed)


def counted(
    program: Program,
    activity: Activity,
    convention: str,
    active: Mapping[str, PerSample] | None = None,
) -> Counts:
    """Return the counts of ``activity``; ``convention`` is ``"taps"`` or ``"nonzero"``.

    active : active updates of each population, see `neurodeploy.energy.active`.

    Raises InputError when the activity belongs to another program, holds no step, or comes from
    an engine that cannot count what is needed, and for active updates that do not fit it.
    """
    _check(program, activity)
    if active is not None:
        _check_active(activity, active)
    synops = activity.synops_taps if convention == "taps" else activity.synops_nonzero
    return Counts(
        steps=activity.steps,
        layers=_layers(program, activity.updates, activity.spikes, synops, active),
        input_events=_sum(
            [
                np.zeros(activity.samples, np.int64),
                *(_seen(activity.input_events, node.name) for node in sent_inputs(program)),
            ]
        ),
    )


def most_possible(program: Program, steps: int, convention: str) -> Counts:
    """Return the trivial upper bound: every input and every neuron sends in every step.

    ``P = neurons * T``; ``S = T * sum over connections of all fan-outs``. One sample.
    """
    synops = {}
    for index, name in enumerate(program.connection_names):
        fan = fan_out(program, index)
        synops[name] = np.array([(fan.taps if convention == "taps" else fan.nonzero).sum() * steps])
    neurons = {p.name: np.array([p.size * steps]) for p in program.populations}
    events = np.array([steps * sum(node.size for node in sent_inputs(program))], np.int64)
    return Counts(steps, _layers(program, neurons, neurons, synops), events)


def bounded_by(
    program: Program,
    most: Counts,
    spikes: Mapping[str, PerSample],
    synops: Mapping[str, PerSample],
) -> Counts:
    """Return ``most`` with spikes and operations no larger than these bounds, one sample."""
    updates = {layer.name: layer.updates for layer in most.layers}
    layers = _layers(program, updates, spikes, synops)
    tighter = [
        replace(
            new,
            spikes=np.minimum(new.spikes, old.spikes),
            synops_dense=np.minimum(new.synops_dense, old.synops_dense),
            synops_conv=np.minimum(new.synops_conv, old.synops_conv),
        )
        for new, old in zip(layers, most.layers, strict=True)
    ]
    return Counts(most.steps, tuple(tighter), most.input_events)


def sent_inputs(program: Program) -> tuple[Input, ...]:
    """Return the inputs that send events over synapses; one that sets biases sends none."""
    sources = {c.source for c in program.connections if c.synapse.layout is not None}
    return tuple(node for node in program.inputs if node.name in sources)


def _layers(
    program: Program,
    updates: Mapping[str, PerSample],
    spikes: Mapping[str, PerSample],
    synops: Mapping[str, PerSample],
    active: Mapping[str, PerSample] | None = None,
) -> tuple[LayerCounts, ...]:
    named = list(zip(program.connection_names, program.connections, strict=True))
    fans = {name: fan_out(program, index) for index, (name, _) in enumerate(named)}
    layers = []
    for population in program.populations:
        name = population.name
        arriving = [(key, c) for key, c in named if c.target == name]
        leaving = [(key, c) for key, c in named if c.source == name]
        nothing = np.zeros_like(updates[name])
        dense, conv = (
            _sum([nothing, *(_seen(synops, key) for key, c in arriving if _is_conv(c) == wanted)])
            for wanted in (False, True)
        )
        layers.append(
            LayerCounts(
                name=name,
                neurons=population.size,
                fan_in=sum(_fan_in(c) for _, c in arriving),
                targets=tuple(
                    (program.node(c.target).size, int(fans[key].taps.max())) for key, c in leaving
                ),
                copies=1,
                updates=_seen(updates, name),
                spikes=_seen(spikes, name),
                synops_dense=dense,
                synops_conv=conv,
                active=None if active is None else active[name],
            )
        )
    return tuple(layers)


def _is_conv(connection: Connection) -> bool:
    return connection.synapse.layout == "kernel"


def _fan_in(connection: Connection) -> int:
    """Return the synapses into one neuron: weights of one row, of one output channel, or none."""
    weight = getattr(connection.synapse, "weight", None)
    return 0 if weight is None else int(np.prod(weight.shape[1:]))


def _seen(table: Mapping[str, PerSample], name: str) -> PerSample:
    if np.any(np.asarray(table[name]) == NOT_OBSERVABLE):
        raise InputError(
            f"activity: {name} could not be counted by the engine of that run; "
            "run the native or reference engine"
        )
    return table[name]


def _sum(arrays: list[PerSample]) -> PerSample:
    return np.asarray(np.sum(arrays, axis=0))


def _check(program: Program, activity: Activity) -> None:
    if activity.steps < 1 or activity.samples < 1:
        raise InputError(
            f"activity: has {activity.steps} steps and {activity.samples} samples, "
            "expected at least one of each"
        )
    for what, table, names in (
        ("populations", activity.updates, program.names),
        ("connections", activity.synops_taps, program.connection_names),
    ):
        if set(table) != set(names):
            raise InputError(
                f"activity: counts the {what} {', '.join(sorted(table)) or 'none'}, the program "
                f"has {', '.join(sorted(names))}; use the activity of a run of this program"
            )


def _check_active(activity: Activity, active: Mapping[str, PerSample]) -> None:
    if set(active) != set(activity.updates):
        raise InputError(
            f"active updates: are of {', '.join(sorted(active)) or 'none'}, the activity of "
            f"{', '.join(sorted(activity.updates))}"
        )
    for name, counts in active.items():
        updates = activity.updates[name]
        if counts.shape != updates.shape or np.any((counts < 0) | (counts > updates)):
            raise InputError(
                f"active updates: those of {name} do not fit its {int(updates.max())} updates in "
                f"each of {activity.samples} samples"
            )
