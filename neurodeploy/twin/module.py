"""`to_torch`: any Program of the CUBA and sigma-delta families as a torch module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.program import Program
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Edge, Plan, prepare
from neurodeploy.twin import fused
from neurodeploy.twin.columns import Columns, Data, columns
from neurodeploy.twin.graph import components, is_cycle
from neurodeploy.twin.layout import Layout
from neurodeploy.twin.populations import Population, Stream, Timing, joined
from neurodeploy.twin.rule import Named
from neurodeploy.twin.run import Found, PopulationRun, Run
from neurodeploy.twin.slopes import PATHS, paths_of, slope_of
from neurodeploy.twin.synapses import Connection, added, binarised, delivered

Part = tuple[Tensor, float]


def to_torch(
    program: Program,
    *,
    timing: str = "aligned",
    weights: str = "exact",
    steps: int | None = None,
    reset_interval: int | None = None,
    reset_offset: int = 0,
    input_bits: int | None = None,
) -> Twin:
    """Return the twin of ``program``: the integers of `simulate` forward, surrogate gradients back.

    The options are those of `neurodeploy.compile`.

    Raises OptionError, and ModelError that names a resonate-and-fire population.
    """
    options = RunOptions(
        engine="reference",
        timing=timing,
        weights=weights,
        steps=steps,
        reset_interval=reset_interval,
        reset_offset=reset_offset,
        input_bits=input_bits,
    )
    return Twin(prepare(program, options))


class Twin(nn.Module):
    """A prepared Program as a module; `to_torch` makes one.

    connections : `Connection` modules in the program's order, with ``weight``. populations :
    `Population` modules in order, with ``threshold``, ``bias``, ``gain``, ``theta``. No parameter
    requires a gradient until asked to; then it is rounded to integers in each pass, straight
    through.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.program = plan, plan.program
        self.populations = nn.ModuleList(Population(stage) for stage in plan.stages)
        self.connections = nn.ModuleList(Connection(plan, edge) for edge in plan.edges)
        self.geometries = [
            fused.geometry_of(plan, stage) if fused.available() else None for stage in plan.stages
        ]
        self._order = components(plan)

    def population(self, name: str) -> Population:
        """Return the module of a population; ProgramError names the known ones."""
        found = self.populations[self.program.index(name)]
        assert isinstance(found, Population)
        return found

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def forward(
        self,
        x: Data,
        *,
        surrogate: Any = "fast_sigmoid",
        width: Any = 1.0,
        through: Collection[str] = PATHS,
    ) -> Run:
        """Run ``x``: whole numbers ``(steps, *input_shape)`` or ``(batch, steps, *input_shape)``.

        x : tensor or array, float or integer, a mapping by name for several inputs; may require
            gradients, which pass the binarising of binary inputs unchanged.
        surrogate : a name of `SURROGATES`, a function of (z, width) with z in the layout of a
            Trace, or a mapping from population to either.
        width : of the surrogate in units of ``64 * max(|threshold|, 1)``: a number, a tensor that
            broadcasts against ``(batch, steps, *shape)``, or a mapping from population to either.
        through : paths that carry gradients, out of `PATHS`.

        Raises InputError for data that do not fit, OptionError for the options of the pass.
        """
        open_paths = paths_of(through)
        data = columns(self.program.inputs, x, self.plan.options.steps, self.device)
        with torch.autocast(self.device.type, enabled=False):
            traffic = _Traffic(self, data, surrogate, width, open_paths)
            for group in self._order:
                if is_cycle(self.plan, group):
                    traffic.run_cycle(group)
                else:
                    traffic.run_whole(group[0])
            return traffic.run()


class _Traffic:
    """One pass: the currents under way, and what each population has given."""

    def __init__(
        self,
        twin: Twin,
        data: Columns,
        surrogate: Any,
        width: Any,
        through: frozenset[str],
    ) -> None:
        self.twin, self.data = twin, data
        interval = twin.plan.options.reset_interval
        timing = Timing(data.steps, data.batch, interval, through, data.dtype)
        self.timing = timing
        self.layouts, self.slopes = [], []
        for population in twin.plan.program.populations:
            layout = Layout(data.steps, data.batch, population.shape, data.batched)
            self.layouts.append(layout)
            self.slopes.append(slope_of(population.name, surrogate, width, layout))
        self.found: dict[int, Named] = {}
        self.packed: dict[int, fused.Bits] = {}

    def run(self) -> Run:
        """Return what was found, by population."""
        program = self.twin.program
        populations = {
            population.name: PopulationRun(
                population.name, population.neuron.variables, self.found[k], self.layouts[k]
            )
            for k, population in enumerate(program.populations)
        }
        return Run(program, populations)

    def run_whole(self, k: int) -> None:
        """Run a population whose sources are done over all steps."""
        stream = self._stream(k, whole=True)
        found = self._fused(k, stream)
        if found is None:
            given = self._currents(k)
            found = stream.advance(self.data.steps, *given)
            again = partial(self._again, k, given)
        else:
            again = partial(self._again, k, None)
        self.found[k] = Found(found, again, self.timing.through)

    def _currents(self, k: int) -> tuple[Tensor, float, Part | None]:
        """Return what arrives at ports a and bias over all steps."""
        arrived = self._arrived(k, self.twin.plan.stages[k].incoming)
        bias = self._port(k, arrived, "bias") if arrived["bias"] else None
        return *self._port(k, arrived, "a"), bias

    def _again(self, k: int, given: tuple[Tensor, float, Part | None] | None) -> Named:
        """Run a population once more, with all of its states."""
        return self._stream(k).advance(self.data.steps, *(given or self._currents(k)))

    def _fused(self, k: int, stream: Stream) -> Named | None:
        """Run sums and scan of a population in one, or return None where that cannot be done."""
        geometry = self.twin.geometries[k]
        if geometry is None or not stream.is_fusable():
            return None
        connection = self.twin.connections[geometry.edge.index]
        assert isinstance(connection, Connection)
        messages, _ = self._messages(geometry.edge)
        packed = None if geometry.edge.from_input else self.packed.get(geometry.edge.source)
        weights = connection.weights()
        if len(messages) != self.data.steps or connection.refused is weights.values:
            return None
        if geometry.edge.from_input:
            messages = binarised(messages)
        layer = stream.fuse(geometry, messages, packed, weights)
        if layer is None:
            connection.refused = weights.values
            return None
        self.packed[k] = layer.packed
        return stream.advance_fused(layer.a, (layer.s, layer.before))

    def _stream(self, k: int, whole: bool = False) -> Stream:
        population = self.twin.populations[k]
        assert isinstance(population, Population)
        return Stream(population, self.timing, self.slopes[k], whole)

    def run_cycle(self, group: tuple[int, ...]) -> None:
        """Run populations that depend on each other step by step."""
        stages = [self.twin.plan.stages[k] for k in group]
        outside = {
            stage.index: self._arrived(
                stage.index, [e for e in stage.incoming if e.from_input or e.source not in group]
            )
            for stage in stages
        }
        streams = {k: self._stream(k) for k in group}
        pending: dict[tuple[int, str, int], list[Part]] = defaultdict(list)
        outputs: dict[int, list[Named]] = {k: [] for k in group}
        for t in range(self.data.steps):
            for stage in stages:
                k = stage.index
                ports = {
                    port: [_at(part, t) for part in outside[k][port]]
                    + pending.pop((k, port, t), [])
                    for port in ("a", "bias")
                }
                a, bound = self._port(k, ports, "a")
                bias = self._port(k, ports, "bias") if ports["bias"] else None
                given = streams[k].advance(1, a, bound, bias)
                outputs[k].append(given)
                for edge in stage.outgoing:
                    if edge.target in group:
                        for current in self._sent(edge, given["s"]):
                            slot = (edge.target, edge.port, t + current.lag)
                            pending[slot].append((current.values, current.bound))
        for k in group:
            self.found[k] = joined(outputs[k]) if outputs[k] else self._nothing(k)

    def _nothing(self, k: int) -> Named:
        a, bound = self._port(k, {"a": []}, "a")
        return self._stream(k).advance(0, a, bound, None)

    def _arrived(self, k: int, edges: Any) -> dict[str, list[Part]]:
        """Return what ``edges`` deliver, by port, ``(steps or 1, batch, N)`` each."""
        parts: dict[str, list[Part]] = {"a": [], "bias": []}
        for edge in edges:
            for current in self._sent(edge, *self._messages(edge)):
                values = delivered(current, self.data.steps)
                parts[edge.port].append((values, current.bound))
        return parts

    def _messages(self, edge: Edge) -> tuple[Tensor, float | None]:
        if edge.from_input:
            column = self.data.inputs[edge.source]
            return column.values, column.bound
        return self.found[edge.source]["s"], None

    def _sent(self, edge: Edge, messages: Tensor, bound: float | None = None) -> Any:
        connection = self.twin.connections[edge.index]
        assert isinstance(connection, Connection)
        if bound is None:
            bound = 1.0 if edge.binary else _largest(messages)
        return connection.currents(messages, bound)

    def _port(self, k: int, arrived: dict[str, list[Part]], port: str) -> Part:
        if arrived[port]:
            return added(arrived[port])
        population = self.twin.plan.stages[k].population
        shape = (1, self.data.batch, population.size)
        return torch.zeros(shape, device=self.twin.device, dtype=self.data.dtype), 0.0


def _at(part: Part, t: int) -> Part:
    values, bound = part
    return (values[t : t + 1] if len(values) > 1 else values), bound


def _largest(messages: Tensor) -> float:
    return float(messages.detach().abs().max()) if messages.numel() else 0.0
