"""When a stream on the chip gives the answers of samples run one by one in aligned time.

Aligned, every sample starts from rest and a forward connection delivers in the same step. On the
chip (pipelined) samples follow one another in one stream, a connection takes a step, and a reset
clears population k when its first data of a sample arrive. Both give the same answers, each
population looked at from its own first data column, for programs that are feed-forward, without
delays, with paths of equal length to every population, thresholds >= 0, and neurons that a reset
clears. Everything else must be run as the stream that it is.

Without a reset between the samples the two times agree, as two streams, when in addition no bias
and no ``initial`` acts before the data do; neurons that no reset clears are then no obstacle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.program import Connection, Program
from neurodeploy.record import Kind


@dataclass(frozen=True)
class Equivalence:
    """What is known about aligned samples and the pipelined stream of a program.

    holds : whether samples that start from rest and the stream, reset once per sample, are known
    to give the same answers. reset_offset : of that reset, interval = columns of a sample; the
    recommended one where nothing is known. needs_reset : whether even the first sample differs
    without it. reason : one sentence, why or why not.
    """

    holds: bool
    reset_offset: int
    needs_reset: bool
    reason: str


@dataclass(frozen=True)
class Arrival:
    """When data reach a population in pipelined time.

    depth : populations on the longest forward path before it. leads : columns in which its first
    data arrive, one for each path of another length.
    """

    depth: int
    leads: frozenset[int]

    @property
    def lead(self) -> int:
        """The first column with data."""
        return min(self.leads)


def arrivals(program: Program) -> dict[str, Arrival]:
    """Return the `Arrival` of every population; delays and feedback are left out."""
    found: dict[str, Arrival] = {}
    for population in program.populations:
        leads, depth = set[int](), 0
        for connection in forward_into(program, population.name):
            source = found.get(connection.source, Arrival(-1, frozenset((0,))))
            leads |= {lead + latency(connection) for lead in source.leads}
            depth = max(depth, source.depth + 1)
        found[population.name] = Arrival(depth, frozenset(leads or {0}))
    return found


def latency(connection: Connection) -> int:
    """Return the steps that a connection takes in pipelined time, its delays left out."""
    return connection.synapse.latency


def forward_into(program: Program, name: str) -> list[Connection]:
    """Return the connections into a population that are no feedback."""
    return [c for c in program.connections if c.target == name and not c.feedback]


def equivalence(program: Program) -> Equivalence:
    """Decide what is known about ``program``; see the module for the theorem.

    Source: this project; tested on random programs, with a counter-example to each condition.
    """
    found = arrivals(program)
    readout = found[program.readout.population]
    offset = readout.lead - readout.depth
    early = _acts_before_data(program)
    for reason in (
        _recurrent(program),
        _delayed(program),
        _unequal(found),
        _uncleared(program),
        _below_zero(program),
    ):
        if reason:
            return Equivalence(False, offset, True, reason)
    if early:
        reason = (
            f"{early}, before the first data: aligned and pipelined agree on a stream with reset "
            f"interval = columns of a sample and offset {offset}"
        )
        return Equivalence(True, offset, True, reason)
    return Equivalence(
        True,
        offset,
        False,
        "feed-forward without delays and biases: aligned and pipelined agree, each population "
        "from its own first data column on",
    )


def _recurrent(program: Program) -> str:
    names = sorted({c.target for c in program.connections if c.feedback})
    return _survives(names, "is recurrent", "are recurrent")


def _delayed(program: Program) -> str:
    names = {c.target for c in program.connections if c.synapse.max_delay}
    return _survives(sorted(names), "is delayed", "are delayed")


def _survives(names: list[str], one: str, many: str) -> str:
    if not names:
        return ""
    return f"{listed(names, one, many)}: currents in flight survive a reset"


def _unequal(found: dict[str, Arrival]) -> str:
    uneven = [name for name, arrival in found.items() if len(arrival.leads) > 1]
    if uneven:
        text = listed(uneven, "is reached over paths", "are reached over paths")
        return f"{text} of different length, on which samples mix"
    if len({arrival.lead - arrival.depth for arrival in found.values()}) > 1:
        return "no reset offset fits all populations: some are reached without a synapse"
    return ""


def _uncleared(program: Program) -> str:
    names = [p.name for p in program.populations if not p.neuron.resets]
    if not names:
        return ""
    text = listed(names, "is not cleared", "are not cleared")
    return f"{text} by a reset: a sample begins in the state that the one before left"


def _below_zero(program: Program) -> str:
    names = [
        p.name
        for p in program.populations
        if p.neuron.spikes and any(np.any(v < 0) for v in p.neuron.having("threshold").values())
    ]
    if not names:
        return ""
    return f"{listed(names, 'spikes', 'spike')} without input: a threshold is below 0"


_EARLY: tuple[Kind, ...] = ("bias", "initial")


def _acts_before_data(program: Program) -> str:
    """Return which populations move before their first data, by a bias or ``initial``."""
    biased, started = (
        [p.name for p in program.populations if any(map(np.any, p.neuron.having(kind).values()))]
        for kind in _EARLY
    )
    parts = []
    if biased:
        parts.append(f"{listed(biased, 'has biases', 'have biases')} that act")
    if started:
        parts.append(listed(started, "starts above or below 0", "start above or below 0"))
    return " and ".join(parts)


def listed(names: Sequence[str], one: str, many: str) -> str:
    """Return ``names`` with the verb that fits their number, three of them at most by name."""
    shown = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    text = ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1]
    return f"{text} {one if len(names) == 1 else many}"
