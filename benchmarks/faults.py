"""How many faults a second can be injected into the network of the demo?

    python benchmarks/faults.py [--seconds 3] [--out FILE.json]

An injection is one fault on one sample. Faults of stored words are timed as a campaign runs them:
the Program with that word changed, prepared and run on a batch, in turns with the network itself,
prepared once. Faults that act while a program runs are timed on the reference engine, each sample
of a batch with its own. Before anything is timed, the answers of the first faults are compared
with those of the reference. CPU seconds of one thread.
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

from neurodeploy.answers import Runner, settle
from neurodeploy.answers.runner import as_samples
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program
from neurodeploy.sim.faults import LOIHI
from neurodeploy.verification.fault_sites import Sampling, Trials, sites
from neurodeploy.verification.fault_trials import answers

BATCHES = (1, 40, 359)
REACH = 20_000
"""Wanted injections/s of the digits network, one sample each."""
KINDS = (
    ("input->hidden1 weight", "bit flip"),
    ("hidden1->output weight", "bit flip"),
    ("hidden1 threshold", "bit flip"),
    ("hidden1 v", "bit flip"),
    ("hidden1 neuron", "dead"),
    ("hidden1->output spikes", "dropped 0.1"),
)


def rate(work: Callable[[], int], seconds: float) -> float:
    """Return what ``work`` does per CPU second; one call is discarded."""
    work()
    start, done = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        done += work()
    return done / spent


def main() -> None:
    with threads(1):
        measure()


def measure() -> None:
    """Time every kind at every batch, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    print(heading())
    program = shipped_program()
    shown = present(program, load_data("digits").test)
    recipe = replace(settle(program, shown.steps), threads=1)
    columns = shown.columns(slice(0, len(shown)))
    sampling = Sampling(0, LOIHI, 1, 0.2, (), (0.1,), 20)
    rows = {
        (row.site, row.kind): row
        for row in sites(program, shown.steps, sampling)
        if isinstance(row, Trials)
    }
    slow = replace(recipe, engine="reference")
    found: list[dict[str, Any]] = []
    for batch in BATCHES:
        some = columns[:batch]
        runner = Runner(program, recipe)

        def clean(some: Any = some, runner: Runner = runner) -> int:
            return sum(len(piece.predicted) for piece in runner.run(as_samples(some), len(some)))

        base = rate(clean, flags.seconds)
        print(f"batch {batch}: without faults {base:,.0f} samples/s")
        for key in KINDS:
            one = rows[key]
            few = replace(one, injections=one.injections[:3])
            mine, theirs = (answers(program, way, some, few) for way in (recipe, slow))
            if not np.array_equal(mine, theirs):
                raise SystemExit(f"{key}: the engines differ")

            def inject(one: Trials = one, some: Any = some) -> int:
                return answers(program, recipe, some, one).size

            speed = rate(inject, flags.seconds)
            told = f"{speed:,.0f} injections/s, {speed / batch:,.0f} faults/s"
            print(f"  {key[0]}, {key[1]}: {told}, reach {REACH:,}: {speed / REACH:.2f}x")
            found.append(
                {
                    "site": key[0],
                    "kind": key[1],
                    "batch": batch,
                    "per_s": speed,
                    "clean_per_s": base,
                }
            )
    save(flags.out, {"reach_per_s": REACH, "rows": found})


if __name__ == "__main__":
    main()
