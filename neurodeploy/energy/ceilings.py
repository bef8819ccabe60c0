"""The most events of one inference: trivially, or as a certificate bounds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurodeploy.energy.counts import Counts, bounded_by, most_possible
from neurodeploy.errors import InputError
from neurodeploy.program import Program


@dataclass(frozen=True)
class Ceiling:
    """Bounds of the events of one inference.

    basis : for which data they hold, one sentence. spikes : by population. synops : by connection,
    every tap inside the border; those of weights other than 0 are no more.
    """

    basis: str
    spikes: Mapping[str, int]
    synops: Mapping[str, int]

    def counts(self, program: Program, steps: int, convention: str) -> Counts:
        """Return the bounds as counts of one sample, none of them above the trivial one.

        Updates are those of every neuron in every step, input events those of every value.

        Raises InputError for bounds of another program, or below 0.
        """
        for what, table, names in (
            ("populations", self.spikes, program.names),
            ("connections", self.synops, program.connection_names),
        ):
            if set(table) != set(names):
                raise InputError(
                    f"ceiling: bounds the {what} {', '.join(sorted(table)) or 'none'}, the program "
                    f"has {', '.join(sorted(names))}"
                )
            for name, bound in table.items():
                if bound < 0:
                    raise InputError(f"ceiling: {name} is {bound}, expected 0 or more")
        most = most_possible(program, steps, convention)
        spikes = {name: np.array([bound]) for name, bound in self.spikes.items()}
        synops = {name: np.array([bound]) for name, bound in self.synops.items()}
        return bounded_by(program, most, spikes, synops)
