"""Bounds: intervals that hold every state of a network, whatever input a box of inputs holds.

    found = bound(program, low, high, steps=8, timing="pipelined")
    found["hidden"].v.high          # (batch, 8, *shape), after each step
    found["hidden"].overflow["u"]   # (batch, *shape), may u leave 24 bits?

They are sound for every model, synapse and option of a Program, wraps and saturations included; a
tight bound where nothing overflows, a wide one where something may.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.bounds.forever import bound_forever
from neurodeploy.bounds.interval import Interval
from neurodeploy.bounds.record import Bounds, PopulationBounds
from neurodeploy.bounds.steps import bound_steps
from neurodeploy.errors import InputError, OptionError
from neurodeploy.memory import require
from neurodeploy.program import Program
from neurodeploy.sim.inputs import Data, columns
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Plan, prepare

__all__ = ["Bounds", "Interval", "PopulationBounds", "bound"]


def bound(
    network: Program | Plan,
    low: Data,
    high: Data,
    *,
    steps: int | None,
    extrema: bool = False,
    **options: Any,
) -> Bounds:
    """Bound every state of ``network`` from rest, for all inputs from ``low`` to ``high``.

    low, high : integers in the layouts of `neurodeploy.simulate`, one box per sample; a mapping by
    name where there are several inputs. One column stands for every step.
    steps : number of columns. None bounds any number of them, with resets at any time; any of the
    columns given may then come at any time.
    extrema : keep the hull over all steps alone, which takes less memory.
    options : timing, weights, reset_interval, reset_offset and input_bits of `simulate`, for a
    Program; a Plan has its own.

    Raises InputError where ``low`` exceeds ``high`` or the columns are not ``steps`` or one,
    OptionError for steps below 1, CapacityError where the intervals would not fit in memory.
    """
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise OptionError(f"steps is {steps!r}, expected a whole number, 1 or more, or None")
    plan = network if isinstance(network, Plan) else prepare(network, RunOptions(**options))
    boxes = _boxes(plan.program, low, high)
    if steps is None:
        return bound_forever(plan, [box.over_time() for box in boxes])
    for node, box in zip(plan.program.inputs, boxes, strict=True):
        if box.low.shape[1] not in (1, steps):
            raise InputError(
                f"input {node.name}: bounds have {box.low.shape[1]} columns, expected 1 or {steps}"
            )
    if not extrema:
        states = sum(len(p.neuron.variables) * p.size for p in plan.program.populations)
        require(
            16 * len(boxes[0].low) * steps * states,
            f"bounds of {steps} steps",
            "take the extrema alone, or fewer boxes at a time",
        )
    return bound_steps(plan, boxes, steps, extrema)


def _boxes(program: Program, low: Data, high: Data) -> list[Interval]:
    """Return the bounds of every input, ``(batch, columns, size)``, checked."""
    lower, upper = columns(program.inputs, low).arrays, columns(program.inputs, high).arrays
    boxes = []
    for node, start, end in zip(program.inputs, lower, upper, strict=True):
        if start.shape != end.shape:
            raise InputError(
                f"input {node.name}: low has shape {start.shape}, high {end.shape}, expected one "
                "shape"
            )
        if start.size == 0:
            raise InputError(f"input {node.name}: low has shape {start.shape}, expected values")
        empty = start > end
        if empty.any():
            at = tuple(int(i) for i in np.argwhere(empty)[0])
            raise InputError(
                f"input {node.name}: low is {start[at]} and high {end[at]} at {list(at)}, expected "
                "low <= high"
            )
        boxes.append(Interval(start.astype(np.int64), end.astype(np.int64)))
    return boxes
