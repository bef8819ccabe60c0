"""A neuron and a synapse that the package does not know, added to its tables from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurodeploy import container
from neurodeploy.errors import ProgramError
from neurodeploy.fixedpoint import IntArray, tz, wrap
from neurodeploy.neuron import Neuron
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.record import Integers, Role, integers
from neurodeploy.sim import dynamics, fanout, reference, step_rules
from neurodeploy.sim.plan import Edge
from neurodeploy.synapse import Dense, Shape, Synapse


@dataclass(frozen=True, eq=False)
class Bucket(Neuron):
    """Fills with its input, leaks, and spikes and empties when the level reaches the rim.

    leak : of the level in 1/4096 a step. rim : level at which it spikes.
    """

    leak: Integers
    rim: Integers

    family: ClassVar[str | None] = "bucket"
    states: ClassVar[tuple[str, ...]] = ("level",)
    variables: ClassVar[tuple[str, ...]] = ("s", "level")
    spikes: ClassVar[bool] = True
    resets: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, Role]] = {
        "leak": Role("decay", "1/4096 of level a step"),
        "rim": Role("threshold", "1 in level"),
    }

    def __post_init__(self) -> None:
        self._check("leak", 0, 4096)
        self._check("rim", 1, 2**23)


def step(neuron: Bucket, state: dynamics.State, currents: Any, _: int) -> IntArray:
    """``level = tz(level * (4096 - leak)) + a; s = level >= rim; level = 0 after a spike``."""
    level = state.variables["level"]
    level[:] = wrap(tz(level * (4096 - neuron.leak.astype(np.int64))) + currents["a"], 32)
    s = level >= neuron.rim
    level[s] = 0
    return s.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Diagonal(Synapse):
    """One weight for each neuron of the source. weight : int32 ``(N,)``."""

    weight: Integers

    roles: ClassVar[Mapping[str, Role]] = {"weight": Role("weight", "1 in level", "synapse")}

    def __post_init__(self) -> None:
        self._set("weight", integers("weight", self.weight))

    def check_shapes(self, source: Shape, target: Shape) -> None:
        if not source == target == self.weight.shape:
            raise ProgramError(f"{source} and {target} differ from {self.weight.shape}")


def currents(_: Diagonal, edge: Edge, messages: IntArray) -> reference.Delayed:
    """``a = wrap32(weight * m)``."""
    return [(0, wrap(messages * edge.weight, 32))]


def fan(synapse: Diagonal, _: Shape) -> fanout.FanOut:
    """Return one synapse per source value."""
    ones = np.ones(len(synapse.weight), np.int64)
    return fanout.FanOut(ones, (synapse.weight != 0).astype(np.int64))


@contextmanager
def added(table: Any, key: object, entry: object) -> Iterator[None]:
    """Hold an entry of a table for a while."""
    table.add(key, entry)
    try:
        yield
    finally:
        table.remove(key)


@contextmanager
def known() -> Iterator[None]:
    """Add both toys to every table that CONTRIBUTING asks for."""
    words = {"level": "B1: level = level * leak + a", "s": "B2: s = 1 if level >= rim"}
    entries = (
        (container.RECORDS["neuron"], "Bucket", Bucket),
        (container.RECORDS["synapse"], "Diagonal", Diagonal),
        (dynamics.DYNAMICS, Bucket, dynamics.Dynamics(step)),
        (step_rules.RULES, Bucket, lambda _: words),
        (reference.CURRENTS, Diagonal, currents),
        (fanout.FAN_OUTS, Diagonal, fan),
        (step_rules.CURRENT_RULES, Diagonal, lambda _: "a = wrap32(weight * m)"),
    )
    with ExitStack() as stack:
        for entry in entries:
            stack.enter_context(added(*entry))
        yield


def network(synapse: Synapse | None = None) -> Program:
    """Return input -> a (`Bucket`, over ``synapse`` or a dense one) -> b (`Bucket`)."""
    dense = Dense(np.arange(1, 10).reshape(3, 3))
    return Program(
        (Input("x", (3,)),),
        (Population("a", (3,), Bucket(100, 12)), Population("b", (3,), Bucket(0, (1, 2, 3)))),
        (Connection("x", "a", synapse or dense), Connection("a", "b", Dense(np.eye(3, dtype=int)))),
        Readout("b", "level"),
    )
