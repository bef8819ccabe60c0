"""Networks so small that every datum of a ball can be tried, of all kinds.

As a script it proves at length: ``python tests/certify/tiny.py NETWORKS [FIRST_SEED]``.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.answers import RunChoice, settle
from neurodeploy.certificates.check import check
from neurodeploy.certificates.claims import CERTIFIED, FALSIFIED, METHODS, OPEN, Claims, Method
from neurodeploy.certify.claim import claims
from neurodeploy.certify.points import margins, points, scores
from neurodeploy.certify.prover import Prover
from neurodeploy.data import Domain, Presentation, Split
from neurodeploy.encode import Direct, Encoder, Latency, Rate

SIZE, PEAK, CLASSES = 4, 7, 3
MODELS = ("CubaLif", "HomeostaticLif", "SigmaDelta", "ResonateFireIz")


@dataclass(frozen=True, eq=False)
class Case:
    """A program and the data that it is asked about."""

    program: nd.Program
    data: Presentation


def case(rng: Generator, samples: int = 6) -> Case:
    """Return a random program and data whose labels are mostly its own answers."""
    encoder = _encoder(rng)
    program = _program(rng, encoder)
    x = rng.integers(0, PEAK + 1, (samples, SIZE)).astype(np.int32)
    split = Split(x, np.zeros(samples, np.int64), np.arange(samples))
    data = Presentation(
        split, encoder, Domain(0, PEAK, PEAK), program.inputs[0].shape, encoder.message_bits > 0
    )
    prover = made(program, data, 0)
    answers = np.concatenate([piece.predicted for piece in prover.runner.run(data)])
    y = np.where((answers < 0) | (rng.random(samples) < 0.1), 0, answers)
    return Case(
        program,
        Presentation(
            Split(x, y, np.arange(samples)), encoder, data.domain, data.input_shape, data.graded
        ),
    )


def with_encoder(data: Presentation, encoder: Encoder) -> Presentation:
    """Return the same data under another encoder."""
    return replace(data, encoder=encoder)


def made(program: nd.Program, data: Presentation, limit: int) -> Prover:
    """Return a prover of samples that run from rest."""
    recipe = settle(program, data.steps, RunChoice(timing="aligned"))
    return Prover(program, data.encoder, data.domain, recipe, limit)


def _encoder(rng: Generator) -> Encoder:
    steps = int(rng.integers(2, 6))
    kind = rng.random()
    if kind < 0.7:
        levels = PEAK if kind < 0.5 else int(rng.integers(2, PEAK))
        return Direct(steps=steps, peak=PEAK, levels=levels, gap=int(kind < 0.08))
    return (Rate if kind < 0.85 else Latency)(steps=steps, peak=PEAK)


def _program(rng: Generator, encoder: Encoder) -> nd.Program:
    conv = rng.random() < 0.2
    shape: tuple[int, ...] = (1, 2, 2) if conv else (SIZE,)
    model = str(rng.choice(MODELS, p=(0.7, 0.1, 0.1, 0.1)))
    layers = 1 if conv else int(rng.integers(1, 3))
    hidden: list[nd.Population] = []
    connections: list[nd.Connection] = []
    before, size = "x", SIZE
    for number in range(layers):
        name = f"h{number}"
        own = (2, 2, 2) if conv else (int(rng.integers(2, 7)),)
        hidden.append(nd.Population(name, own, _neuron(rng, model, own, encoder.columns)))
        connections += _connections(rng, before, name, conv, int(np.prod(own)), size)
        before, size = name, int(np.prod(own))
    if rng.random() < 0.15 and model == "CubaLif":
        feedback = nd.Dense(_weights(rng, size, size))
        connections.append(nd.Connection(before, before, feedback, feedback=True))
    out, readout = _read_out(rng, encoder.columns)
    last = nd.Dense(_weights(rng, CLASSES, size), _delay(rng, model))
    connections.append(nd.Connection(before, "out", last))
    ports = {p.name: p.neuron.ports[0] for p in (*hidden, out)}
    connections = [replace(c, port=ports[c.target]) for c in connections]
    node = nd.Input("x", shape, encoder.message_bits)
    return nd.Program((node,), (*hidden, out), tuple(connections), readout)


def _connections(
    rng: Generator, source: str, target: str, conv: bool, rows: int, columns: int
) -> list[nd.Connection]:
    if conv:
        kernel = _weights(rng, 2, 4).reshape(2, 1, 2, 2)
        padded = nd.Conv2d(np.ascontiguousarray(kernel[:, :, :1, :1]))
        return [nd.Connection(source, target, padded)]
    weight = _weights(rng, rows, columns)
    if rng.random() < 0.7:
        return [nd.Connection(source, target, nd.Dense(weight))]
    parts = (np.maximum(weight, 0), np.minimum(weight, 0))
    return [nd.Connection(source, target, nd.Dense(part)) for part in parts]


def _weights(rng: Generator, rows: int, columns: int) -> np.ndarray[Any, Any]:
    most = 100 if rng.random() < 0.9 else 40_000
    return (2 * rng.integers(-most, most + 1, (rows, columns))).astype(np.int32)


def _delay(rng: Generator, model: str) -> Any:
    if rng.random() < 0.9:
        return None
    return rng.integers(0, 2, (CLASSES, 1)).astype(np.int8)


def _neuron(rng: Generator, model: str, shape: tuple[int, ...], steps: int) -> Any:
    def drawn(low: int, high: int) -> Any:
        return rng.integers(low, high + 1, shape if rng.random() < 0.5 else ()).astype(np.int32)

    if model == "SigmaDelta":
        return nd.SigmaDelta(threshold=drawn(1, 60), bias=drawn(-50, 50), spike_exp=0)
    if model == "ResonateFireIz":
        return nd.ResonateFireIz(sin_decay=400, cos_decay=300, threshold=drawn(50, 400))
    fields: dict[str, Any] = {
        "current_decay": rng.choice([4096, 4096, 2048, 1000, 0]),
        "voltage_decay": drawn(0, 1500),
        "threshold": drawn(50, 600),
        "bias": drawn(-60, 60),
        "reset": str(rng.choice(["zero", "subtract", "none"])),
        "initial": drawn(-3000, 3000) if rng.random() < 0.3 else 0,
    }
    if rng.random() < 0.2:
        fields["gain"] = rng.integers(-20 if rng.random() < 0.4 else 0, 120, steps).astype(np.int32)
    if model == "CubaLif":
        return nd.CubaLif(**fields)
    signature = rng.integers(-4000, 4000, (steps, *shape)).astype(np.int32)
    return nd.HomeostaticLif(
        **fields, theta=drawn(0, 8), signature=signature, shift=4, low=0, high=60_000
    )


def _read_out(rng: Generator, steps: int) -> tuple[nd.Population, nd.Readout]:
    window = int(rng.integers(0, steps + 1))
    if rng.random() < 0.25:
        neuron: Any = _neuron(rng, "CubaLif", (CLASSES,), steps)
        return nd.Population("out", (CLASSES,), neuron), nd.Readout("out", "s", window=window)
    decays = (int(rng.choice([4096, 4096, 2048])), int(rng.choice([0, 0, 500, 4096])))
    bias = rng.integers(-40, 41, CLASSES).astype(np.int32)
    initial = rng.integers(-500, 501, CLASSES).astype(np.int32) if rng.random() < 0.3 else 0
    neuron = nd.Integrator(*decays, bias, initial=initial)
    return nd.Population("out", (CLASSES,), neuron), nd.Readout("out", "v", window=window)


def claimed(found: Case, limit: int, budgets: tuple[int, ...] = (1, 2)) -> Claims:
    """Return the claims that the prover makes about a case."""
    prover = made(found.program, found.data, limit)
    one = prover.prove(found.data, budgets)
    return claims(prover, found.data, budgets, one.verdict, one.method, one.margin, one.counter)


def least(found: Case, prover: Prover, row: int, steps: int) -> int:
    """Return the smallest margin of all data within ``steps`` of sample ``row``."""
    label = found.data.y[row]
    every = points(found.data, row, steps)
    return min(
        int(margins(scores(prover.runner, found.data, row, x), np.full(len(x), label)).min())
        for x in every.batches()
    )


def violations(found: Case, budgets: tuple[int, ...] = (1, 2)) -> tuple[list[str], Counter[str]]:
    """Return what is unsound or cannot be checked, and how often each method decided."""
    bad: list[str] = []
    prover = made(found.program, found.data, 0)
    proof = prover.prove(found.data, budgets)
    scale = 1 if prover.boxes is None or prover.boxes.tail is None else prover.boxes.tail.scale
    for row in range(len(found.data)):
        for number, steps in enumerate(budgets):
            smallest = least(found, prover, row, steps)
            verdict, margin = proof.verdict[row, number], proof.margin[row, number]
            if verdict == CERTIFIED and not 0 < margin <= smallest * scale:
                bad.append(f"sample {row}, {steps} steps: {margin} proved, {smallest} comes out")
            if verdict == FALSIFIED and smallest > 0:
                bad.append(f"sample {row}, {steps} steps: falsified, and robust")
    for limit in (0, 2**12):
        told = claimed(found, limit, budgets)
        problems = list(check(told, found.program))
        bad += [f"checker: sample {p.sample}, {p.budget} steps: {p.what}" for p in problems]
    if (told.verdict == OPEN).any():
        bad.append("a search of every datum left something open")
    decided = Counter(METHODS[m - 1] for m in proof.method[proof.verdict == CERTIFIED].tolist())
    assert Method.LINEAR not in proof.method
    return bad, decided


def main(networks: int, first: int = 0) -> int:
    """Prove ``networks`` networks; return how many had violations."""
    total, failed = Counter[str](), 0
    for seed in range(first, first + networks):
        bad, decided = violations(case(np.random.default_rng(seed)))
        total += decided
        failed += bool(bad)
        for line in bad[:3]:
            print(f"seed {seed}: {line}")
    print(f"{networks} networks, {failed} with violations; certified {dict(total)}")
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:]))))
