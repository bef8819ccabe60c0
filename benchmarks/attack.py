"""How long attacks take: the suite on digits and on Fashion-MNIST, and queries of Square per core.

    python benchmarks/attack.py [--program RUN/program.h5] [--epochs 2] [--samples 1000]
                                [--parts quick standard square] [--out FILE]

quick: strength `quick` on the shipped digits network and all test digits, at two budgets. standard:
strength `standard` on a 784-512-256-10 network and test images of Fashion-MNIST at eps 8, which is
trained for a moment unless one is given. square: answers of the engine that Square gets for its
proposals in a second of one core, none of which is allowed to end the search.

Of a machine that others use too, the seconds of the processor say more than those of the wall: half
of them is the least that two cores need.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, save
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.answers import RunChoice, settle
from neurodeploy.attack import Engine, Field, Space
from neurodeploy.attack.search import Square
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program

REACHES = {"quick_s": 3.0, "standard_s": 300.0, "square_per_core_s": 20_000.0}
CONFIG = Path(__file__).parents[1] / "examples" / "fashion-mlp.toml"


def trained(epochs: int) -> nd.Program:
    """Return the network of the example, trained for a few epochs."""
    from neurodeploy.runs.training import train

    text = CONFIG.read_text(encoding="utf-8").replace("epochs = 8", f"epochs = {epochs}")
    with tempfile.TemporaryDirectory() as folder:
        return train(text, Path(folder)).program


def suite(program: nd.Program, data: str, samples: int | None, strength: str, *eps: float) -> Any:
    """Return seconds by the wall and of the processor, and rows of the suite."""
    asked = nd.Attack(eps=eps, strength=strength)
    began, used = time.perf_counter(), time.process_time()
    found = nd.verify(program, data, [asked], samples=samples)
    return time.perf_counter() - began, time.process_time() - used, found["attack"].rows


def quick(_: Callable[[], nd.Program], samples: int) -> dict[str, Any]:
    """The demo's network; the first run, which imports torch, is not counted."""
    program = shipped_program()
    suite(program, "digits", 10, "quick", 16)
    seconds, used, rows = suite(program, "digits", None, "quick", 16, 32)
    return {
        "quick_s": seconds,
        "quick_cpu_s": used,
        "n": rows[0].n,
        "robust": [row.robust for row in rows],
    }


def standard(program: Callable[[], nd.Program], samples: int) -> dict[str, Any]:
    """A larger network."""
    seconds, used, rows = suite(program(), "fashion-mnist", samples, "standard", 8)
    found = {"clean": rows[0].clean, "robust": rows[0].robust, "by_attack": rows[0].by_attack}
    times = {"standard_s": seconds, "standard_cpu_s": used, "standard_two_cores_least_s": used / 2}
    return {**times, "n": rows[0].n, **found}


def square(program: Callable[[], nd.Program], samples: int) -> dict[str, Any]:
    """Square on one core; the answers are counted, and replaced by that no sample ever falls."""
    net = program()
    data = present(net, load_data("fashion-mnist").test).first(samples)
    recipe = settle(net, data.steps, RunChoice(threads=1))
    engine, space = Engine(net, recipe), Space.around(data, data.budget(8))
    asked = 0

    def answer(x: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        nonlocal asked
        asked += len(rows)
        scores = engine.scores(space.columns(x, rows))
        scores[np.arange(len(rows)), data.y[rows]] = scores.max() + 1
        return scores

    field = Field(space, data.y, data.index, answer, None)
    Square(queries=3).run(field)
    asked, began = 0, time.process_time()
    Square(queries=50).run(field)
    return {"square_per_core_s": asked / (time.process_time() - began), "queries": asked}


PARTS = {"quick": quick, "standard": standard, "square": square}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    held: list[nd.Program] = []

    def program() -> nd.Program:
        if not held:
            held.append(nd.load(given.program) if given.program else trained(given.epochs))
        return held[0]

    found: dict[str, Any] = {"machine": machine()}
    for part in given.parts:
        found[part] = PARTS[part](program, given.samples)
        for name, value in found[part].items():
            reach = f"   reach {REACHES[name]:,.0f}" if name in REACHES else ""
            shown = f"{value:,.3f}" if isinstance(value, float) else value
            print(f"{part:9s} {name:18s} {shown}{reach}", flush=True)
    save(given.out, found)


if __name__ == "__main__":
    main()
