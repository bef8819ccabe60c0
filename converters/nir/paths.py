"""The ways through a graph from one population to the next, along linear nodes."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.converters.nir.graph import Graph, Node
from neurodeploy.converters.nir.operations import OPERATIONS
from neurodeploy.errors import FormatError

MAX_PATHS = 10_000
"""Most ways into one population; graphs that branch and join again and again have more."""
INTEGRATORS = ("LI", "CubaLI", "I")


@dataclass(frozen=True)
class Path:
    """A way from a source, an input or population, to a target. nodes : linear ones between."""

    source: str
    target: str
    nodes: tuple[str, ...]


def targets_of(graph: Graph) -> dict[str, Node]:
    """Return the nodes that become populations: neurons, and outputs that linear nodes lead to.

    An integrator whose voltage a Threshold alone compares is one population with it.
    """
    merged = {entry_of(graph, node.name) for node in graph.of_type("Threshold")}
    found = {}
    for node in graph.nodes.values():
        plain = node.type not in OPERATIONS and node.type not in ("Input", "Output")
        linear = node.type == "Output" and any(
            graph.nodes[name].type in (*OPERATIONS, "Input") for name in graph.entering(node.name)
        )
        if (plain and (node.name not in merged or node.type == "Threshold")) or linear:
            found[node.name] = node
    return found


def entry_of(graph: Graph, name: str) -> str:
    """Return the node at which the input of population ``name`` arrives."""
    before = graph.entering(name)
    if graph.nodes[name].type != "Threshold" or len(before) != 1:
        return name
    alone = graph.nodes[before[0]].type in INTEGRATORS and graph.leaving(before[0]) == [name]
    return before[0] if alone else name


def paths_to(graph: Graph, target: str, targets: Collection[str]) -> list[Path]:
    """Return all ways into ``target``, in the order of the edges.

    Raises FormatError for a cycle without a neuron in it, and for a read-out that sends.
    """
    ends = {*targets, *(node.name for node in graph.of_type("Input"))}
    found: list[Path] = []
    waiting: list[tuple[str, ...]] = [(entry_of(graph, target),)]
    while waiting:
        row = waiting.pop()
        before = graph.entering(row[0])
        for name in reversed(before):
            if graph.nodes[target].type == "Output" and name in targets:
                continue
            if name not in ends:
                if name in row:
                    cycle = ", ".join(row[: row.index(name) + 1])
                    raise FormatError(
                        f"cycle through {cycle}: no neuron and no step of delay in it"
                    )
                waiting.append((name, *row))
                continue
            if graph.nodes[name].type in INTEGRATORS:
                raise FormatError(
                    f"{name}: is a {graph.nodes[name].type}, whose voltage cannot be sent to "
                    f"{row[0]}; put a Threshold behind it, or lead it to an Output alone"
                )
            found.append(Path(name, target, row[:-1]))
        if len(found) + len(waiting) > MAX_PATHS:
            raise FormatError(f"{target}: more than {MAX_PATHS} ways lead to it")
    place = {edge: k for k, edge in enumerate(graph.edges)}
    entry = entry_of(graph, target)

    def first(path: Path) -> list[int]:
        row = (path.source, *path.nodes, entry)
        return [place[edge] for edge in itertools.pairwise(row)][::-1]

    return sorted(found, key=first)


@dataclass(frozen=True)
class Plan:
    """A graph as populations and ways. back : the ways that close a cycle."""

    inputs: tuple[str, ...]
    populations: tuple[str, ...]
    paths: tuple[Path, ...]
    back: frozenset[Path]


def plan(graph: Graph) -> Plan:
    """Return populations and ways, those into the first population first.

    Raises FormatError where there is no input or no population, and as `paths_to` does.
    """
    inputs = tuple(node.name for node in graph.of_type("Input"))
    targets = targets_of(graph)
    if not inputs or not targets:
        raise FormatError(f"has no {'neurons' if inputs else 'node Input'}, expected a network")
    paths = {name: paths_to(graph, name, targets) for name in targets}
    order, back = ordered(inputs, list(targets), [p for row in paths.values() for p in row])
    in_order = tuple(path for name in order for path in paths[name])
    return Plan(inputs, tuple(order), in_order, frozenset(back))


def ordered(
    inputs: Sequence[str], targets: Sequence[str], paths: Sequence[Path]
) -> tuple[list[str], set[Path]]:
    """Return the populations as a walk from the inputs finds them, and the ways that close a cycle.

    The walk is depth first along the edges in the order of the file: a way that leads back to a
    population from which the walk has come closes a cycle.
    """
    leaving: dict[str, list[Path]] = {}
    for path in paths:
        leaving.setdefault(path.source, []).append(path)
    back: set[Path] = set()
    finished: list[str] = []
    state: dict[str, str] = {}
    for start in (*inputs, *targets):
        if start in state:
            continue
        state[start] = "open"
        stack = [(start, iter(leaving.get(start, ())))]
        while stack:
            name, rest = stack[-1]
            found = next(rest, None)
            if found is None:
                state[name] = "done"
                finished.append(name)
                stack.pop()
            elif state.get(found.target) == "open":
                back.add(found)
            elif found.target not in state:
                state[found.target] = "open"
                stack.append((found.target, iter(leaving.get(found.target, ()))))
    known: Mapping[str, int] = {name: k for k, name in enumerate(finished)}
    return sorted(targets, key=lambda name: -known[name]), back
