"""How many faults a second can be injected into a network?

    python benchmarks/faults.py [--seconds 2] [--out FILE.json]

An injection is one fault on one sample, the same sample under every fault. Networks: that of the
demo, and 784-512-256-10 with random weights. Beside it stand the same faults as the
Program with that word changed, prepared and run each time, and the network without faults: on the
engine that takes them, on the plain one, and in batches in which one sample of a hundred has a
fault. Before anything is timed, the answers under the first faults are compared with those of the
reference. CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import heading, save, threads

import neurodeploy as nd
from neurodeploy.answers import Recipe, settle
from neurodeploy.answers.faulty import answers
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program
from neurodeploy.program import Program
from neurodeploy.sim import RunOptions, simulate
from neurodeploy.sim.faults import LOIHI, NeuronFault, faulty_program
from neurodeploy.sim.faults.injector import injector
from neurodeploy.sim.native import NativeEngine
from neurodeploy.sim.plan import prepare
from neurodeploy.verification.fault_sites import Sampling, Trials, sites

REACH = {"digits": 20_000, "784-512-256-10": 2_000}
"""Wanted injections/s, one sample each."""
MOST = 500
CHECKED, DRAWS = 3, 20
REBUILT = 20
SAMPLES = 2000
SAMPLING = Sampling(0, LOIHI, 1, 0.05, (), (0.1,), DRAWS)


def workload() -> tuple[Program, Any]:
    """Return 784-512-256-10 with random even weights, and one sample of four steps."""
    rng = np.random.default_rng(0)
    sizes = (784, 512, 256, 10)
    names = ("x", "h1", "h2", "y")
    neurons = [nd.CubaLif(4096, 512, 400), nd.CubaLif(4096, 512, 200), nd.Integrator(4096, 512)]
    program = nd.Program(
        (nd.Input("x", (784,)),),
        tuple(
            nd.Population(name, (size,), neuron)
            for name, size, neuron in zip(names[1:], sizes[1:], neurons, strict=True)
        ),
        tuple(
            nd.Connection(a, b, nd.Dense(2 * rng.integers(-60, 64, (out, size))))
            for a, b, size, out in zip(names[:-1], names[1:], sizes[:-1], sizes[1:], strict=True)
        ),
        nd.Readout("y", "v"),
    )
    return program, (rng.random((1, 4, 784)) < 0.2).astype(np.uint8)


def rate(work: Callable[[], int], seconds: float) -> float:
    """Return what ``work`` does per CPU second; one call is discarded."""
    work()
    start, done = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        done += work()
    return done / spent


def check(program: Program, recipe: Recipe, x: Any, one: Trials) -> None:
    """Stop unless the reference answers as the native engine under the first faults."""
    few, slow = one.injections[:CHECKED], replace(recipe, engine="reference")
    mine = answers(program, recipe, x, few)
    options = {**slow.options(), "record": ()}
    readout = program.readout
    for faults, found in zip(few, mine, strict=True):
        array = simulate(program, x, faults=[faults], **options)[readout.population]
        score = array.arrays[readout.variable].sum(axis=1, dtype=np.int64)
        best = np.flatnonzero(score[0] == score[0].max())
        if found[0] != (best[0] if len(best) == 1 else -1):
            raise SystemExit(f"{one.site}, {one.kind}: the engines differ")


def clean_rates(program: Program, options: RunOptions, x: Any, seconds: float) -> dict[str, float]:
    """Return samples/s without faults, one sample after the other in large batches."""
    own = injector(program, options)
    arrays = own.data(np.repeat(x, SAMPLES, axis=0)).arrays
    plain = NativeEngine(prepare(program, options))
    name = program.populations[0].name
    one = (NeuronFault(name, 0, "dead"),)
    few = [() if n % 100 else one for n in range(SAMPLES)]
    broken = own.data(np.repeat(x, SAMPLES, axis=0))

    def of(work: Callable[[], Any]) -> float:
        return rate(lambda: (work(), SAMPLES)[1], seconds)

    return {
        "plain": of(lambda: plain.run(arrays)),
        "faultable": of(lambda: own.engine.run(arrays)),
        "one_in_100": of(lambda: own.run_lists(broken, few).activity),
    }


def measure(name: str, program: Program, recipe: Recipe, x: Any, seconds: float) -> Any:
    """Time every kind of fault of one network, and print one line for each."""
    options = RunOptions(**recipe.options(), record=())
    clean = clean_rates(program, options, x, seconds)
    print(name, *(f"{key} {value:,.0f} samples/s" for key, value in clean.items()))
    rows = []
    for one in sites(program, recipe.steps, SAMPLING):
        if not isinstance(one, Trials):
            continue
        one = replace(one, injections=one.injections[:MOST])
        copies = -(-MOST // len(one.injections))
        injections = (one.injections * copies)[:MOST]
        check(program, recipe, x, one)

        def inject(injections: Any = injections) -> int:
            return answers(program, recipe, x, injections).size

        def rebuild(injections: Any = injections[:REBUILT]) -> int:
            for faults in injections:
                simulate(faulty_program(program, faults), x, **options_of(recipe))
            return len(injections)

        speed = rate(inject, seconds)
        again = None if one.runs else rate(rebuild, seconds)
        told = "" if again is None else f", as a Program {again:,.0f}"
        print(f"  {one.site}, {one.kind}: {speed:,.0f} injections/s, reach {REACH[name]:,}{told}")
        rows.append({"site": one.site, "kind": one.kind, "per_s": speed, "rebuilt_per_s": again})
    return {"network": name, "reach_per_s": REACH[name], "clean_per_s": clean, "rows": rows}


def options_of(recipe: Recipe) -> dict[str, Any]:
    return {**recipe.options(), "record": ()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    print(heading())
    with threads(1):
        digits = shipped_program()
        shown = present(digits, load_data("digits").test.first(1))
        recipe = replace(settle(digits, shown.steps), threads=1)
        x = shown.columns(slice(0, 1))
        found = [measure("digits", digits, recipe, x, flags.seconds)]
        wide, sample = workload()
        recipe = replace(settle(wide, 4), threads=1)
        found.append(measure("784-512-256-10", wide, recipe, sample, flags.seconds))
    save(flags.out, {"networks": found})


if __name__ == "__main__":
    main()
