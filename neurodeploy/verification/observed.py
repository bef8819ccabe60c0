"""The largest value of each state on data, run as they are judged: from rest, or in one stream.

Of u as recorded; of v before its reset where that follows from what is recorded,
``v' = tz(v[t-1] * (4096 - voltage_decay)) + u[t] + 64 * bias``; of other states as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe, Runner
from neurodeploy.data.presentation import Presentation
from neurodeploy.equivalence import Arrival, arrivals
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, M, tz, wrap
from neurodeploy.program import Population, Program
from neurodeploy.record import INT32_MAX
from neurodeploy.trace import Activity

UNIT = 1 << MANTISSA_SHIFT
"""Value in u and v of one unit of current, bias or threshold."""
LIMITS = {
    "u": M,
    "v": M - 1,
    "re": M - 1,
    "im": M - 1,
    "sigma": INT32_MAX,
    "act": INT32_MAX,
    "bias": (1 << (BIAS_BITS - 1)) - 1,
}
"""Largest value of each state; beyond it u is folded back, v, re and im saturate, others wrap."""
COUNTED = {"u": "u_wraps", "v": "v_saturations", "re": "v_saturations", "im": "v_saturations"}
"""State -> which counter of an `Activity` sees its overflows; those of re and im are one."""


@dataclass(frozen=True)
class Seen:
    """What was seen of every population. low, high : of the input values; both include 0."""

    populations: tuple[Observed, ...]
    low: int
    high: int


@dataclass
class Observed:
    """The largest magnitudes of one population.

    exact : whether v can be seen before its reset. largest : by state. overflows : neuron-steps, by
    counter of an `Activity`.
    """

    population: Population
    exact: bool
    largest: dict[str, int] = field(default_factory=dict)
    overflows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.largest = dict.fromkeys(_observable(self.population), 0)
        self.overflows = {COUNTED[name]: 0 for name in self.largest if name in COUNTED}

    @property
    def before_reset(self) -> bool | None:
        """Whether v was seen before its reset; None without a v."""
        return self.exact if "v" in self.largest else None

    def overflows_of(self, state: str) -> int | None:
        """Return the neuron-steps in which a state overflowed, None where they are not counted."""
        return self.overflows.get(COUNTED.get(state, ""))

    def see(self, arrays: Mapping[str, NDArray[Any]], activity: Activity) -> None:
        """Take in recorded variables, ``(samples, T, *shape)``, and counts of the same samples."""
        for name in self.largest:
            values = arrays[name].astype(np.int64)
            if name == "v" and self.exact:
                values = before_reset(self.population, arrays["u"], values)
            self.largest[name] = max(self.largest[name], int(np.abs(values).max(initial=0)))
        for counter in self.overflows:
            counts = getattr(activity, counter)[self.population.name]
            self.overflows[counter] += int(counts.sum())


def observe(program: Program, data: Presentation, recipe: Recipe) -> Seen:
    """Run ``data`` by ``recipe`` and return the largest values of every state."""
    recorded = {p.name: _observable(p) for p in program.populations}
    found = arrivals(program)
    seen = [
        Observed(p, _reconstructs(program, p, recipe, found[p.name])) for p in program.populations
    ]
    low, high = 0, 0
    for piece in Runner(program, recipe, record=recorded).run(data):
        low = min(low, int(piece.columns.min(initial=0)))
        high = max(high, int(piece.columns.max(initial=0)))
        for own in seen:
            own.see(piece.arrays.get(own.population.name, {}), piece.activity)
    return Seen(tuple(seen), low, high)


def before_reset(population: Population, u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.int64]:
    """Return v before saturation and reset: ``tz(v[t-1] * kv) + u[t] + 64 * bias``.

    u, v : ``(samples, T, *shape)`` of a population of the CUBA family; v[-1] is ``initial``.
    """
    neuron: Any = population.neuron
    if neuron.family != "cuba":
        raise TypeError(f"population {population.name} is not of the CUBA family")
    keep = DECAY_ONE - neuron.voltage_decay.astype(np.int64)
    bias = UNIT * wrap(neuron.bias.astype(np.int64), BIAS_BITS)
    earlier = np.empty_like(v, dtype=np.int64)
    earlier[:, :1], earlier[:, 1:] = neuron.initial, v[:, :-1]
    return np.asarray(tz(earlier * keep) + u + bias, dtype=np.int64)


def _observable(population: Population) -> tuple[str, ...]:
    return tuple(name for name in population.neuron.variables if name in LIMITS)


def _reconstructs(
    program: Program, population: Population, recipe: Recipe, arrival: Arrival
) -> bool:
    """Whether v before the reset follows from recorded u and v alone.

    The states before the first column of a sample must be those at rest: of samples on their own,
    or where a reset of the stream clears the population when its first data arrive.
    """
    incoming = [c for c in program.connections if c.target == population.name]
    plain = getattr(population.neuron, "gain", None) is None
    if not plain or any(c.port != "a" for c in incoming):
        return False
    if not recipe.streamed:
        return recipe.reset_interval is None
    late = recipe.reset_offset + arrival.depth - arrival.lead
    return recipe.reset_interval == recipe.steps and late % recipe.steps == 0
