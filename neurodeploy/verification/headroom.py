"""Headroom of the states: how far each stays from the width at which it overflows.

Per population and state two numbers, both of the sum before it wraps, folds or saturates:

* observed: the largest on the data. Of u, and of v before its reset where that can be seen,
  ``v' = tz(v[t-1] * (4096 - voltage_decay)) + u[t] + 64 * bias``; of other states as recorded.
* bound: the largest for any input with values between the smallest and the largest one seen, of
  samples as long as those seen that start from rest (`neurodeploy.bounds`).

A bound for samples from rest says nothing about a longer stream: ``for_ever`` tells whether the
overflow is impossible in any number of steps, resets or not. Headroom in bits is
``log2(2^23 / largest)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bounds import Bounds, bound
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import ModelError
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, M, tz, wrap
from neurodeploy.program import Population, Program
from neurodeploy.record import INT32_MAX
from neurodeploy.sim import compile
from neurodeploy.trace import LayerTrace

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
_BOUND_OPTIONS = ("timing", "weights", "reset_interval", "reset_offset", "input_bits")


@dataclass(frozen=True)
class Assumption:
    """What a bound holds for.

    steps : columns, counted from rest. low, high : of every input value in every column; both
    include 0, the value between samples. refusal : why there is no bound at all, empty where there
    is one.
    """

    steps: int
    low: int
    high: int
    refusal: str = ""

    def __str__(self) -> str:
        if self.refusal:
            return f"no bounds: {self.refusal}"
        return f"from rest, {self.steps} steps, inputs {self.low} to {self.high}"


@dataclass(frozen=True)
class StateHeadroom:
    """One state of one population, or a port whose sums may wrap.

    observed : largest magnitude on the data, None where none is recorded. bound : largest before
    its limits under `Assumption`, None where there is none. limit : what the width holds.
    overflows : neuron-steps in which it overflowed, None where that is not counted. possible :
    whether some input may make it overflow under `Assumption`. for_ever : the same in any number of
    steps.
    """

    state: str
    observed: int | None
    bound: int | None
    limit: int
    overflows: int | None
    possible: bool
    for_ever: bool

    @property
    def verdict(self) -> str:
        """``"seen"``, ``"possible"``, ``"impossible"`` from rest, or ``"never"``, however long."""
        if self.overflows:
            return "seen"
        if self.possible:
            return "possible"
        return "impossible" if self.for_ever else "never"


@dataclass(frozen=True)
class OverflowRow:
    """One row of the overflow verdicts; fields as in `StateHeadroom`.

    assumes : what bound and verdict hold for, in words; ``"never"`` holds for longer streams too.
    """

    population: str
    state: str
    bound: int | None
    observed: int | None
    limit: int
    overflows: int | None
    verdict: str
    assumes: str


@dataclass(frozen=True)
class Headroom:
    """Headroom of one population.

    v_before_reset : False where v could be seen after the reset only, None without a v.
    """

    population: str
    states: tuple[StateHeadroom, ...]
    assumes: Assumption
    v_before_reset: bool | None = None

    def state(self, name: str) -> StateHeadroom | None:
        """Return that state, None where the population has none of that name."""
        return next((entry for entry in self.states if entry.state == name), None)

    @property
    def has_current(self) -> bool:
        """Whether the population is of the CUBA family, with u and v."""
        return self.state("u") is not None

    @property
    def proven(self) -> bool:
        """Whether nothing in the population can overflow under `Assumption`."""
        return not self.assumes.refusal and not any(entry.possible for entry in self.states)

    def rows(self) -> Iterator[OverflowRow]:
        """Yield one row per state."""
        for entry in self.states:
            yield OverflowRow(
                population=self.population,
                state=entry.state,
                bound=entry.bound,
                observed=entry.observed,
                limit=entry.limit,
                overflows=entry.overflows,
                verdict=entry.verdict,
                assumes=str(self.assumes),
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, of u and v; for populations of the CUBA family."""
        found: dict[str, Any] = {"population": self.population}
        for name, overflows in (("u", "u_wraps"), ("v", "v_saturations")):
            entry = self.state(name)
            if entry is None:
                raise ValueError(f"population {self.population} has no state {name}")
            found |= {
                f"{name}_largest": entry.observed,
                f"{name}_bound": entry.bound,
                overflows: entry.overflows,
                f"{name}_bits": 0.0 if entry.overflows else bits(entry.observed or 0),
                f"{name}_bound_bits": None if entry.bound is None else bits(entry.bound),
            }
        return {
            **found,
            "v_before_reset": self.v_before_reset,
            "proven": self.proven,
            "proven_for_ever": self.proven and not any(entry.for_ever for entry in self.states),
            "assumes": asdict(self.assumes),
        }


def bits(largest: int) -> float:
    """Return ``log2(2^23 / largest)``, at most 23 (for 0) and negative beyond the limit."""
    return math.log2(M / max(largest, 1))


def headroom(
    program: Program, data: Presentation, *, run: Mapping[str, Any] | None = None
) -> tuple[Headroom, ...]:
    """Measure and bound the headroom of every population of ``program`` on ``data``.

    run : options of `neurodeploy.compile`, such as timing or engine.
    """
    options = dict(run or {})
    recorded = {p.name: _observable(p) for p in program.populations}
    simulator = compile(program, **{**options, "record": recorded})
    found = {p.name: _Largest(p, _reconstructs(program, p, options)) for p in program.populations}
    low, high, steps = 0, 0, 0
    for rows in data.chunks(program, variables=4):
        columns = data.columns(rows)
        steps = options.get("steps") or columns.shape[1]
        low, high = min(low, int(columns.min(initial=0))), max(high, int(columns.max(initial=0)))
        trace = simulator.run(columns)
        for name, own in found.items():
            own.see(trace[name])
            for counter in own.overflows:
                own.overflows[counter] += int(getattr(trace.activity, counter)[name].sum())
    assumes = Assumption(steps, low, high)
    try:
        some, ever = (_bounds(program, assumes, n, options) for n in (steps, None))
    except ModelError as error:
        assumes = replace(assumes, refusal=str(error))
        return tuple(_unbounded(own, assumes) for own in found.values())
    return tuple(_headroom(own, assumes, some, ever) for own in found.values())


def _bounds(
    program: Program, assumes: Assumption, steps: int | None, options: Mapping[str, Any]
) -> Bounds:
    """Bound the program for every input of the range, in that many steps."""
    ends = [
        {node.name: np.full((1, 1, node.size), end).reshape(1, 1, *node.shape) for node in inputs}
        for inputs, end in ((program.inputs, assumes.low), (program.inputs, assumes.high))
    ]
    chosen = {name: options[name] for name in _BOUND_OPTIONS if name in options}
    return bound(program, *ends, steps=steps, extrema=True, **chosen)


def _observable(population: Population) -> tuple[str, ...]:
    return tuple(name for name in population.neuron.variables if name in LIMITS)


@dataclass
class _Largest:
    """What was seen of one population."""

    population: Population
    exact: bool
    states: dict[str, int] = field(default_factory=dict)
    overflows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = dict.fromkeys(_observable(self.population), 0)
        self.overflows = {COUNTED[name]: 0 for name in self.states if name in COUNTED}

    @property
    def before_reset(self) -> bool | None:
        """Whether v was seen before its reset; None without a v."""
        return self.exact if "v" in self.states else None

    def state(
        self, name: str, bound: int | None, *, possible: bool, for_ever: bool
    ) -> StateHeadroom:
        """Return one state, or a port of that name, with what was seen of it."""
        return StateHeadroom(
            state=name,
            observed=self.states.get(name),
            bound=bound,
            limit=LIMITS.get(name, INT32_MAX),
            overflows=self.overflows.get(COUNTED.get(name, "")),
            possible=possible,
            for_ever=for_ever,
        )

    def see(self, layer: LayerTrace) -> None:
        """Take in the recorded states, ``(batch, steps, *shape)``."""
        for name in self.states:
            values = getattr(layer, name).astype(np.int64)
            if name == "v" and self.exact:
                values = before_reset(self.population, layer.u, layer.v)
            self.states[name] = max(self.states[name], int(np.abs(values).max(initial=0)))


def before_reset(population: Population, u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.int64]:
    """Return v before saturation and reset: ``tz(v[t-1] * kv) + u[t] + 64 * bias``.

    v[-1] is ``initial``.
    """
    neuron: Any = population.neuron
    if not {"u", "v"} <= set(neuron.states):
        raise TypeError(f"population {population.name} is not of the CUBA family")
    keep = DECAY_ONE - neuron.voltage_decay.astype(np.int64)
    bias = UNIT * wrap(neuron.bias.astype(np.int64), BIAS_BITS)
    earlier = np.empty_like(v, dtype=np.int64)
    earlier[:, :1], earlier[:, 1:] = neuron.initial, v[:, :-1]
    return np.asarray(tz(earlier * keep) + u + bias, dtype=np.int64)


def _reconstructs(program: Program, population: Population, options: Mapping[str, Any]) -> bool:
    """Whether v before the reset follows from recorded u and v alone."""
    incoming = [c for c in program.connections if c.target == population.name]
    plain = getattr(population.neuron, "gain", None) is None
    return plain and options.get("reset_interval") is None and all(c.port == "a" for c in incoming)


def _headroom(own: _Largest, assumes: Assumption, some: Bounds, ever: Bounds) -> Headroom:
    """Put together what was seen and what is bound; a port appears where its sums may wrap."""
    bounds, longer = some[own.population.name], ever[own.population.name].overflow
    states = [
        own.state(
            state,
            bounds.largest(state) if state in bounds.wide else None,
            possible=bool(flags.any()),
            for_ever=bool(longer[state].any()),
        )
        for state, flags in bounds.overflow.items()
        if state in own.states or longer[state].any()
    ]
    return Headroom(own.population.name, tuple(states), assumes, own.before_reset)


def _unbounded(own: _Largest, assumes: Assumption) -> Headroom:
    """Return what was seen alone, where a model has no bounds: nothing is ruled out."""
    states = [own.state(name, None, possible=True, for_ever=True) for name in own.states]
    return Headroom(own.population.name, tuple(states), assumes, own.before_reset)
