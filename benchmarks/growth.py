"""How time grows with steps, samples and synaptic work, over two decades each.

    python benchmarks/growth.py [--repeats 7] [--plot growth.svg] [--out FILE]

Everything else stays the same along one axis. Synaptic work is scaled in two ways: by the outputs
of a layer, and by its inputs (then the neurons cost the same everywhere, so that small layers lie
above the line). CPU seconds of one thread; the sizes of an axis take turns. Prints the slope of a
straight line through log time over log size: 1 is linear, below 1 a fixed cost at the small end.
Spikes are compared with the reference engine first. Exits 1 when they differ, or when time grows
faster than the size to the power of 1.1.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from equality import Oracle, Unequal
from machine import heading, save, threads
from plot import Panel, svg
from timing import Contestant, alternate
from workloads import SEED, Bytes, mlp

import neurodeploy as nd

MAX_SLOPE = 1.1
SCALES = (1, 2, 5, 10, 20, 50, 100)
RATE = 0.1
STEPS = 16


@dataclass(frozen=True)
class Case:
    """One size: a program and its data, and the size that is plotted."""

    size: int
    program: nd.Program
    x: Bytes


def over_steps() -> list[Case]:
    """Return the MLP with 16 to 1600 steps of 4 samples."""
    work = mlp(100)
    stream = work.x.reshape(4, -1, *work.input_shape)
    return [
        Case(STEPS * k, work.program, np.ascontiguousarray(np.resize(stream, (4, 16 * k, 784))))
        for k in SCALES
    ]


def over_samples() -> list[Case]:
    """Return the MLP with 10 to 1000 samples."""
    work = mlp(100)
    return [Case(10 * k, work.program, work.take(10 * k)) for k in SCALES]


def over_outputs() -> list[Case]:
    """Return one dense layer of 256 inputs and 64 to 6400 outputs; size in synaptic operations."""
    return [_layer(256, 64 * k, samples=16) for k in SCALES]


def over_inputs() -> list[Case]:
    """Return one dense layer of 128 to 12800 inputs and 128 outputs."""
    return [_layer(128 * k, 128, samples=16) for k in SCALES]


AXES = {
    "steps": over_steps,
    "samples": over_samples,
    "synaptic operations (outputs)": over_outputs,
    "synaptic operations (inputs)": over_inputs,
}


def _layer(inputs: int, outputs: int, samples: int) -> Case:
    rng = np.random.default_rng(SEED)
    weight = rng.integers(-64, 64, (outputs, inputs), dtype=np.int32)
    x = (rng.random((samples, STEPS, inputs)) < RATE).astype(np.uint8)
    program = nd.Program(
        (nd.Input("x", (inputs,)),),
        (nd.Population("layer", (outputs,), nd.CubaLif(1024, 512, 8 * inputs)),),
        (nd.Connection("x", "layer", nd.Dense(weight)),),
        nd.Readout("layer"),
    )
    return Case(int(np.count_nonzero(x)) * outputs, program, x)


def measure(name: str, repeats: int) -> dict[str, Any]:
    """Time the sizes of one axis; returns sizes, median seconds, the slope and raw times."""
    cases = AXES[name]()
    entrants = []
    for case in cases:
        simulator = nd.compile(case.program, record=(), threads=1)
        Oracle(case.program, case.x).check(simulator, f"{name} = {case.size}")
        entrants.append(Contestant(str(case.size), partial(simulator.run, case.x), 1))
    with threads(1):
        timings = alternate(entrants, repeats, turn_seconds=0.05)
    sizes = [case.size for case in cases]
    seconds = [timing.median for timing in timings.values()]
    slope = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return {
        "sizes": sizes,
        "seconds": seconds,
        "slope": slope,
        "steepest": float(np.max(np.diff(np.log(seconds)) / np.diff(np.log(sizes)))),
        "raw": {label: timing.record() for label, timing in timings.items()},
    }


def panel(name: str, found: dict[str, Any]) -> Panel:
    """Return the plot of one axis."""
    title = f"slope {found['slope']:.2f} (dashed: 1)"
    return Panel(title, name, "CPU seconds", found["sizes"], found["seconds"])


def main() -> int:
    """Run the benchmark; 1 when results differ or time grows faster than linearly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="turns of each size")
    parser.add_argument("--plot", type=Path, default=Path("growth.svg"))
    parser.add_argument("--out", type=Path, help="JSON file for raw times and the machine")
    arguments = parser.parse_args()
    print(heading(), end="\n\n")
    print(f"{'time over':32}{'from':>12}{'to':>12}{'slope':>8}{'steepest':>10}")
    result: dict[str, Any] = {}
    try:
        for name in AXES:
            found = result[name] = measure(name, arguments.repeats)
            print(
                f"{name:32}{found['sizes'][0]:12d}{found['sizes'][-1]:12d}{found['slope']:8.2f}"
                f"{found['steepest']:10.2f}"
            )
    except Unequal as error:
        print(f"growth: {error}", file=sys.stderr)
        return 1
    arguments.plot.write_text(svg([panel(name, found) for name, found in result.items()]))
    print(f"\nplot: {arguments.plot}")
    save(arguments.out, result)
    return 1 if any(found["slope"] > MAX_SLOPE for found in result.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
