"""Encoders: native code against the numpy twins, and against one simulation of the MLP workload.

    python benchmarks/encoding.py [--samples 200] [--repeats 7] [--out FILE.json]

Data of 784 values, T = 16; delta and level take series of 16 steps and 49 channels. Bytes are
compared first, for every instruction set of this processor: on any difference no time is printed.
Native code, numpy and the simulation then take turns, in CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import environment, heading, save, threads
from timing import Contestant, Timing, alternate, spread
from workloads import PEAK, SEED, STEPS, images, mlp

import neurodeploy as nd
from neurodeploy.encode import Delta, Latency, Level, Rate, reference
from neurodeploy.sim.native import ISA_VARIABLE, instruction_sets

CHANNELS = 49
SIMULATION = "simulation"
Action = Callable[[], Any]


def cases(samples: int) -> dict[str, tuple[Action, Action]]:
    """Return per encoder the native call and its numpy twin."""
    still = images(samples)[0]
    series = np.resize(still, (samples, STEPS, CHANNELS))
    index = np.arange(samples)
    rate, latency = Rate(STEPS, PEAK, seed=SEED), Latency(STEPS, PEAK)
    delta, level = Delta(STEPS, PEAK, threshold=20), Level(STEPS, PEAK)
    return {
        "rate": (
            lambda: rate.encode(still, threads=1),
            lambda: reference.rate(still, index, steps=STEPS, peak=PEAK, seed=SEED, draw=0),
        ),
        "latency": (
            lambda: latency.encode(still, threads=1),
            lambda: reference.latency(still, steps=STEPS, peak=PEAK),
        ),
        "delta": (
            lambda: delta.encode(series, threads=1),
            lambda: reference.delta(series, threshold=20),
        ),
        "level": (
            lambda: level.encode(series, threads=1),
            lambda: reference.level(series, peak=PEAK, levels=level.levels),
        ),
    }


def forced(action: Action, isa: str) -> Action:
    """Return ``action`` with the instruction set ``isa``."""

    def run() -> Any:
        with environment(**{ISA_VARIABLE: isa}):
            return action()

    return run


def check_equal(table: dict[str, tuple[Action, Action]]) -> None:
    """Raise RuntimeError when a native encoder differs from its twin."""
    for kind, (native, twin) in table.items():
        expected = twin()
        for isa in instruction_sets():
            differing = int(np.count_nonzero(forced(native, isa)() != expected))
            if differing:
                raise RuntimeError(f"{kind}, {isa}: {differing} bytes differ, no times are given")


def measure(samples: int, repeats: int) -> dict[str, Timing]:
    """Return the CPU time of every encoder and of the simulation, taken in turns."""
    table = cases(samples)
    check_equal(table)
    work = mlp(samples)
    simulator = nd.compile(work.program, record=(), threads=1)
    entrants = [Contestant(SIMULATION, lambda: simulator.run(work.x), samples)]
    for kind, (native, twin) in table.items():
        for isa in instruction_sets():
            entrants.append(Contestant(f"{kind}, {isa}", forced(native, isa), samples))
        entrants.append(Contestant(f"{kind}, numpy", twin, samples))
    with threads(1):
        return alternate(entrants, repeats)


def report(timings: dict[str, Timing], samples: int) -> str:
    """Return the table of one run."""
    rows = [
        f"{samples} samples, T = {STEPS}; {heading()}",
        "all bytes are equal to those of numpy",
        "",
        f"{'CPU microseconds per sample':32}{'median':>10}{'min':>10}{'of simulation':>16}",
    ]
    for name, timing in timings.items():
        row = spread([1e6 * value for value in timing.seconds])
        share = f"{100 * timing.median / timings[SIMULATION].median:.1f} %"
        rows.append(f"{name:32}{row['median']:10.2f}{row['min']:10.2f}{share:>16}")
    return "\n".join(rows)


def main() -> int:
    """Run the benchmark; 1 if results differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help="JSON file for raw times and the machine")
    arguments = parser.parse_args()
    try:
        timings = measure(arguments.samples, arguments.repeats)
    except RuntimeError as error:
        print(f"encoding: {error}", file=sys.stderr)
        return 1
    print(report(timings, arguments.samples))
    save(arguments.out, {name: timing.record() for name, timing in timings.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
