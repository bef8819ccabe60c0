"""Encoders: native code against the numpy twins, and against one simulation of the MLP workload.

    python benchmarks/encoding.py [--samples 200] [--repeats 7] [--out FILE.json]

Data of 784 values, T = 16; delta and level take series of 16 steps and 49 channels. Bytes are
compared first, for every instruction set of this processor: on any difference no time is printed.
Native code, numpy and the simulation of `mlp.py` then take turns, in CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mlp import PEAK, SEED, STEPS, images, machine, spread, workload
from threadpoolctl import threadpool_limits

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.sim.encode import Delta, Latency, Level, Rate, reference
from neurodeploy.sim.native import ISA_VARIABLE, instruction_sets

CHANNELS = 49
ROUNDS = 10
"""Calls of native code in one turn, so that it is long against the clock."""
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


def native_names() -> list[tuple[str, str]]:
    """Return (label, instruction set) of every native variant."""
    return [(f"native, {name}", name) for name in instruction_sets()]


def check_equal(table: dict[str, tuple[Action, Action]]) -> None:
    """Raise RuntimeError when a native encoder differs from its twin."""
    for kind, (native, twin) in table.items():
        expected = twin()
        for label, isa in native_names():
            os.environ[ISA_VARIABLE] = isa
            differing = int(np.count_nonzero(native() != expected))
            if differing:
                raise RuntimeError(f"{kind}, {label}: {differing} bytes differ, no times are given")


def cpu_seconds(action: Action, rounds: int) -> float:
    """Return the CPU time of one call, the mean of ``rounds``."""
    start = time.process_time()
    for _ in range(rounds):
        action()
    return (time.process_time() - start) / rounds


def measure(samples: int, repeats: int) -> dict[str, Any]:
    """Return microseconds per sample of every encoder and of the simulation, taken in turns."""
    table = cases(samples)
    check_equal(table)
    os.environ[ISA_VARIABLE] = instruction_sets()[0]
    work = workload(samples)
    simulator = nd.compile(work.program, record=(), threads=1)
    times: dict[str, list[float]] = {}

    def take(name: str, action: Action, rounds: int, turn: int) -> None:
        seconds = cpu_seconds(action, rounds)
        if turn:
            times.setdefault(name, []).append(1e6 * seconds / samples)

    with threadpool_limits(limits=1):
        for turn in range(repeats + 1):
            take("simulation", lambda: simulator.run(work.x), ROUNDS, turn)
            for kind, (native, twin) in table.items():
                for label, isa in native_names():
                    os.environ[ISA_VARIABLE] = isa
                    take(f"{kind}, {label}", native, ROUNDS, turn)
                take(f"{kind}, numpy", twin, 1, turn)
    return {"microseconds": times, "summary": {name: spread(row) for name, row in times.items()}}


def report(result: dict[str, Any], samples: int) -> str:
    """Return the table of one run."""
    simulation = result["summary"]["simulation"]["median"]
    here = result["machine"]
    rows = [
        f"{samples} samples, T = {STEPS}; {here['cpu']}, load {here['load'][:1]}",
        "all bytes are equal to those of numpy",
        "",
        f"{'CPU microseconds per sample':32}{'median':>10}{'min':>10}{'of simulation':>16}",
    ]
    for name, row in result["summary"].items():
        share = f"{100 * row['median'] / simulation:.1f} %"
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
        result = measure(arguments.samples, arguments.repeats)
    except RuntimeError as error:
        print(f"encoding: {error}", file=sys.stderr)
        return 1
    result["machine"] = machine()
    print(report(result, arguments.samples))
    if arguments.out:
        with replacing(arguments.out) as file:
            file.write(f"{json.dumps(result, indent=2)}\n".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
