"""Headroom of the states: how far each stays from the width at which it overflows.

Per population and state two numbers, both of the sum before it wraps, folds or saturates:

* observed: the largest on the data, run as they are judged (`neurodeploy.verification.observed`).
* bound: the largest for any input with values between the smallest and the largest one seen
  (`neurodeploy.bounds`): in samples as long as those seen where each begins from rest; in any
  number of steps where a stream carries states from one sample into the next.

A bound for samples from rest says nothing about a longer stream: ``for_ever`` tells whether the
overflow is impossible in any number of steps, resets or not. Headroom in bits is
``log2(2^23 / largest)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.answers import Recipe, settle
from neurodeploy.bounds import Bounds, bound
from neurodeploy.data.presentation import Presentation
from neurodeploy.equivalence import arrivals
from neurodeploy.errors import ModelError
from neurodeploy.fixedpoint import M
from neurodeploy.program import Program
from neurodeploy.record import INT32_MAX
from neurodeploy.verification.observed import LIMITS, Observed, observe

_BOUND_OPTIONS = ("timing", "weights", "reset_interval", "reset_offset", "input_bits")


@dataclass(frozen=True)
class Assumption:
    """What a bound holds for.

    steps : columns, counted from rest, None for any number of them. low, high : of every input
    value in every column; both include 0, the value between samples. refusal : why there is no
    bound at all, empty where there is one.
    """

    steps: int | None
    low: int
    high: int
    refusal: str = ""

    def __str__(self) -> str:
        if self.refusal:
            return f"no bounds: {self.refusal}"
        long = "in any number of steps" if self.steps is None else f"from rest, {self.steps} steps"
        return f"{long}, inputs {self.low} to {self.high}"


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
    program: Program, data: Presentation, *, recipe: Recipe | None = None
) -> tuple[Headroom, ...]:
    """Measure and bound the headroom of every population of ``program`` on ``data``.

    recipe : how the samples are run; default, as the program needs.
    """
    recipe = recipe or settle(program, data.steps)
    seen = observe(program, data, recipe)
    steps = recipe.steps if recipe.begins_from_rest else None
    assumes = Assumption(steps, seen.low, seen.high)
    try:
        some = tuple(_while_samples_last(program, assumes, recipe)) if steps else ()
        ever = (_bounds(program, assumes, recipe, None),)
    except ModelError as error:
        assumes = replace(assumes, refusal=str(error))
        return tuple(_unbounded(own, assumes) for own in seen.populations)
    return tuple(_headroom(own, assumes, some or ever, ever) for own in seen.populations)


def _while_samples_last(program: Program, assumes: Assumption, recipe: Recipe) -> Iterator[Bounds]:
    """Yield the bounds of a sample from rest and, in a stream, of the columns before any data.

    Behind its first data column a population of a stream that is cleared for each sample does
    what it does in aligned time: `neurodeploy.equivalence`.
    """
    if not recipe.streamed:
        yield _bounds(program, assumes, recipe, recipe.steps)
        return
    aligned = replace(recipe, timing="aligned", reset_interval=None, reset_offset=0)
    yield _bounds(program, assumes, aligned, recipe.steps)
    before = max(found.lead for found in arrivals(program).values())
    if before:
        yield _bounds(program, assumes, recipe, before)


def _bounds(program: Program, assumes: Assumption, recipe: Recipe, steps: int | None) -> Bounds:
    """Bound the program for every input of the range, in that many steps."""
    ends = [
        {node.name: np.full((1, 1, node.size), end).reshape(1, 1, *node.shape) for node in inputs}
        for inputs, end in ((program.inputs, assumes.low), (program.inputs, assumes.high))
    ]
    options = {name: getattr(recipe, name) for name in _BOUND_OPTIONS}
    return bound(program, *ends, steps=steps, extrema=True, **options)


def _headroom(
    own: Observed, assumes: Assumption, some: Sequence[Bounds], ever: Sequence[Bounds]
) -> Headroom:
    """Put together what was seen and what is bound; a port appears where its sums may wrap."""
    name = own.population.name
    bounds, longer = [found[name] for found in some], [found[name].overflow for found in ever]
    states = [
        _state(
            own,
            state,
            max((b.largest(state) for b in bounds if state in b.wide), default=None),
            possible=any(bool(b.overflow[state].any()) for b in bounds),
            for_ever=any(bool(flags[state].any()) for flags in longer),
        )
        for state in longer[0]
        if state in own.largest or any(bool(flags[state].any()) for flags in longer)
    ]
    return Headroom(name, tuple(states), assumes, own.before_reset)


def _unbounded(own: Observed, assumes: Assumption) -> Headroom:
    """Return what was seen alone, where a model has no bounds: nothing is ruled out."""
    states = [_state(own, name, None, possible=True, for_ever=True) for name in own.largest]
    return Headroom(own.population.name, tuple(states), assumes, own.before_reset)


def _state(
    own: Observed, name: str, bound: int | None, *, possible: bool, for_ever: bool
) -> StateHeadroom:
    """Return one state, or a port of that name, with what was seen of it."""
    return StateHeadroom(
        state=name,
        observed=own.largest.get(name),
        bound=bound,
        limit=LIMITS.get(name, INT32_MAX),
        overflows=own.overflows_of(name),
        possible=possible,
        for_ever=for_ever,
    )
