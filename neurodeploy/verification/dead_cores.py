"""The cores of a placement as faults: each of them dead."""

from __future__ import annotations

import numpy as np

from neurodeploy.errors import OptionError
from neurodeploy.placement.box import Box, as_maps
from neurodeploy.placement.record import Placement
from neurodeploy.program import Program
from neurodeploy.sim.faults import DeadCore, Slice


def dead_cores(program: Program, placement: Placement) -> tuple[DeadCore, ...]:
    """Return one fault for every core in use, in the order of their numbers.

    Raises OptionError for the placement of another program.
    """
    if placement.digest != program.digest:
        raise OptionError(
            "dead cores: the placement is of another program; place this one, or give its own"
        )
    held: dict[int, list[Slice]] = {}
    for piece in placement.slices:
        shape = program.node(piece.population).shape
        held.setdefault(piece.core, []).extend(_slices(piece.population, piece.box, shape))
    return tuple(DeadCore(tuple(own)) for _, own in sorted(held.items()))


def _slices(population: str, box: Box, shape: tuple[int, ...]) -> list[Slice]:
    """Return the neurons of a box as runs of neurons in C,H,W order."""
    numbers = np.arange(np.prod(shape)).reshape(as_maps(shape))[box.slices].reshape(-1)
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [Slice(population, int(run[0]), int(run[-1]) + 1) for run in np.split(numbers, cuts)]
