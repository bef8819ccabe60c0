"""Run random programs through the native engine and the reference, and count what differs.

    python tests/fuzz.py --neuron-steps 1e8

Prints one line per thousand programs and the totals; exits 1 at the first program that differs,
naming its seed. A seed is a program, its input and its options, on every machine. Against Lava:
`tests/fuzz_lava.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from generate import random_input, random_options, random_program

import neurodeploy as nd
from neurodeploy.errors import NeurodeployWarning

ALL = ("s", "u", "v", "vth", "sigma", "act", "re", "im")


@dataclass
class Tally:
    """What a fuzz run has seen."""

    programs: int = 0
    neuron_steps: int = 0
    values: int = 0
    differing: int = 0
    spikes: int = 0
    u_wraps: int = 0
    v_saturations: int = 0
    initial: int = 0
    neurons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.neurons.items()))
        return (
            f"{self.programs} programs, {self.neuron_steps:.3e} neuron-steps, "
            f"{self.values:.3e} values compared, {self.differing} differ; "
            f"{self.spikes} messages, {self.u_wraps} u wraps, {self.v_saturations} saturations; "
            f"{self.initial} populations with initial; populations: {kinds}"
        )


def fuzz_one(seed: int, tally: Tally, large: bool) -> None:
    """Draw the case of ``seed``, run it through both engines and add the result to ``tally``."""
    rng = np.random.default_rng(seed)
    extreme = bool(rng.random() < 0.4)
    size = int(rng.choice([24, 80, 300])) if large else 24
    program = random_program(rng, extreme=extreme, max_size=size)
    steps = int(rng.integers(1, 60))
    batch = None if rng.random() < 0.2 else int(rng.integers(1, 96 if large else 6))
    data = random_input(rng, program, steps, batch)
    options: dict[str, Any] = random_options(rng, steps) | {"record": ALL}
    first = nd.simulate(program, data, engine="native", **options)
    second = nd.simulate(program, data, engine="reference", **options)
    for name in program.names:
        for variable, array in first[name].arrays.items():
            tally.values += array.size
            tally.differing += int(np.count_nonzero(array != second[name].arrays[variable]))
    tally.differing += len(first.activity.differences(second.activity))
    totals = second.activity.totals()
    tally.programs += 1
    for count, target in (("updates", "neuron_steps"), ("spikes", "spikes"),
                          ("u_wraps", "u_wraps"), ("v_saturations", "v_saturations")):  # fmt: skip
        setattr(tally, target, getattr(tally, target) + sum(totals[count].values()))
    tally.initial += sum(np.any(getattr(p.neuron, "initial", 0)) for p in program.populations)
    tally.neurons.update(type(p.neuron).__name__ for p in program.populations)


def main() -> int:
    """Fuzz until the asked number of neuron-steps, or a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neuron-steps", type=float, default=1e7)
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NeurodeployWarning)  # random data exceed what is declared
    tally, seed, start = Tally(), arguments.seed, time.monotonic()
    while tally.neuron_steps < arguments.neuron_steps:
        fuzz_one(seed, tally, large=True)
        if tally.differing:
            print(f"seed {seed}: native and reference differ; {tally}")
            return 1
        seed += 1
        if tally.programs % 1000 == 0:
            print(f"{time.monotonic() - start:.0f} s: {tally}", flush=True)
    print(f"native = reference, seeds {arguments.seed}..{seed - 1}: {tally}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
