"""Comparing engines: the same Program and input in each, and where they first part.

Values are compared against the first engine named (the reference, when it is among them). The
first divergence is the one with the smallest column, then the earliest population in topological
order, then the earliest variable in the order of computation: that is nearest to the cause.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError, located
from neurodeploy.program import Program
from neurodeploy.sim import causes
from neurodeploy.sim.inputs import Data
from neurodeploy.sim.options import ENGINES, Record, RunOptions
from neurodeploy.sim.plan import Plan, Stage, prepare
from neurodeploy.sim.simulator import Simulator
from neurodeploy.sim.step_rules import order, rule
from neurodeploy.trace import COUNT_NAMES, NOT_OBSERVABLE, Activity, Trace


@dataclass(frozen=True)
class Divergence:
    """The first place where two engines differ.

    population, number : name and number. variable : the earliest that differs there.
    column : from 0. step : Lava's t = column + 1. sample : entry of the batch.
    index : within the population's shape, (C, H, W) or (N,). values : engine -> value.
    also : other variables of this population that differ at this cell and column.
    cells : cells of this population and variable that differ in this column, of all.
    previous : variable -> value one column earlier, in the first engine named.
    parameters : what the neuron at ``index`` has. rule : the rule that computes the variable.
    causes : what may explain it; empty when nothing was recognised.
    """

    population: str
    number: int
    variable: str
    column: int
    step: int
    sample: int
    index: tuple[int, ...]
    values: Mapping[str, int]
    also: tuple[str, ...]
    cells: tuple[int, int]
    previous: Mapping[str, int]
    parameters: Mapping[str, int | str]
    rule: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class VariableCount:
    """How often one variable of one population differs. differing : engine -> values."""

    population: str
    number: int
    variable: str
    compared: int
    differing: Mapping[str, int]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    engines : the first is the one that the others are compared with. digest : of the Program.
    options : timing, weights, reset and so on, as run. variables : counts for each variable.
    activity : engine -> ``count/name`` that differ. unobserved : engine -> counts left out.
    seconds : engine -> wall time, preparation included. first : None when all values are equal.
    """

    engines: tuple[str, ...]
    digest: str
    samples: int
    steps: int
    neurons: int
    options: Mapping[str, Any]
    variables: tuple[VariableCount, ...]
    activity: Mapping[str, tuple[str, ...]]
    unobserved: Mapping[str, tuple[str, ...]]
    seconds: Mapping[str, float]
    first: Divergence | None

    @property
    def equal(self) -> bool:
        """Whether every compared value and count is the same in all engines."""
        return self.differing == 0 and not any(self.activity.values())

    @property
    def compared(self) -> int:
        """Values compared, over all engines but the first."""
        return sum(entry.compared * len(entry.differing) for entry in self.variables)

    @property
    def differing(self) -> int:
        """Values that differ, over all engines but the first."""
        return sum(sum(entry.differing.values()) for entry in self.variables)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        totals = {"equal": self.equal, "compared": self.compared, "differing": self.differing}
        return totals | asdict(self)


def compare(
    program: Program,
    x: Data,
    engines: Sequence[str] = ("native", "reference", "lava"),
    *,
    timing: str | None = None,
    weights: str | None = None,
    steps: int | None = None,
    reset_interval: int | None = None,
    reset_offset: int = 0,
    input_bits: int | None = None,
    record: Record | None = None,
    threads: int | None = None,
) -> Comparison:
    """Run ``program`` on ``x`` in every engine and compare what they recorded.

    The options are those of `simulate`; with Lava in the list, timing defaults to pipelined and
    weights to lava, otherwise to aligned and exact. record : None for all that there is.

    Raises OptionError for fewer than two engines, and whatever the engines raise.
    """
    names = _engines(engines)
    lava = "lava" in names
    options = {
        "timing": timing or ("pipelined" if lava else "aligned"),
        "weights": weights or ("lava" if lava else "exact"),
        "steps": steps,
        "reset_interval": reset_interval,
        "reset_offset": reset_offset,
        "input_bits": input_bits,
    }
    if record is None:
        record = {
            population.name: population.neuron.variables for population in program.populations
        }
    simulators, seconds, traces = {}, {}, {}
    for name in names:
        run = RunOptions(engine=name, record=record, threads=threads, **options)  # type: ignore[arg-type]
        began = time.perf_counter()
        simulators[name] = Simulator(program, run)
        seconds[name] = time.perf_counter() - began
    for name, simulator in simulators.items():
        began = time.perf_counter()
        traces[name] = simulator.run(x)
        seconds[name] += time.perf_counter() - began
    return compare_traces(simulators[names[0]].plan, traces, seconds, options)


def compare_traces(
    plan: Plan,
    traces: Mapping[str, Trace],
    seconds: Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare traces of one Program and input; the first of the mapping is the yardstick.

    plan : of the run, for names, resets and latencies. Only variables in all traces are compared.
    """
    engines = tuple(traces)
    activities = {name: trace.activity for name, trace in traces.items()}
    activity = activities[engines[0]]
    layout = _Layout(plan, traces, activity)
    return Comparison(
        engines=engines,
        digest=plan.program.digest,
        samples=activity.samples,
        steps=activity.steps,
        neurons=plan.program.neurons,
        options=dict(options or {"timing": plan.options.timing, "weights": plan.options.weights}),
        variables=layout.counts(),
        activity={name: _differences(activity, activities[name]) for name in engines[1:]},
        unobserved={name: _unobserved(activities[name]) for name in engines},
        seconds=dict(seconds or {}),
        first=layout.first(),
    )


def _engines(engines: Sequence[str]) -> tuple[str, ...]:
    """Check the list and bring the reference to its front."""
    names = tuple(engines.split(",")) if isinstance(engines, str) else tuple(engines)
    for name in names:
        if name not in ENGINES:
            raise OptionError(f"engines: no engine {name!r}, there are {', '.join(ENGINES)}")
    if len(set(names)) != len(names) or len(names) < 2:
        raise OptionError(f"engines is {', '.join(names)!r}, expected two or more different ones")
    return tuple(sorted(names, key=lambda name: name != "reference"))


class _Layout:
    """Traces side by side: every array as ``(samples, steps, cells)``."""

    def __init__(self, plan: Plan, traces: Mapping[str, Trace], activity: Activity) -> None:
        self.plan = plan
        self.engines = tuple(traces)
        self.lead = (activity.samples, activity.steps, -1)
        self.arrays: list[dict[str, list[NDArray[Any]]]] = []
        for stage in plan.stages:
            layers = [trace[stage.population.name].arrays for trace in traces.values()]
            with located(f"population {stage.population.name}"):
                names = order(stage.population.neuron)
            shared = [v for v in names if all(v in layer for layer in layers)]
            self.arrays.append(
                {v: [self._flat(layer[v], stage) for layer in layers] for v in shared}
            )

    def _flat(self, array: NDArray[Any], stage: Stage) -> NDArray[Any]:
        return array.reshape(self.lead[0], self.lead[1], stage.population.size)

    def counts(self) -> tuple[VariableCount, ...]:
        """Count differing values per population and variable."""
        return tuple(
            VariableCount(
                population=stage.population.name,
                number=stage.index,
                variable=variable,
                compared=arrays[0].size,
                differing={
                    engine: int(np.count_nonzero(arrays[0] != other))
                    for engine, other in zip(self.engines[1:], arrays[1:], strict=True)
                },
            )
            for stage, table in zip(self.plan.stages, self.arrays, strict=True)
            for variable, arrays in table.items()
        )

    def first(self) -> Divergence | None:
        """Find the first divergence, or None."""
        best: tuple[int, Stage, str] | None = None
        for stage, table in zip(self.plan.stages, self.arrays, strict=True):
            for variable, arrays in table.items():
                column = _first_column(arrays)
                if column is not None and (best is None or column < best[0]):
                    best = (column, stage, variable)
        return None if best is None else self._describe(*best)

    def _describe(self, column: int, stage: Stage, variable: str) -> Divergence:
        table = self.arrays[stage.index]
        differs = _differs([array[:, column] for array in table[variable]])
        sample, cell = (int(i) for i in np.argwhere(differs)[0])
        shape = stage.population.shape
        index = tuple(int(i) for i in np.unravel_index(cell, shape))
        place = (sample, column, cell)
        changed = [v for v, a in table.items() if len({int(array[place]) for array in a}) > 1]
        return Divergence(
            population=stage.population.name,
            number=stage.index,
            variable=variable,
            column=column,
            step=column + 1,
            sample=sample,
            index=index,
            values={
                engine: int(array[place])
                for engine, array in zip(self.engines, table[variable], strict=True)
            },
            also=tuple(v for v in changed if v != variable),
            cells=(int(np.count_nonzero(differs)), int(differs.size)),
            previous={
                v: int(a[0][sample, column - 1, cell]) for v, a in table.items() if column > 0
            },
            parameters=causes.parameters(stage.population, index),
            rule=rule(stage.population.neuron, variable, spike_differs="s" in changed),
            causes=causes.plausible(self.plan, stage, column, table[variable], self.engines),
        )


def _differs(arrays: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    result = np.zeros(arrays[0].shape, np.bool_)
    for other in arrays[1:]:
        result |= arrays[0] != other
    return result


def _first_column(arrays: Sequence[NDArray[Any]]) -> int | None:
    columns = _differs(arrays).any(axis=(0, 2))
    return int(columns.argmax()) if columns.any() else None


def _unobserved(activity: Activity) -> tuple[str, ...]:
    return tuple(
        name
        for name in COUNT_NAMES
        if any(np.any(value == NOT_OBSERVABLE) for value in getattr(activity, name).values())
    )


def _differences(one: Activity, other: Activity) -> tuple[str, ...]:
    """Return ``count/name`` of every count that both engines see and that differs."""
    hidden = {*_unobserved(one), *_unobserved(other)}
    return tuple(entry for entry in one.differences(other) if entry.partition("/")[0] not in hidden)


def plan_of(program: Program, **options: Any) -> Plan:
    """Return the Plan that `compare_traces` needs, from options of `simulate`."""
    return prepare(program, RunOptions(**options))
