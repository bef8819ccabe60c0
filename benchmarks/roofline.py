"""How close the kernels come to the limits of one core, layer by layer.

    python benchmarks/roofline.py [--workloads mlp cnn] [--batch 100] [--repeats 9] [--out FILE]

Measures the peaks of this machine first (peaks.cpp), counts the vector additions and dot products
that a design needs for these spikes, and prints

    limit   vector adds / peak of adds from L1 + dot products / peak + neuron updates / peak

beside the measured time: for the kernels that were chosen, and for the design with tiles of dot
products (dense in convolutions). The time of a layer is that of the network up to it less that of
the network up to the one before, both without a record. Spikes are compared with the reference
engine first. Exits 1 when they differ.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from counting import Work, designs
from equality import Oracle, Unequal
from machine import heading, save, threads
from peaks import Peaks, measure
from scores import Row, table
from timing import Contestant, Timing, alternate
from workloads import WORKLOADS, Bytes, Workload, network

import neurodeploy as nd

TARGETS = {"MLP": 0.85, "CNN": 0.80}
VNNI = ("tiles", "dense")
"""Designs of dot products; the first that a layer has is shown."""
TOLERANCE = 0.01
"""Relative difference between the engine's counts and ours that is pointed out."""


@dataclass(frozen=True)
class LayerWork:
    """What one layer had to do, for all ``samples`` together.

    rate : spikes per input and step. updates : neuron updates. chosen : work of the kernels that
    ran. own : work by our count, per design.
    """

    name: str
    samples: int
    rate: float
    updates: int
    chosen: Work
    own: dict[str, Work]

    @property
    def vnni(self) -> Work:
        """Work of the design with dot products."""
        return next(self.own[name] for name in VNNI if name in self.own)


def limit_seconds(work: Work, updates: int, peaks: Peaks, from_l2: bool = False) -> float | None:
    """Return the shortest time for ``work`` and ``updates``; None without the instruction."""
    if work.dot_products and not peaks.dot_products:
        return None
    dots = work.dot_products / peaks.dot_products if work.dot_products else 0.0
    adds = work.vector_adds / (peaks.adds_l2 if from_l2 else peaks.adds_l1)
    return adds + dots + updates / peaks.updates


def layer_works(work: Workload, simulator: nd.Simulator) -> list[LayerWork]:
    """Count the work of every layer with the spikes that reach it in ``simulator``."""
    trace = nd.simulate(work.program, work.x, record="s")
    sources = [work.x, *(trace[k].s for k in range(len(work.layers) - 1))]
    kept = _engine_counts(simulator, work.x)
    found = []
    for k, (layer, x) in enumerate(zip(work.layers, sources, strict=True)):
        own = designs(x, layer)
        name = work.program.connection_names[k]
        found.append(
            LayerWork(
                name=work.program.names[k],
                samples=len(x),
                rate=float(np.mean(x)),
                updates=work.program.populations[k].size * x.shape[0] * x.shape[1],
                chosen=_least_events(own) if kept is None else kept.get(name, Work("none")),
                own=own,
            )
        )
    return found


def _least_events(own: dict[str, Work]) -> Work:
    """Return the least work without dot products, by our count."""
    events = [work for work in own.values() if not work.dot_products]
    return min(events, key=lambda work: work.vector_adds)


def _engine_counts(simulator: nd.Simulator, x: Bytes) -> dict[str, Work] | None:
    """Return per connection what one run adds to the engine's counts; None where it keeps none."""
    engine: Any = simulator._engine
    if not hasattr(engine, "kernel_work"):
        return None
    before = {(entry.edge, entry.kernel): entry for entry in engine.kernel_work()}
    simulator.run(x)
    found: dict[str, list[Work]] = {}
    for entry in engine.kernel_work():
        was = before.get((entry.edge, entry.kernel))
        adds = entry.vector_adds - (was.vector_adds if was else 0)
        dots = entry.dot_products - (was.dot_products if was else 0)
        if adds or dots:
            found.setdefault(entry.edge, []).append(Work(entry.kernel, adds, dots))
    return {edge: _together(works) for edge, works in found.items()}


def _together(works: list[Work]) -> Work:
    """Return the sum of what several kernels did for one connection."""
    return Work(
        "+".join(work.kernel for work in works),
        sum(work.vector_adds for work in works),
        sum(work.dot_products for work in works),
    )


def prefix_timings(work: Workload, repeats: int) -> list[Timing]:
    """Time the networks that end with each layer, in turns, after a comparison."""
    entrants = []
    for k in range(len(work.layers)):
        program = _unread(network(work.input_shape, work.layers[: k + 1], work.thresholds))
        simulator = nd.compile(program, record=(), threads=1)
        Oracle(program, work.x).check(simulator, f"{work.name} up to layer{k}")
        entrants.append(Contestant(str(k), partial(simulator.run, work.x), len(work.x)))
    with threads(1):
        return list(alternate(entrants, repeats).values())


def _unread(program: nd.Program) -> nd.Program:
    """Return ``program`` with a lone neuron as the read-out, so that no layer is recorded."""
    lone = nd.Population("lone", (1,), nd.CubaLif(0, 0, 1))
    populations = (*program.populations, lone)
    return nd.Program(program.inputs, populations, program.connections, nd.Readout(lone.name))


def run_workload(
    name: str, peaks: Peaks, arguments: argparse.Namespace
) -> tuple[list[Row], dict[str, Any]]:
    """Print the layers of one workload; returns the rows of the whole network and raw figures."""
    work = WORKLOADS[name](arguments.batch)
    simulator = nd.compile(work.program, record=(), threads=1)
    layers = layer_works(work, simulator)
    timings = prefix_timings(work, arguments.repeats)
    medians = [0.0, *(timing.median for timing in timings)]
    counted = "the engine" if hasattr(simulator._engine, "kernel_work") else "this script"
    print(_head(work.name, counted))
    for k, layer in enumerate(layers):
        print(_layer_line(layer, medians[k + 1] - medians[k], peaks))
    print()
    rows = _rows(work.name, layers, peaks, medians[-1])
    raw = {
        "timings": [timing.record() for timing in timings],
        "layers": {layer.name: _record(layer) for layer in layers},
        "counted_by": counted,
        "rows": [row.record() for row in rows],
    }
    return rows, raw


def _rows(name: str, layers: list[LayerWork], peaks: Peaks, measured: float) -> list[Row]:
    """Return limit / measured time of the whole network, by design."""
    chosen, vnni = [layer.chosen for layer in layers], [layer.vnni for layer in layers]
    cases = (
        ("kernels that ran", chosen, False, TARGETS[name]),
        ("same, all from L2", chosen, True, None),
        ("dot-product design", vnni, False, None),
    )
    rows = []
    for what, works, from_l2, target in cases:
        label = f"{name} limit / time, {what}"
        limits = [
            limit_seconds(work, layer.updates, peaks, from_l2)
            for work, layer in zip(works, layers, strict=True)
        ]
        known = [limit for limit in limits if limit is not None]
        if len(known) < len(limits):
            rows.append(Row(label, None, remark="this processor has no such instruction"))
            continue
        limit = sum(known) / layers[0].samples
        remark = (
            f"{1e6 * limit:.1f} us of {1e6 * measured:.1f} us a sample = {1 / limit:.0f}/s at best"
        )
        rows.append(Row(label, limit / measured, None, target, remark=remark))
    return rows


def _head(name: str, counted: str) -> str:
    return (
        f"{name}, per sample; work of the kernels that ran by count of {counted}\n"
        f"{'layer':9}{'kernel':14}{'k adds':>8}{'k dots':>8}{'updates':>9}{'limit us':>10}"
        f"{'time us':>9}{'share':>7}   | {'dot products':14}{'k dots':>8}{'limit us':>10}"
        f"{'share':>7}"
    )


def _layer_line(layer: LayerWork, seconds: float, peaks: Peaks) -> str:
    def limits(work: Work) -> str:
        limit = limit_seconds(work, layer.updates, peaks)
        return f"{'-':>10}" if limit is None else f"{1e6 * limit / layer.samples:10.2f}"

    def share(work: Work) -> str:
        limit = limit_seconds(work, layer.updates, peaks)
        return f"{'-':>7}" if limit is None else f"{limit / layer.samples / seconds:7.2f}"

    chosen, vnni, per = layer.chosen, layer.vnni, 1e3 * layer.samples
    return (
        f"{layer.name:9}{chosen.kernel:14}{chosen.vector_adds / per:8.2f}"
        f"{chosen.dot_products / per:8.2f}{layer.updates // layer.samples:9d}{limits(chosen)}"
        f"{1e6 * seconds:9.2f}{share(chosen)}   | {vnni.kernel:14}{vnni.dot_products / per:8.2f}"
        f"{limits(vnni)}{share(vnni)}{_disagreement(layer)}"
    )


def _disagreement(layer: LayerWork) -> str:
    """Return a remark where the engine's count and ours of the same kernel differ."""
    chosen, mine = layer.chosen, layer.own.get(layer.chosen.kernel)
    if mine is None:
        return ""
    pairs = ((mine.vector_adds, chosen.vector_adds), (mine.dot_products, chosen.dot_products))
    if all(abs(a - b) <= TOLERANCE * max(a, b, 1) for a, b in pairs):
        return ""
    per = 1e3 * layer.samples
    return f"  our count: {mine.vector_adds / per:.2f} k adds, {mine.dot_products / per:.2f} k dots"


def _record(layer: LayerWork) -> dict[str, Any]:
    return {
        "samples": layer.samples,
        "input_rate": layer.rate,
        "updates": layer.updates,
        "chosen": vars(layer.chosen),
        "designs": {name: vars(work) for name, work in layer.own.items()},
    }


def main() -> int:
    """Run the benchmark; 1 when results differ from the reference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9, help="turns of each layer")
    parser.add_argument("--out", type=Path, help="JSON file for raw figures and the machine")
    arguments = parser.parse_args()
    peaks = measure()
    print(heading(), peaks.describe(), sep="\n", end="\n\n")
    rows: list[Row] = []
    result: dict[str, Any] = {"peaks": peaks.record()}
    try:
        for name in arguments.workloads:
            found, result[name] = run_workload(name, peaks, arguments)
            rows += found
    except Unequal as error:
        print(f"roofline: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    save(arguments.out, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
