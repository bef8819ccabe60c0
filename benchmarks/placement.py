"""How well and how fast are networks placed on cores, and what does counting per core cost?

    python benchmarks/placement.py [--pilotnet NETWORK.net] [--out FILE.json]

* PilotNet on Loihi 2, layer by layer beside what the vendor's compiler printed. Without the file
  that lava-dl ships, a network of the same shapes stands for it: the table is about structure.
* Twenty networks on three chips: cores of the mapper, of the naive placement, and the lower bound.
* A network of 100,000 neurons, seconds.
* Counting what every core does in every step, as a share of a plain run that records spikes. Sums
  are compared with the run's totals first. CPU seconds of one thread, both in turns; the least of
  several turns, since the machine may be busy.
"""

from __future__ import annotations

import argparse
import itertools
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from machine import heading, save, threads

import neurodeploy as nd
from neurodeploy.placement import CoreCounter, place
from neurodeploy.profile import load_profile

COMPILER = (13, 25, 13, 3, 3, 2, 12, 1, 1, 1)
"""Cores that the compiler gave the layers of PilotNet, 74 in all."""
PILOTNET = (
    (24, 3, (2, 2), (0, 0)),
    (36, 3, (2, 2), (0, 0)),
    (48, 3, (2, 2), (0, 0)),
    (64, 3, (2, 1), (1, 0)),
    (64, 3, (1, 1), (0, 0)),
    100,
    50,
    10,
    1,
)
LIF = nd.CubaLif(current_decay=4096, voltage_decay=128, threshold=64)
CHIPS = ("loihi1", "loihi2", "spinnaker")
REACH = {"gap": 0.1, "seconds": 5.0, "counts": 1.3, "pilotnet": (0.9 * 74, 1.1 * 74)}
TURNS = 15

Layer = int | tuple[int, int, Any, Any]


def network(shape: tuple[int, ...], *layers: Layer, seed: int = 0) -> nd.Program:
    """Return convolutions (channels, kernel, stride, padding) and dense layers (neurons)."""
    rng = np.random.default_rng(seed)
    populations, connections = [], []
    source, size = "x", shape
    for k, layer in enumerate(layers):
        synapse: nd.Conv2d | nd.Dense
        if isinstance(layer, tuple):
            channels, kernel, stride, padding = layer
            weight = rng.integers(-64, 64, (channels, size[0], kernel, kernel)) * 2
            synapse = nd.Conv2d(weight, stride, padding)
            target: tuple[int, ...] = synapse.output_shape(size)
        else:
            synapse = nd.Dense(rng.integers(-64, 64, (layer, int(np.prod(size)))) * 2)
            target = (layer,)
        populations.append(nd.Population(f"l{k}", target, LIF))
        connections.append(nd.Connection(source, f"l{k}", synapse))
        source, size = f"l{k}", target
    return nd.Program(
        (nd.Input("x", shape),), tuple(populations), tuple(connections), nd.Readout(source)
    )


def pilotnet() -> nd.Program:
    """Return a network of PilotNet's shapes, its input layer driven by biases."""
    after = network((3, 66, 200), *PILOTNET)
    first = nd.Population("input", (3, 66, 200), LIF)
    connections = [nd.Connection("x", "input", nd.Direct(), port="bias")]
    for connection in after.connections:
        source = "input" if connection.source == "x" else connection.source
        connections.append(nd.Connection(source, connection.target, connection.synapse))
    return nd.Program(after.inputs, (first, *after.populations), tuple(connections), after.readout)


def networks() -> dict[str, nd.Program]:
    """Return twenty networks of many kinds."""
    return {
        "mlp 64-128-10": network((64,), 128, 10),
        "mlp 784-1024-512-10": network((784,), 1024, 512, 10),
        "mlp 256-4096-4096-10": network((256,), 4096, 4096, 10),
        "mlp 512 x 11": network((512,), *[512] * 11, 10),
        "mlp 3000-3000-100": network((3000,), 3000, 100),
        "autoencoder": network((784,), 256, 64, 256, 784),
        "mlp 4-5-3": network((4,), 5, 3),
        "mlp 10-2000-10": network((10,), 2000, 10),
        "mlp 4000-300-10": network((4000,), 300, 10),
        "lenet": network((1, 28, 28), (6, 5, 1, 2), (16, 5, 2, 0), 120, 84, 10),
        "vgg": network(
            (2, 32, 32), (32, 3, 1, 1), (32, 3, 2, 1), (64, 3, 1, 1), (64, 3, 2, 1), 256, 10
        ),
        "strided": network((3, 32, 32), (16, 3, 1, 1), (32, 3, 2, 1), (64, 3, 2, 1), 10),
        "events 64": network((2, 64, 64), (16, 5, 2, 2), (32, 3, 2, 1), (32, 3, 2, 1), 128, 11),
        "odd": network((1, 29, 31), (7, 3, 1, 0), (11, 3, 1, 0), (13, 3, 1, 0), 17),
        "tall": network((1, 100, 7), (8, 3, 1, 1), (8, 3, 1, 1), 5),
        "wide": network((1, 7, 100), (8, 3, 1, 1), (8, 3, 1, 1), 5),
        "one map": network((1, 28, 28), (16, 3, 1, 0), 10),
        "many channels": network((64, 4, 4), (512, 3, 1, 1), (512, 3, 1, 1), 10),
        "pointwise": network((8, 16, 16), (8, 3, 1, 1), (24, 1, 1, 0), (24, 3, 2, 1), 10),
        "large maps": network((1, 128, 128), (4, 3, 1, 1), (4, 3, 2, 1), (4, 3, 2, 1), 10),
    }


def against_the_compiler(file: Path | None) -> dict[str, Any]:
    """Return cores of PilotNet by layer: the compiler's, naive, and the mapper's."""
    warnings.simplefilter("ignore")  # of what the file asks of Lava
    program = pilotnet() if file is None else nd.load(file)
    profile = load_profile("loihi2")
    cores = {
        method: [layer.cores for layer in place(program, profile, method=method).layers]
        for method in ("naive", "optimised")
    }
    print("PilotNet on loihi2, cores by layer: compiler, naive, optimised")
    for name, *row in zip(program.names, COMPILER, *cores.values(), strict=True):
        print(f"  {name:8}", *(f"{count:4}" for count in row))
    sums = [sum(COMPILER), *(sum(found) for found in cores.values())]
    print("  all     ", *(f"{count:4}" for count in sums))
    return {"network": file.name if file else "same shapes", "compiler": COMPILER, **cores}


def against_the_bound() -> list[dict[str, Any]]:
    """Return cores, naive cores and bound of every network and chip that hold each other."""
    rows = []
    for (name, program), chip in itertools.product(networks().items(), CHIPS):
        profile = load_profile(chip)
        try:
            naive = place(program, profile, method="naive")
            began = time.process_time()
            found = place(program, profile)
        except nd.errors.PlacementError as error:
            print(f"  {name}, {chip}: {error}")
            rows.append({"network": name, "chip": chip, "refused": str(error)})
            continue
        seconds = time.process_time() - began
        cores = (len(found.cores), len(naive.cores), found.bound)
        if not cores[2] <= cores[0] <= cores[1]:
            raise SystemExit(f"{name}, {chip}: {cores} are out of order")
        hops = f", links {found.hops:.2f} for {found.hops_naive:.2f}" if found.hops else ""
        print(
            f"  {name}, {chip}: {cores[0]} cores, naive {cores[1]}, at least {cores[2]}, gap "
            f"{found.gap:.1%}{hops}; {seconds:.2f} s"
        )
        rows.append(
            {
                "network": name,
                "chip": chip,
                "neurons": program.neurons,
                **dict(zip(("cores", "naive", "bound"), cores, strict=True)),
                "gap": found.gap,
                "hops": found.hops,
                "hops_row_by_row": found.hops_naive,
                "seconds": seconds,
            }
        )
    return rows


def large() -> list[dict[str, Any]]:
    """Return the seconds that 100,000 neurons take."""
    programs = {
        "maps": network((2, 64, 64), (16, 3, 1, 1), (32, 3, 2, 1), (2, 3, 1, 1), 500),
        "flat": network((20,), 100_000),
    }
    rows = []
    for (name, program), chip in itertools.product(programs.items(), CHIPS):
        try:
            began = time.process_time()
            found = place(program, load_profile(chip))
        except nd.errors.PlacementError as error:
            print(f"  {name}, {chip}: {error}")
            continue
        seconds = time.process_time() - began
        row = {"network": name, "chip": chip, "neurons": program.neurons, "seconds": seconds}
        rows.append({**row, "cores": len(found.cores)})
        print(f"  {name}, {program.neurons:,} neurons, {chip}: {seconds:.2f} s")
    return rows


def counting() -> list[dict[str, Any]]:
    """Return what counting costs beside a run, for several networks and both conventions."""
    shown = {
        "mlp 64-128-10": 1000,
        "mlp 784-1024-512-10": 256,
        "lenet": 64,
        "strided": 64,
        "vgg": 64,
        "pilotnet": 2,
    }
    known = {**networks(), "pilotnet": pilotnet()}
    rows = []
    for (name, samples), chip in itertools.product(shown.items(), ("loihi1", "loihi2")):
        program = known[name]
        rng = np.random.default_rng(0)
        x = (rng.random((samples, 16, *program.inputs[0].shape)) < 0.15).astype(np.uint8)
        simulator = nd.compile(program, threads=1)
        trace = simulator.run(x)
        placement = place(program, load_profile(chip))
        row: dict[str, Any] = {"network": name, "chip": chip, "samples": samples, "steps": 16}
        for conventions in (("taps",), ("taps", "nonzero")):
            counter = CoreCounter(program, placement, conventions=conventions)
            check(counter.count(x, trace, 1), trace, conventions)
            run, count = in_turns(
                lambda s=simulator, x=x: s.run(x),
                lambda c=counter, x=x, t=trace: c.count(x, t, 1),
            )
            row["run_s"], row["+".join(conventions)] = run, (run + count) / run
        rows.append(row)
        print(
            f"  {name}, {chip}, {len(placement.cores)} cores: {row['run_s'] * 1e3:.2f} ms, with "
            f"counts {row['taps']:.2f}x, of both conventions {row['taps+nonzero']:.2f}x"
        )
    return rows


def check(counts: Any, trace: nd.Trace, conventions: tuple[str, ...]) -> None:
    """End the program unless sums over cores are the totals of the run."""
    activity = trace.activity
    pairs = [("spikes", activity.spikes), ("updates", activity.updates)]
    pairs += [(f"synops_{name}", getattr(activity, f"synops_{name}")) for name in conventions]
    for name, table in pairs:
        expected = np.sum([np.asarray(found) for found in table.values()], axis=0)
        if not np.array_equal(counts.total(name), expected):
            raise SystemExit(f"{name}: sums over cores differ from the run")


def in_turns(*work: Any) -> list[float]:
    """Return the least CPU seconds of each."""
    best = [float("inf")] * len(work)
    for _ in range(TURNS):
        for k, one in enumerate(work):
            began = time.process_time()
            one()
            best[k] = min(best[k], time.process_time() - began)
    return best


def main() -> None:
    """Measure all of it and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilotnet", type=Path)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    with threads(1):
        print(heading())
        found: dict[str, Any] = {"pilotnet": against_the_compiler(flags.pilotnet)}
        print("Twenty networks")
        found["networks"] = against_the_bound()
        print("100,000 neurons")
        found["large"] = large()
        print("Counts per core and step, beside a plain run")
        found["counting"] = counting()
    save(flags.out, {"reach": REACH, **found})


if __name__ == "__main__":
    main()
