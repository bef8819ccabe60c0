"""Clocked chips of one core, whose maker counts cycles: those of an inference, and its time.

    cycles = steps * (input * Nin + hidden neuron * Nhid + output neuron * Nout)
           + input synapse * Sin + hidden synapse * Shid + output synapse * Sout

N are values and neurons, S synaptic operations: from inputs, into neurons that are not read, into
those that are. The cycles of each come from the profile; t = cycles / clock, with a fifth more at
the upper end, the margin that the maker advises.

Source: the cycle model of Rockpool 3.x for Xylo, without the terms for aliases.
"""

from __future__ import annotations

from neurodeploy.mapping.record import Span
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.sim.fanout import fan_out
from neurodeploy.trace import Activity

MARGIN = 1.2
KEYS = (
    "cycles_per_input",
    "cycles_per_hidden_neuron",
    "cycles_per_output_neuron",
    "cycles_per_input_synapse_event",
    "cycles_per_hidden_synapse_event",
    "cycles_per_output_synapse_event",
)


def counts_cycles(profile: ChipProfile) -> bool:
    """Whether the profile states the cycles of everything that takes some."""
    return all(profile.timing.quantity(key) is not None for key in KEYS)


def cycles(program: Program, profile: ChipProfile, steps: int, activity: Activity | None) -> Span:
    """Return the cycles of an inference: least, mean and most of the samples; without counts, those
    of a program in which everything sends in every step."""
    read = program.readout.population
    amounts = {
        "cycles_per_input": float(steps * sum(node.size for node in program.inputs)),
        "cycles_per_hidden_neuron": float(
            steps * sum(p.size for p in program.populations if p.name != read)
        ),
        "cycles_per_output_neuron": float(
            steps * sum(p.size for p in program.populations if p.name == read)
        ),
    }
    fixed = sum(_each(profile, key) * amount for key, amount in amounts.items())
    total = Span(fixed, fixed, fixed)
    for number, name in enumerate(program.connection_names):
        cost = _each(profile, _synapse(program, number, read))
        if activity is None:
            most = float(steps * fan_out(program, number).nonzero.sum())
            found = Span(most, most, most)
        else:
            counts = activity.synops_nonzero[name]
            found = Span(float(counts.min()), float(counts.mean()), float(counts.max()))
        total = Span(
            total.low + cost * found.low,
            total.mid + cost * found.mid,
            total.high + cost * found.high,
        )
    return total


def _synapse(program: Program, number: int, read: str) -> str:
    """Return the key of what an operation of a connection costs."""
    connection = program.connections[number]
    if connection.target == read:
        return "cycles_per_output_synapse_event"
    inside = connection.source in program.names
    return f"cycles_per_{'hidden' if inside else 'input'}_synapse_event"


def _each(profile: ChipProfile, key: str) -> float:
    quantity = profile.timing.quantity(key)
    return 0.0 if quantity is None else quantity.bounds[1]


def clocked_us(
    program: Program,
    profile: ChipProfile,
    steps: int,
    activity: Activity | None,
    period_us: float,
) -> tuple[Span | None, str]:
    """Return (time of an inference, what bounds it), or (None, the clock that would be enough)."""
    found = cycles(program, profile, steps, activity)
    clock = profile.timing.quantity("clock_hz")
    if clock is None:
        enough = found.high * MARGIN / period_us
        return None, (
            f"profile {profile.name} has no timing.clock_hz; {found.high:,.0f} cycles an inference "
            f"and a fifth more ask for a clock of {enough:,.3g} MHz"
        )
    low, mid, high = clock.bounds
    time = Span(found.low / high * 1e6, found.mid / mid * 1e6, found.high * MARGIN / low * 1e6)
    return time, "the cycles of the core"
