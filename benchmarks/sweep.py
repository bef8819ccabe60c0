"""Whether the automatic choice of the kernel is close to the best one, over sizes and rates.

    python benchmarks/sweep.py [--points 200 | --all] [--repeats 5] [--seed 0] [--out FILE]

One dense layer: 8 to 4096 inputs, 10 to 512 outputs, 1 to 128 steps, rates of 0.5 to 50 %, one
sample and many, independent spikes and spikes in one region only, three ranges of weights. A
number of points is drawn from that grid; at each of them the automatic choice and every kernel
forced by NEURODEPLOY_KERNEL take turns (CPU seconds, one thread). Where the choice seems slower
than the best by more than a tenth, the point is measured again with three times the turns. Results
are compared with the reference engine (two samples) and among the kernels (all samples). Exits 1
when they differ, or when the choice is worse than 1.15 times the best anywhere.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from equality import Oracle, Unequal
from machine import environment, heading, save, threads
from timing import Contestant, Timing, alternate, pair_ratios
from workloads import Bytes, Int32

import neurodeploy as nd
from neurodeploy.errors import NeurodeployError
from neurodeploy.sim.native import NativeEngine

VARIABLE = "NEURODEPLOY_KERNEL"
KERNELS = ("rows", "subsets", "tiles", "dense")
AUTOMATIC = "automatic"
INPUTS = (8, 16, 32, 100, 256, 784, 1024, 4096)
OUTPUTS = (10, 64, 512)
STEPS = (1, 4, 16, 50, 128)
RATES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
BATCHES = ("one", "many")
PATTERNS = ("independent", "region")
WEIGHTS = {"int8": (-128, 128, 1), "even": (-128, 128, 2), "wide": (-1000, 1001, 1)}
"""Lowest value, end and factor of the weights."""
MANY_EVENTS = 2_000_000
MANY = (16, 256)
LIMIT = 1.15
SUSPECT = 1.1
SHOWN = 20


@dataclass(frozen=True)
class Point:
    """One layer and kind of data."""

    inputs: int
    outputs: int
    steps: int
    rate: float
    batch: str
    pattern: str
    weights: str

    @property
    def samples(self) -> int:
        """Samples of the batch: one, or as many as give a bounded number of additions."""
        if self.batch == "one":
            return 1
        wanted = MANY_EVENTS / (self.inputs * self.rate * self.steps * max(self.outputs / 64, 1))
        return int(np.clip(wanted, *MANY))

    def spikes(self, rng: np.random.Generator) -> Bytes:
        """Draw ``(samples, steps, inputs)``; in a region, a third of the inputs does all."""
        chance = np.full(self.inputs, self.rate)
        if self.pattern == "region":
            chance[:] = 0
            third = slice(self.inputs // 3, self.inputs - self.inputs // 3)
            chance[third] = min(0.95, self.rate * self.inputs / len(chance[third]))
        shape = (self.samples, self.steps, self.inputs)
        return (rng.random(shape, np.float32) < chance).astype(np.uint8)

    def program(self, rng: np.random.Generator) -> nd.Program:
        """Draw the weights; the threshold follows the spread of the currents."""
        low, high, factor = WEIGHTS[self.weights]
        shape = (self.outputs, self.inputs)
        weight: Int32 = rng.integers(low, high, shape, dtype=np.int32) * np.int32(factor)
        threshold = int(4 * np.sqrt(self.inputs * self.rate) * weight.std()) + 1
        neuron = nd.CubaLif(1024, 512, min(threshold, 131071))
        return nd.Program(
            (nd.Input("x", (self.inputs,)),),
            (nd.Population("layer", (self.outputs,), neuron),),
            (nd.Connection("x", "layer", nd.Dense(weight)),),
            nd.Readout("layer"),
        )

    def describe(self) -> str:
        """Return one line."""
        return (
            f"{self.inputs:5d}{self.outputs:5d}{self.steps:5d}{100 * self.rate:6.1f} %"
            f"{self.samples:5d} {self.pattern:12}{self.weights:6}"
        )


def grid() -> list[Point]:
    """Return every point."""
    axes = (INPUTS, OUTPUTS, STEPS, RATES, BATCHES, PATTERNS, WEIGHTS)
    return [Point(*values) for values in itertools.product(*axes)]


def chosen_points(count: int, seed: int) -> list[Point]:
    """Return ``count`` points of the grid, drawn without replacement."""
    points = grid()
    order = np.random.default_rng(seed).permutation(len(points))[:count]
    return [points[k] for k in sorted(order)]


def simulators(program: nd.Program, x: Bytes) -> dict[str, nd.Simulator]:
    """Return the automatic choice and every forced kernel that runs this layer, results equal."""
    automatic = nd.compile(program, record=(), threads=1)
    few = x[:2]
    Oracle(program, few).check(automatic, AUTOMATIC)
    expected = automatic.run(x)
    found = {AUTOMATIC: automatic}
    for kernel, simulator in _forced(program):
        result = simulator.run(x)
        if kernel not in _kernels(simulator):
            continue  # it cannot take this layer, and another one stood in
        same = np.array_equal(result[0].s, expected[0].s) and result.activity == expected.activity
        if not same:
            raise Unequal(f"kernel {kernel} differs from the automatic choice")
        found[kernel] = simulator
    return found


def _forced(program: nd.Program) -> Iterator[tuple[str, nd.Simulator]]:
    for kernel in KERNELS:
        with environment(**{VARIABLE: kernel}):
            try:
                yield kernel, nd.compile(program, record=(), threads=1)
            except NeurodeployError:
                continue


def _kernels(simulator: nd.Simulator) -> set[str]:
    """Return the kernels that have run in ``simulator``."""
    engine: Any = simulator._engine
    return {work.kernel for work in engine.kernel_work() if work.vector_adds or work.dot_products}


def measure(point: Point, repeats: int, seed: int) -> dict[str, Any]:
    """Time all kernels at ``point``; returns the ratio of the choice to the best, and the times."""
    rng = np.random.default_rng(seed)
    program, x = point.program(rng), point.spikes(rng)
    entrants = [
        Contestant(name, partial(simulator.run, x), len(x))
        for name, simulator in simulators(program, x).items()
    ]
    timings = alternate(entrants, repeats, turn_seconds=0.01)
    best, ratio = _against_best(timings)
    if ratio > SUSPECT:
        timings = alternate(entrants, 3 * repeats, turn_seconds=0.02)
        best, ratio = _against_best(timings)
    return {
        "point": asdict(point) | {"samples": point.samples},
        "best": best,
        "ratio": ratio,
        "microseconds_per_sample": {name: 1e6 * t.median for name, t in timings.items()},
    }


def _against_best(timings: dict[str, Timing]) -> tuple[str, float]:
    """Return (fastest forced kernel, how many times longer the automatic choice takes)."""
    forced = [timing for name, timing in timings.items() if name != AUTOMATIC]
    if not forced:
        return "none", 1.0
    best = min(forced, key=lambda timing: timing.median)
    return best.name, float(np.median(pair_ratios(timings[AUTOMATIC], best)))


def report(points: list[Point], found: list[dict[str, Any]]) -> str:
    """Return the worst points and a summary."""
    order = sorted(range(len(found)), key=lambda k: -found[k]["ratio"])
    lines = [
        f"{'in':>5}{'out':>5}{'T':>5}{'rate':>8}{'n':>5} {'spikes':12}{'weights':8}"
        f"{'ratio':>6}  {'best':8} us per sample"
    ]
    for k in order[:SHOWN]:
        times = found[k]["microseconds_per_sample"]
        shown = ", ".join(f"{name} {value:.1f}" for name, value in times.items())
        best = found[k]["best"]
        lines.append(f"{points[k].describe():47}{found[k]['ratio']:7.2f}  {best:8} {shown}")
    ratios = [entry["ratio"] for entry in found]
    within = sum(ratio <= LIMIT for ratio in ratios)
    best = Counter(entry["best"] for entry in found)
    lines += [
        "",
        f"{len(found)} points; best kernel: " + ", ".join(f"{k} {n}" for k, n in best.items()),
        f"automatic choice / best: median {np.median(ratios):.2f}, worst {max(ratios):.2f}; "
        f"{within} of {len(found)} within {LIMIT}",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the sweep; 1 when results differ or the choice is worse than `LIMIT` anywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=200, help="points drawn from the grid")
    parser.add_argument("--all", action="store_true", help="every point of the grid: hours")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each kernel")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file for all points and the machine")
    arguments = parser.parse_args()
    print(heading(), end="\n\n")
    if not hasattr(NativeEngine, "kernel_work"):
        print("sweep: this engine cannot force a kernel", file=sys.stderr)
        return 1
    points = grid() if arguments.all else chosen_points(arguments.points, arguments.seed)
    found = []
    try:
        with threads(1):
            for point in points:
                found.append(measure(point, arguments.repeats, arguments.seed))
    except Unequal as error:
        print(f"sweep: {point}: {error}", file=sys.stderr)
        return 1
    print(report(points, found))
    save(arguments.out, {"points": found})
    return 1 if max(entry["ratio"] for entry in found) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
