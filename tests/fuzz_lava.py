"""Compare an engine with Lava on random programs and on the edges of every width.

    python tests/fuzz_lava.py --neuron-steps 1e6
    python tests/fuzz_lava.py --engine reference --seed 1000 --neuron-steps 1e5

Three kinds of case take turns: wide populations whose every parameter and input is an edge of its
width, random chains as NetX holds them, and random graphs of which those that Lava cannot express
are refused. Prints a line per hundred programs and the totals; exits 1 at the first divergence,
which it prints. A seed is a program, its input and its options, on every machine.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fuzz
import numpy as np
from generate import (
    EDGE_BIASES,
    EDGE_DECAYS,
    EDGE_MESSAGES,
    EDGE_THRESHOLDS,
    EDGE_WEIGHTS,
    random_input,
    random_options,
    random_program,
)
from numpy.random import Generator
from rich.console import Console

from neurodeploy.errors import EngineError, ExportError, NeurodeployWarning, OptionError
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.sim import simulate
from neurodeploy.sim.compare import Comparison, compare_traces, plan_of
from neurodeploy.sim.compare_view import render
from neurodeploy.sim.options import VARIABLES
from neurodeploy.synapse import Conv2d, Dense, Direct

EDGE_CURRENTS = (
    *(sign * (2**17 * k + d) for sign in (-1, 1) for k in (0, 1, 2, 3) for d in (-1, 0, 1)),
    *(
        0,
        1,
        63,
        64,
        4095,
        4096,
        131071,
        -400_000,
        400_000,
        2**25 - 1,
        -(2**25),
        2**31 - 1,
        -(2**31),
    ),
)
"""Currents a: a << 6 meets +-2^23, 2^24, 3 * 2^23 and the width of int32."""
UNDEFINED = "what Lava makes of it is undefined"


@dataclass
class Tally(fuzz.Tally):
    """What a run has seen. refused : programs. undefined : sums beyond int32."""

    refused: int = 0
    undefined: int = 0

    def __str__(self) -> str:
        return (
            f"{super().__str__()}; {self.refused} programs refused, "
            f"{self.undefined} undefined in Lava"
        )


def edge_neuron(rng: Generator, kind: str, size: int) -> Neuron:
    """Return a neuron of ``kind`` whose parameters, one for each cell where possible, are edges."""

    def edges(values: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return rng.choice(values, size=size)

    if kind in ("CubaLif", "Integrator"):
        shared = {name: edges(EDGE_DECAYS) for name in ("current_decay", "voltage_decay")}
        bias = edges((0, *EDGE_BIASES, 32768, 40000, -40000))
        if kind == "Integrator":
            return Integrator(**shared, bias=bias)
        return CubaLif(**shared, bias=bias, threshold=edges((*EDGE_THRESHOLDS, 2**25 - 1)))
    threshold = int(rng.choice((0, 1, 2, 63, 4096, 2**19 - 1, 2**19)))
    if kind == "SigmaDelta":
        return SigmaDelta(threshold, edges((0, 1, -1, 2**15, -(2**15), 2**19 - 1, -(2**19))))
    if kind in ("Delta", "Sigma"):
        return Delta(threshold) if kind == "Delta" else Sigma()
    resonator = ResonateFire if kind == "ResonateFire" else ResonateFireIz
    decays = (-4096, -4095, -2048, -1, 0, 1, 2047, 2896, 4095, 4096)
    return resonator(edges(decays), edges(decays), int(rng.choice((0, 1, 64, 131071))))


def edge_program(rng: Generator) -> Program:
    """Return an input at the edges of int32 that drives a wide population, and one more behind."""
    size = int(rng.integers(200, 500))
    kind = str(rng.choice(["CubaLif", "CubaLif", "Integrator", "Delta", "SigmaDelta", "RF"]))
    kind = str(rng.choice(["ResonateFire", "ResonateFireIz"])) if kind == "RF" else kind
    neuron = edge_neuron(rng, kind, size)
    ports = [port for port in neuron.ports if port != "bias" or rng.random() < 0.5]
    first = Population("first", (size,), neuron)
    direct = [Connection("input", "first", Direct(), port=port) for port in ports]
    behind = ("CubaLif", "Integrator", "SigmaDelta", "Sigma")
    last = Population("last", (64,), edge_neuron(rng, str(rng.choice(behind)), 64))
    delay = rng.choice((0, 1, 61, 62), size=(64, size)) if rng.random() < 0.3 else None
    weight = _edge_weight(rng, (64, size))
    group = str(rng.choice(["own", "joint"]))
    chain = [Connection("first", "last", Dense(weight, delay), group=group)]
    if rng.random() < 0.5:
        own = Dense(_edge_weight(rng, (64, 64)))
        chain.append(Connection("last", "last", own, feedback=True, group="joint"))
    return Program(
        (Input("input", (size,), 32),), (first, last), (*direct, *chain), Readout("last", "s")
    )


def _edge_weight(rng: Generator, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Draw weights from all edges, from one sign, from powers of two, or from beyond 8 bits."""
    classes: tuple[tuple[int, ...], ...] = (
        EDGE_WEIGHTS,
        (*(w for w in EDGE_WEIGHTS if w >= 0), 255, 256),
        tuple(w for w in EDGE_WEIGHTS if w >= 0),
        tuple(w for w in EDGE_WEIGHTS if w <= 0),
        (-128, -64, -2, 0),
        (-300, 300, 255, -257, 1),
        (-1, 0, 1),
    )
    weight = rng.choice(classes[int(rng.integers(len(classes)))], size=shape)
    weight.flat[0] = weight.flat[0] or 2
    return weight


def edge_conv(rng: Generator) -> Program:
    """Return a graded map through a convolution whose sum passes 24 bits, but not 32."""
    weight = rng.choice(EDGE_WEIGHTS, size=(6, 1, 3, 3))
    conv = Conv2d(weight, stride=(2, 1), padding=(1, 2), groups=3)
    source = (3, 9, 7)
    shape = conv.output_shape(source)
    neuron = CubaLif(4096, 0, int(rng.choice(EDGE_THRESHOLDS)), rng.choice(EDGE_BIASES, size=shape))
    connection = Connection("input", "map", conv)
    return Program(
        (Input("input", source, 20),), (Population("map", shape, neuron),), (connection,),
        Readout("map", "s"),
    )  # fmt: skip


def edge_case(rng: Generator, steps: int) -> tuple[Program, dict[str, Any]]:
    """Return a program of edges and its input."""
    if rng.random() < 0.2:
        program, values = edge_conv(rng), (-(2**19), 2**19 - 1, 0, 1, -1, 2**17)
    else:
        program, values = edge_program(rng), (*EDGE_CURRENTS, *EDGE_MESSAGES)
    shape = (steps, *program.inputs[0].shape)
    silent = rng.random(shape) < rng.choice([0.0, 0.3, 0.9])
    return program, {"input": np.where(silent, 0, rng.choice(values, size=shape)).astype(np.int32)}


def random_case(rng: Generator, steps: int, *, lava: bool) -> tuple[Program, dict[str, Any]]:
    """Return a random program and its input."""
    program = random_program(
        rng, lava=lava, extreme=bool(rng.random() < 0.5), max_size=int(rng.choice([24, 200]))
    )
    return program, random_input(rng, program, steps)


def fuzz_one(seed: int, engine: str, tally: Tally, steps: int = 120) -> Comparison | None:
    """Run the case of ``seed`` through ``engine`` and Lava; None when Lava has no answer."""
    rng = np.random.default_rng(seed)
    cases: tuple[Callable[[], tuple[Program, dict[str, Any]]], ...] = (
        lambda: edge_case(rng, steps),
        lambda: random_case(rng, steps, lava=True),
        lambda: random_case(rng, steps, lava=False),
    )
    program, data = cases[seed % 3]()
    options = random_options(rng, steps, lava=True)
    if rng.random() < 0.2:
        options["input_bits"] = int(rng.choice([0, 8]))
    if rng.random() < 0.2:
        options["weights"] = "exact"
    try:
        traces = {
            name: simulate(program, data, engine=name, record=VARIABLES, **options)
            for name in ("lava", engine)
        }
    except (ExportError, OptionError):
        tally.refused += 1
        return None
    except EngineError as error:
        if UNDEFINED not in str(error):
            raise
        tally.undefined += 1
        return None
    comparison = compare_traces(plan_of(program, engine=engine, **options), traces)
    _count(tally, comparison, program, traces[engine].activity.totals())
    return comparison


def _count(
    tally: Tally, comparison: Comparison, program: Program, totals: dict[str, dict[str, int]]
) -> None:
    tally.programs += 1
    tally.values += comparison.compared
    tally.differing += comparison.differing + sum(map(len, comparison.activity.values()))
    tally.neuron_steps += sum(totals["updates"].values())
    for name in ("spikes", "u_wraps", "v_saturations"):
        setattr(tally, name, getattr(tally, name) + sum(totals[name].values()))
    tally.neurons.update(type(population.neuron).__name__ for population in program.populations)


def main() -> int:
    """Fuzz until the asked number of neuron-steps, or a divergence."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--neuron-steps", type=float, default=1e6)
    parser.add_argument("--engine", default="native", choices=("native", "reference"))
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NeurodeployWarning)  # random data exceed what is declared
    tally, seed, start = Tally(), arguments.seed, time.monotonic()
    while tally.neuron_steps < arguments.neuron_steps:
        comparison = fuzz_one(seed, arguments.engine, tally)
        if comparison is not None and not comparison.equal:
            Console().print(render(comparison))
            print(f"seed {seed}: {arguments.engine} and Lava differ; {tally}")
            return 1
        seed += 1
        if (seed - arguments.seed) % 100 == 0:
            print(f"{time.monotonic() - start:.0f} s: {tally}", flush=True)
    seconds = time.monotonic() - start
    print(
        f"{arguments.engine} = Lava, seeds {arguments.seed}..{seed - 1}, {seconds:.0f} s: {tally}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
