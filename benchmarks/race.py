"""Inference: ours and the installed peers side by side, against gates and reaches.

    python benchmarks/race.py [--workloads mlp cnn] [--rows core latency threads isa lava]
                              [--batch 100] [--large 1000] [--repeats 9] [--compiled] [--out FILE]

Peers are those of requirements-peers.txt that are installed; the others are listed with the
reason. Before a rate is printed, spikes of all layers and steps of every timed variant of ours are
compared with the reference engine. Contestants take turns; rates are samples per CPU second of one
thread, latencies and two-thread rates are wall clock. Exits 1 when results differ or a gate is
missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from equality import Oracle, Unequal
from lava_peer import race_lava
from machine import environment, heading, save, threads
from peers import Missing, Peer, build
from scores import Row, table
from timing import Contestant, Timing, alternate, fastest, pair_ratios, spread, wall_clock
from workloads import WORKLOADS, Workload

import neurodeploy as nd
from neurodeploy.sim.native import ISA_VARIABLE, instruction_sets

ROWS = ("core", "latency", "threads", "isa", "lava")
CORE_TARGETS = {"MLP": (8.0, 9.0), "CNN": (13.0, 15.0)}
ISA_TARGETS = {"portable": (1.0, 1.5), "avx2": (2.0, 4.0)}
LATENCY_TARGETS = (40.0, 60.0)
SIMULATE_LIMIT_US = 100.0
THREAD_TARGETS = (1.8, 1.9)
EVICTED_BYTES = 2**27
EVICTED_CALLS = 15


class Race:
    """One workload, its peers and our prepared simulators, all checked."""

    def __init__(self, work: Workload, batch: int, large: int, compiled: bool) -> None:
        self.work, self.batch, self.large = work, batch, large
        self.peers, self.missing = build(work, compiled)
        # Networks of their own for the other batch: what is compiled depends on the state's shape.
        self.alone, _ = build(work, compiled)
        self.oracle = Oracle(work.program, work.x)
        self.plain = self.prepared("native")

    def prepared(self, where: str, workers: int = 1, isa: str | None = None) -> nd.Simulator:
        """Return a simulator whose results equal the reference at every batch that is timed."""
        with environment(**({ISA_VARIABLE: isa} if isa else {})):
            simulator = nd.compile(self.work.program, record=(), threads=workers)
            self.oracle.check(simulator, where)
            for samples in (1, self.large):
                self.oracle.check(simulator, where, self.work.take(samples))
        return simulator

    def ours(self, name: str, simulator: nd.Simulator, samples: int) -> Contestant:
        """Return our side with a batch of ``samples``."""
        return Contestant(name, partial(simulator.run, self.work.take(samples)), samples)

    def peers_at(self, samples: int) -> list[Contestant]:
        """Return the peers with a batch of ``samples``."""
        x = self.work.take(samples)
        return [
            Contestant(_entry(peer, samples), partial(peer.forward, peer.prepare(x)), samples)
            for peer in (self.alone if samples == 1 else self.peers)
        ]

    def best_peer(
        self, timings: dict[str, Timing], current: bool = False, compiled: bool = False
    ) -> Timing | None:
        """Return the fastest peer at its best batch; of those with a current only, if asked.

        compiled : of those under `torch.compile`, instead of the others.
        """
        names = [
            _entry(peer, samples)
            for peer in self.peers
            if peer.compiled == compiled and (peer.current or not current)
            for samples in (1, self.batch)
        ]
        return fastest(timings, [name for name in names if name in timings])


def _entry(peer: Peer, samples: int) -> str:
    return f"{peer.label}, batch {samples}"


def race_core(race: Race, repeats: int, isas: tuple[str, ...]) -> tuple[list[Row], dict[str, Any]]:
    """Return rates per core of everyone, ours also with slower instruction sets forced."""
    one, many = "ours, batch 1", f"ours, batch {race.batch}"
    entrants = [
        *race.peers_at(1),
        *race.peers_at(race.batch),
        Contestant(
            "ours, numpy reference",
            partial(nd.compile(race.work.program, engine="reference", record=()).run, race.work.x),
            race.batch,
        ),
        race.ours(one, race.plain, 1),
        race.ours(many, race.plain, race.batch),
        race.ours(f"ours, batch {race.large}", race.plain, race.large),
    ]
    for isa in isas:
        simulator = race.prepared(isa, isa=isa)
        entrants.append(race.ours(f"ours, {isa}, batch {race.batch}", simulator, race.batch))
    with threads(1):
        timings = alternate(entrants, repeats)
    print(_rates(race.work.name, timings))
    best, best_current = race.best_peer(timings), race.best_peer(timings, current=True)
    rows = [
        _row(f"{race.work.name} per core, batch {race.batch}", best, timings[many], targets)
        for targets in [CORE_TARGETS[race.work.name]]
    ]
    rows.append(_row(f"{race.work.name} per core, peer with current", best_current, timings[many]))
    rows += _compiled_row(race, f"{race.work.name} per core, compiled", timings, timings[many])
    for isa in isas:
        targets = ISA_TARGETS[isa] if race.work.name == "MLP" else None
        own = timings[f"ours, {isa}, batch {race.batch}"]
        rows.append(_row(f"{race.work.name} {isa} forced", best, own, targets))
    return rows, {name: timing.record() for name, timing in timings.items()}


def race_latency(race: Race, repeats: int) -> tuple[list[Row], dict[str, Any]]:
    """Return the wall-clock time of one sample: prepared, `nd.simulate`, and of the peers."""
    x = race.work.take(1)
    once = partial(nd.simulate, race.work.program, x, record=(), threads=1)
    entrants = [
        *race.peers_at(1),
        race.ours("ours, prepared", race.plain, 1),
        Contestant("ours, nd.simulate", once, 1),
    ]
    with threads(1):
        timings = alternate(entrants, repeats, clock=wall_clock)
        cold = _evicted(partial(race.plain.run, x))
    print(_latencies(race.work.name, timings, cold))
    own, whole = timings["ours, prepared"], timings["ours, nd.simulate"]
    over = (whole.median - own.median) * 1e6
    targets = LATENCY_TARGETS if race.work.name == "MLP" else None
    rows = [
        _row(f"{race.work.name} one sample, prepared", race.best_peer(timings), own, targets),
        *_compiled_row(race, f"{race.work.name} one sample, compiled", timings, own),
        Row(
            f"{race.work.name} nd.simulate over it, us",
            over,
            reach=SIMULATE_LIMIT_US if targets else None,
            least=False,
            remark="wall clock",
        ),
    ]
    records = {name: timing.record() for name, timing in timings.items()}
    return rows, records | {"ours, caches evicted": {"seconds": cold}}


def _evicted(run: Callable[[], Any]) -> float:
    """Return the median wall time of a call before which other data filled the caches."""
    other = np.zeros(EVICTED_BYTES, np.uint8)
    taken = []
    for _ in range(EVICTED_CALLS):
        other += 1
        start = wall_clock()
        run()
        taken.append(wall_clock() - start)
    return float(np.median(taken))


def race_threads(race: Race, repeats: int) -> tuple[list[Row], dict[str, Any]]:
    """Return the wall-clock ratio of two threads to one, with a large batch.

    The CPU seconds of both are compared as well: what they differ by is work that threads add,
    whatever else the machine does.
    """
    two = race.prepared("native, two threads", workers=2)
    entrants = [race.ours("one", race.plain, race.large), race.ours("two", two, race.large)]
    walls = alternate(entrants, repeats, clock=wall_clock)
    cpus = alternate(entrants, repeats)
    least = min(walls["one"].seconds) / min(walls["two"].seconds)
    row = Row(
        f"{race.work.name} two threads / one",
        float(np.median(pair_ratios(walls["one"], walls["two"]))),
        *THREAD_TARGETS,
        remark=f"batch {race.large}; of the shortest times {least:.2f}x; CPU seconds of two are "
        f"{cpus['two'].median / cpus['one'].median:.2f} of one's; other load counts against it",
    )
    clocks = (("wall", walls), ("cpu", cpus))
    raw = {f"{name}, {c}": t.record() for c, timings in clocks for name, t in timings.items()}
    return [row], raw


def _compiled_row(race: Race, what: str, timings: dict[str, Timing], own: Timing) -> list[Row]:
    """Return the row against peers under `torch.compile`, if they take part; it has no gate."""
    best = race.best_peer(timings, compiled=True)
    return [] if best is None else [_row(what, best, own)]


def _row(
    what: str, peer: Timing | None, own: Timing, targets: tuple[float, float] | None = None
) -> Row:
    gate, reach = targets or (None, None)
    if peer is None:
        return Row(what, None, gate, reach, remark="no peer is installed")
    ratios = spread(pair_ratios(peer, own))
    noisy = ", NOISY" if max(peer.drift, own.drift) > 0.1 else ""
    remark = (
        f"vs {peer.name}; quartiles {ratios['quartile1']:.1f} to {ratios['quartile3']:.1f}, "
        f"of the best turns {min(peer.seconds) / min(own.seconds):.1f}{noisy}"
    )
    return Row(what, ratios["median"], gate, reach, remark=remark)


def _rates(name: str, timings: dict[str, Timing]) -> str:
    rows = [
        f"{name + ', samples per core second':44}{'median':>10}{'us':>10}"
        f"{'best us':>10}{'first ms':>10}"
    ]
    rows += [
        f"{t.name:44}{t.rate:10.0f}{1e6 * t.median:10.1f}{1e6 * min(t.seconds):10.1f}"
        f"{1e3 * t.first:10.1f}"
        for t in timings.values()
    ]
    return "\n".join([*rows, ""])


def _latencies(name: str, timings: dict[str, Timing], cold: float) -> str:
    rows = [f"{name + ', one sample, wall clock':44}{'median us':>10}{'best us':>10}"]
    rows += [
        f"{t.name:44}{1e6 * t.median:10.1f}{1e6 * min(t.seconds):10.1f}" for t in timings.values()
    ]
    return "\n".join([*rows, f"{'ours, prepared, caches evicted':44}{1e6 * cold:10.1f}", ""])


def describe(race: Race) -> str:
    """Return what is compared: data, rates, peers, and who is missing."""
    rates = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in race.oracle.rates.items())
    lines = [
        f"{race.work.name}: {race.work.images}, {len(race.work.x)} samples, T = 16; {rates}",
        "spikes of all layers and steps equal the reference engine's",
    ]
    for peer in race.peers:
        rate = float(peer.forward(peer.prepare(race.work.x))[-1].mean())
        lines.append(f"  {peer.label}: {peer.remark}; last layer {100 * rate:.1f} %")
    lines += [f"  {missing.name}: {missing.reason}" for missing in race.missing]
    return "\n".join([*lines, ""])


def run_workload(
    name: str, arguments: argparse.Namespace
) -> tuple[list[Row], dict[str, Any], list[Missing]]:
    """Return the rows and raw figures of one workload."""
    race = Race(
        WORKLOADS[name](arguments.batch), arguments.batch, arguments.large, arguments.compiled
    )
    print(describe(race))
    chosen, repeats = arguments.rows, arguments.repeats
    rows: list[Row] = []
    raw: dict[str, Any] = {"rates": race.oracle.rates}
    if "core" in chosen or "isa" in chosen:
        forced = tuple(isa for isa in ISA_TARGETS if isa in instruction_sets()[1:])
        found, raw["core"] = race_core(race, repeats, forced if "isa" in chosen else ())
        rows += found
    if "latency" in chosen:
        found, raw["latency"] = race_latency(race, repeats)
        rows += found
    if "threads" in chosen:
        found, raw["threads"] = race_threads(race, repeats)
        rows += found
    return rows, raw, race.missing


def main() -> int:
    """Run the benchmark; 0 when nothing differs and all gates hold, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="*", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--batch", type=int, default=100, help="batch of the peers and of ours")
    parser.add_argument("--large", type=int, default=1000, help="our large batch")
    parser.add_argument("--repeats", type=int, default=9, help="turns of each contestant")
    parser.add_argument("--compiled", action="store_true", help="peers under torch.compile too")
    parser.add_argument("--out", type=Path, help="JSON file for raw times and the machine")
    arguments = parser.parse_args()
    print(heading(), end="\n\n")
    rows: list[Row] = []
    result: dict[str, Any] = {}
    try:
        for name in arguments.workloads:
            found, result[name], missing = run_workload(name, arguments)
            rows += found
            result[name]["missing"] = {peer.name: peer.reason for peer in missing}
        if "lava" in arguments.rows:
            found, result["lava"] = race_lava(arguments.repeats)
            rows += found
    except Unequal as error:
        print(f"race: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    save(arguments.out, result | {"rows": [row.record() for row in rows]})
    return 1 if any(row.misses_gate for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
