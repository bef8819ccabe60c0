"""Peak memory of recording, of writing a trace, of large batches, and of a PilotNet-sized network.

    python benchmarks/memory.py [--pilotnet FILE.net] [--gigabyte 1.0] [--out FILE.json]

Every case runs in a process of its own; its peak is the largest resident set that the system has
seen (`ru_maxrss`). "above" is the peak less what was resident before the run: after imports, with
the network prepared and its input made. "arrays" is the size of the recorded arrays as the user
sees them, one byte per spike and four per state.

Exits 1 when a limit is missed: above <= 1.25 times the arrays, whatever is recorded, read or
written; a hundred times the batch needs at most 16 MB more; PilotNet stays below 300 MB in all.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd

MB = 10**6
WIDTH, STEPS = 4096, 250
LARGEST_SHARE = 1.25
BATCH_GROWTH_MB = 16
PILOTNET_MB = 300
MAPS = ((24, 32, 99), (36, 15, 49), (48, 7, 24), (64, 4, 22), (64, 2, 20))
STRIDES = ((2, 2), (2, 2), (2, 2), (2, 1), (1, 1))
Result = dict[str, float]


def peak() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident() -> int:
    """Return the present resident set in bytes, the largest where the system does not tell."""
    status = Path("/proc/self/statm")
    return (
        int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else peak()
    )


def events(samples: int, steps: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return spikes of 64 inputs, one in ten."""
    draws = np.random.default_rng(2).integers(0, 10, (samples, steps, 64), np.uint8)
    return (draws == 0).view(np.uint8)


def wide() -> nd.Program:
    """Return 64 inputs and one layer of `WIDTH` neurons."""
    rng = np.random.default_rng(1)
    weight = rng.integers(-100, 101, (WIDTH, 64))
    return nd.Program(
        (nd.Input("x", (64,)),),
        (nd.Population("layer0", (WIDTH,), nd.CubaLif(1024, 512, 200)),),
        (nd.Connection("x", "layer0", nd.Dense(weight)),),
        nd.Readout("layer0"),
    )


def pilotnet() -> nd.Program:
    """Return a network with the shapes of lava-dl's pilotnet_lif and drawn weights."""
    rng = np.random.default_rng(1)
    shapes = [(3, 66, 200), *MAPS, (100,), (50,), (10,), (1,)]
    populations = [
        nd.Population(f"layer{k}", shape, nd.CubaLif(4096, 1024, 25))
        for k, shape in enumerate(shapes)
    ]
    connections = [nd.Connection("x", "layer0", nd.Direct())]
    for k, (before, shape) in enumerate(pairwise(shapes)):
        if len(shape) == 3:
            weight = rng.integers(-60, 61, (shape[0], before[0], 3, 3))
            padding = (1, 0) if k == 3 else (0, 0)
            synapse = nd.Conv2d(weight, stride=STRIDES[k], padding=padding)
        else:
            synapse = nd.Dense(rng.integers(-60, 61, (shape[0], math.prod(before))))
        connections.append(nd.Connection(f"layer{k}", f"layer{k + 1}", synapse))
    return nd.Program((nd.Input("x", shapes[0]),), populations, connections, nd.Readout("layer9"))


def recording(record: str, gigabyte: float, use: Callable[[nd.Trace], Any]) -> Result:
    """Record the wide layer until its arrays hold so many GB, then ``use`` the trace."""
    simulator = nd.compile(wide(), record=record, threads=2)
    column_bytes = WIDTH * sum(1 if name == "s" else 4 for name in {*record.split(","), "s"})
    samples = max(round(gigabyte * 1e9 / (column_bytes * STEPS)), 1)
    x = events(samples, STEPS)
    simulator.run(x[:2])
    before = resident()
    use(simulator.run(x))
    return {"before": before, "peak": peak(), "arrays": column_bytes * samples * STEPS}


def write(trace: nd.Trace) -> None:
    """Write ``trace`` as the command line does."""
    from neurodeploy.cli.simulate import write_trace

    with tempfile.TemporaryDirectory() as folder:
        write_trace(trace, Path(folder, "trace.npz"))


def read_all(trace: nd.Trace) -> None:
    """Look at every array."""
    for array in trace.flat().values():
        array.max()


def batches(samples: int) -> Result:
    """Run so many samples of the wide layer, nothing but a small read-out recorded."""
    program = wide()
    weight = np.ones((1, WIDTH), int)
    simulator = nd.compile(
        nd.Program(
            program.inputs,
            (*program.populations, nd.Population("end", (1,), nd.CubaLif(9, 9, 9))),
            (*program.connections, nd.Connection("layer0", "end", nd.Dense(weight))),
            nd.Readout("end"),
        ),
        record=(),
        threads=2,
    )
    x = events(samples, 16)
    before = resident()
    simulator.run(x)
    return {"before": before, "peak": peak(), "arrays": samples * 16}


def whole_pilotnet(path: str | None) -> Result:
    """Load or build, compile and run batches of 1 and 4; all of it counts."""
    program = nd.load(path) if path else pilotnet()
    simulator = nd.compile(program, record=(), threads=2)
    rng = np.random.default_rng(2)
    for samples in (1, 4):
        x = rng.integers(0, 256, (samples, 16, *program.inputs[0].shape), np.uint8)
        trace = simulator.run(x)
    return {
        "before": 0,
        "peak": peak(),
        "arrays": sum(array.nbytes for array in trace.flat().values()),
    }


CASES: dict[str, Callable[[argparse.Namespace], Result]] = {
    "spikes recorded": lambda a: recording("s", a.gigabyte, lambda trace: None),
    "spikes recorded and read": lambda a: recording("s", a.gigabyte, read_all),
    "spikes recorded and written": lambda a: recording("s", a.gigabyte, write),
    "s, u, v recorded": lambda a: recording("s,u,v", a.gigabyte, lambda trace: None),
    "s, u, v recorded and read": lambda a: recording("s,u,v", a.gigabyte, read_all),
    "s, u, v recorded and written": lambda a: recording("s,u,v", a.gigabyte, write),
    "batch 100, nothing recorded": lambda a: batches(100),
    "batch 10000, nothing recorded": lambda a: batches(10_000),
    "pilotnet, batch 1 and 4": lambda a: whole_pilotnet(a.pilotnet),
}


def in_a_child(case: str, arguments: argparse.Namespace) -> Result:
    """Run one case in a fresh interpreter."""
    command = [sys.executable, __file__, "--case", case, "--gigabyte", str(arguments.gigabyte)]
    command += ["--pilotnet", arguments.pilotnet] if arguments.pilotnet else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "above": found["peak"] - found["before"]}


def missed(results: dict[str, Result]) -> list[str]:
    """Return what is over its limit, one line each."""
    lines = []
    for case, result in results.items():
        if "recorded" in case and "nothing" not in case:
            share = result["above"] / result["arrays"]
            if share > LARGEST_SHARE:
                lines.append(f"{case}: {share:.2f} times the arrays, limit {LARGEST_SHARE}")
    small, large = (results[f"batch {n}, nothing recorded"]["above"] for n in (100, 10_000))
    if large - small > BATCH_GROWTH_MB * MB:
        lines.append(f"batch 10000: {(large - small) / MB:.0f} MB more, limit {BATCH_GROWTH_MB}")
    whole = results["pilotnet, batch 1 and 4"]["peak"]
    if whole > PILOTNET_MB * MB:
        lines.append(f"pilotnet: {whole / MB:.0f} MB, limit {PILOTNET_MB}")
    return lines


def main() -> int:
    """Run the cases; 0 if the limits hold, 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilotnet", help="a NetX file to run instead of drawn weights")
    parser.add_argument("--gigabyte", type=float, default=1.0, help="size of the recorded arrays")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(CASES[arguments.case](arguments)))
        return 0
    columns = ("arrays", "before", "peak", "above")
    print(f"{'MB, one process each':32}" + "".join(f"{name:>10}" for name in columns))
    results = {}
    for case in CASES:
        results[case] = in_a_child(case, arguments)
        row = [results[case][name] / MB for name in columns]
        print(f"{case:32}" + "".join(f"{value:10.1f}" for value in row), flush=True)
    lines = missed(results)
    print("\n".join(lines) if lines else "all limits hold")
    if arguments.out:
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        arguments.out.write_text(
            f"{json.dumps({'versions': versions, 'bytes': results}, indent=2)}\n"
        )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
