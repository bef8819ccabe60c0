"""Resets that cannot do what was asked of them: said once, with the way out."""

from __future__ import annotations

from collections.abc import Iterator

from neurodeploy.equivalence import arrivals, listed
from neurodeploy.program import Program
from neurodeploy.sim.options import RunOptions


def reset_remarks(program: Program, options: RunOptions) -> Iterator[str]:
    """Yield what a user should know about the reset that ``options`` ask for, one line each.

    Neurons that no reset clears go on as they are, and a pipelined reset clears before or after
    the first data of a sample unless ``reset_offset`` is right.
    """
    interval = options.reset_interval
    if interval is None:
        return
    untouched = [p.name for p in program.populations if not p.neuron.resets]
    if untouched:
        yield (
            f"reset every {interval} steps: {listed(untouched, 'is', 'are')} not cleared by it, as "
            "in Lava; give samples with a batch axis to start each from rest"
        )
    if options.timing != "pipelined" or len(untouched) == len(program.populations):
        return
    found = arrivals(program)
    readout = found[program.readout.population]
    right = readout.lead - readout.depth
    if (options.reset_offset - right) % interval:
        yield (
            f"reset every {interval} steps: reset_offset={options.reset_offset} does not clear "
            f"when the first data of a sample arrive; use reset_offset={right}, or the last "
            "inputs of a sample count in the next"
        )
