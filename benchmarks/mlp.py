"""Inference of a 784-512-256-10 network: the native engine against the numpy reference.

    python benchmarks/mlp.py [--samples 200] [--repeats 7] [--gate 5] [--out FILE.json]

Fashion-MNIST test images where the four IDX files are installed, otherwise scikit-learn's digits
enlarged to 28 x 28 and brought to the same input rate. Bernoulli spikes, T = 16, decays 1024 and
512, int8 weights from N(0, 32); thresholds such that every layer fires at 10 %. Spikes of all
layers and steps are compared on the timed data first: on any difference no rate is printed. The
engines then take turns, in CPU seconds on one thread. Exits 1 below the gate.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.data.digits import load_digits
from neurodeploy.data.fashion import load_fashion
from neurodeploy.errors import DataError
from neurodeploy.sim.encode import Rate
from neurodeploy.sim.native import instruction_set, instruction_sets

SIZES = (784, 512, 256, 10)
STEPS = 16
INPUT_RATE = 0.295
PEAK = 255
LAYER_RATE = 0.10
CALIBRATION_SAMPLES = 100
SEED = 1
ROUNDS = {"reference": 1, "native": 10}
"""Passes over the data in one turn, so that it is long against the clock."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Workload:
    """A network, its input ``x`` uint8 ``(samples, 16, 784)``, and where the images are from."""

    program: nd.Program
    x: Bytes
    images: str


def images(count: int) -> tuple[NDArray[np.int32], str]:
    """Return (grey values 0..255 ``(count, 784)``, where they are from)."""
    try:
        data = load_fashion()
        return data.test.x[:count].reshape(-1, SIZES[0]), "Fashion-MNIST test images"
    except DataError:
        data = load_digits()
    small = np.concatenate([data.train.x, data.test.x]).reshape(-1, 8, 8)
    large = np.zeros((len(small), 28, 28), np.int32)
    large[:, 2:26, 2:26] = small.repeat(3, axis=1).repeat(3, axis=2)
    brighter = (np.minimum(large * factor, PEAK) for factor in range(1, PEAK))
    grey = next(values for values in brighter if values.mean() >= INPUT_RATE * PEAK)
    return np.resize(grey, (count, SIZES[0])), "scikit-learn digits, enlarged"


def network(weights: list[NDArray[np.int32]], thresholds: list[int]) -> nd.Program:
    """Return the chain of the first layers, as many as there are thresholds."""
    sources = ["x", *(f"layer{k}" for k in range(len(thresholds)))]
    return nd.Program(
        (nd.Input("x", (SIZES[0],)),),
        [
            nd.Population(f"layer{k}", (SIZES[k + 1],), nd.CubaLif(1024, 512, threshold))
            for k, threshold in enumerate(thresholds)
        ],
        [
            nd.Connection(source, target, nd.Dense(weight))
            for source, target, weight in zip(sources, sources[1:], weights, strict=False)
        ],
        nd.Readout(sources[-1]),
    )


def calibrated(weights: list[NDArray[np.int32]], x: Bytes) -> nd.Program:
    """Return the network whose layers fire at `LAYER_RATE`; thresholds by bisection, in order."""
    thresholds: list[int] = []
    for _ in weights:
        low, high = 0, 131071
        while high - low > 1:
            middle = (low + high) // 2
            trace = nd.simulate(network(weights, [*thresholds, middle]), x, record=())
            low, high = (middle, high) if trace[-1].s.mean() > LAYER_RATE else (low, middle)
        thresholds.append(high)
    return network(weights, thresholds)


def workload(samples: int) -> Workload:
    """Draw weights and spikes from fixed seeds and find the thresholds."""
    rng = np.random.default_rng(SEED)
    weights = [
        np.clip(np.rint(rng.normal(0, 32, shape)), -128, 127).astype(np.int32)
        for shape in zip(SIZES[1:], SIZES[:-1], strict=True)
    ]
    count = max(samples, CALIBRATION_SAMPLES)
    grey, source = images(count)
    x = Rate(steps=STEPS, peak=PEAK, seed=SEED).encode(grey).astype(np.uint8)
    return Workload(calibrated(weights, x[:CALIBRATION_SAMPLES]), x[:samples], source)


def check_equal(work: Workload) -> dict[str, float]:
    """Compare spikes and counts of both engines, and return the rates of input and layers.

    Raises RuntimeError when anything differs.
    """
    mine = nd.simulate(work.program, work.x, engine="native", record="s")
    theirs = nd.simulate(work.program, work.x, engine="reference", record="s")
    for name in work.program.names:
        differing = int(np.count_nonzero(mine[name].s != theirs[name].s))
        if differing:
            raise RuntimeError(f"{name}: {differing} spikes differ, no rates are given")
    if mine.activity != theirs.activity:
        raise RuntimeError("activity differs, no rates are given")
    return {"input": float(work.x.mean())} | {
        name: float(mine[name].s.mean()) for name in work.program.names
    }


def cpu_seconds(simulator: nd.Simulator, x: Bytes, rounds: int) -> float:
    """Return the CPU time of this process for one pass over ``x``, the mean of ``rounds``."""
    start = time.process_time()
    for _ in range(rounds):
        simulator.run(x)
    return (time.process_time() - start) / rounds


def wall_seconds(action: Callable[[], Any]) -> float:
    """Return the wall-clock time that ``action`` takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternate(work: Workload, repeats: int) -> dict[str, list[float]]:
    """Return CPU seconds per engine, taken in turns on one thread, first calls left out."""
    simulators = {
        engine: nd.compile(work.program, engine=engine, record=(), threads=1)
        for engine in ("reference", "native")
    }
    times: dict[str, list[float]] = {name: [] for name in simulators}
    with threadpool_limits(limits=1):
        for turn in range(repeats + 1):
            for name, simulator in simulators.items():
                seconds = cpu_seconds(simulator, work.x, ROUNDS[name])
                if turn:
                    times[name].append(seconds)
    return times


def spread(values: list[float]) -> dict[str, float]:
    """Return median, smallest value and quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": middle, "min": min(values), "quartile1": low, "quartile3": high}


def measure(work: Workload, repeats: int) -> dict[str, Any]:
    """Return raw times, rates per core, ratios, two-thread rate and latency."""
    times = alternate(work, repeats)
    samples = len(work.x)
    ratios = [a / b for a, b in zip(times["reference"], times["native"], strict=True)]
    half = repeats // 2
    drift = abs(float(np.median(ratios[:half]) / np.median(ratios[half:])) - 1) if half else 0.0
    two = nd.compile(work.program, record=(), threads=2)
    one = nd.compile(work.program, record=(), threads=1)
    two.run(work.x)
    return {
        "cpu_seconds": times,
        "samples_per_core_second": {
            name: spread([samples / t for t in values]) for name, values in times.items()
        },
        "ratio": spread(ratios),
        "halves_differ_by": drift,
        "samples_per_second_two_threads": spread(
            [samples / wall_seconds(lambda: two.run(work.x)) for _ in range(repeats)]
        ),
        "latency_us": spread([wall_seconds(lambda: one.run(work.x[:1])) * 1e6 for _ in range(200)]),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "cpu": cpu,
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else [],
        "instruction_set": instruction_set(),
        "instruction_sets": list(instruction_sets()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "neurodeploy": nd.__version__,
        "commit": commit.stdout.strip(),
    }


def report(work: Workload, rates: dict[str, float], result: dict[str, Any], gate: float) -> str:
    """Return the table of one run."""
    here, ratio = result["machine"], result["ratio"]
    rows = [
        f"{work.images}, {len(work.x)} samples, T = {STEPS}; "
        + ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in rates.items()),
        f"{here['cpu']}, {here['instruction_set']}, load {here['load'][:1]}",
        "spikes of all layers and all counts are equal",
        "",
        f"{'samples per core second':32}{'median':>10}{'min':>10}{'quartiles':>20}",
    ]
    table = dict(result["samples_per_core_second"])
    table["native / reference"] = ratio
    for name, row in table.items():
        quartiles = f"{row['quartile1']:.1f} to {row['quartile3']:.1f}"
        rows.append(f"{name:32}{row['median']:10.1f}{row['min']:10.1f}{quartiles:>20}")
    rows += [
        "",
        "two threads, samples per second of wall clock: "
        f"{result['samples_per_second_two_threads']['median']:.0f}",
        f"one sample, call from Python included: {result['latency_us']['median']:.0f} us",
        f"gate {gate:g}x: {'held' if ratio['median'] >= gate else 'MISSED'}",
    ]
    if result["halves_differ_by"] > 0.1:
        rows.append(f"noisy: the halves differ by {100 * result['halves_differ_by']:.0f} %, repeat")
    return "\n".join(rows)


def main() -> int:
    """Run the benchmark; 0 if the gate holds, 1 if it does not or results differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--gate", type=float, default=5.0, help="least ratio native / reference")
    parser.add_argument("--out", type=Path, help="JSON file for raw times and the machine")
    arguments = parser.parse_args()
    work = workload(arguments.samples)
    try:
        rates = check_equal(work)
    except RuntimeError as error:
        print(f"mlp: {error}", file=sys.stderr)
        return 1
    result = measure(work, arguments.repeats) | {"machine": machine(), "rates": rates}
    print(report(work, rates, result, arguments.gate))
    if arguments.out:
        with replacing(arguments.out) as file:
            file.write(f"{json.dumps(result, indent=2)}\n".encode())
    return 0 if result["ratio"]["median"] >= arguments.gate else 1


if __name__ == "__main__":
    sys.exit(main())
