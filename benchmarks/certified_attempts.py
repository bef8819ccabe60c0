"""Try to break certificates: many data inside certified balls, run on the engine.

    python benchmarks/certified_attempts.py CERTIFICATES PROGRAM --attempts 1000000 --out FILE.json

Every attempt takes a certified sample at its largest certified budget and a datum of its ball:
a third of them uniform, a third corners at random, a third corners along the weights of one neuron
of the first layer, forwards or backwards. A datum that is not answered right, a tie included, is a
violation; there must be none, the exit code says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.accuracy import predictions, windowed
from neurodeploy.atomic import replacing
from neurodeploy.certificates.claims import CERTIFIED, Claims
from neurodeploy.certificates.file import read
from neurodeploy.encode import encoder_from_metadata
from neurodeploy.sim import compile

BATCH = 1024


def balls(claims: Claims) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows of samples that are certified at some budget, and the largest such budget."""
    certified = claims.verdict == CERTIFIED
    rows = np.flatnonzero(certified.any(axis=1))
    most = np.where(certified[rows], claims.budget, 0).max(axis=1)
    return rows, most


def directions(program: nd.Program, size: int) -> NDArray[Any]:
    """Return the signs of the first layer's weights, ``(neurons, size)``; none for other layers."""
    first = next(c for c in program.connections if c.source == program.inputs[0].name)
    weight = getattr(first.synapse, "weight", np.zeros((0, 0)))
    return np.sign(weight) if weight.ndim == 2 and weight.shape[1] == size else np.zeros((0, size))


def drawn(rng: Generator, low: Any, high: Any, along: NDArray[Any]) -> NDArray[np.int32]:
    """Return one datum in each box, ``(n, size)``."""
    kind = np.arange(len(low)) % (3 if len(along) else 2)
    inner = rng.integers(low, high + 1)
    corner = np.where(rng.random(low.shape) < 0.5, low, high)
    x = np.where((kind == 0)[:, None], inner, corner)
    if len(along):
        towards = along[rng.integers(0, len(along), len(low))]
        towards = towards * rng.choice([-1, 1], (len(low), 1))
        aimed = np.where(towards > 0, high, np.where(towards < 0, low, inner))
        x = np.where((kind == 2)[:, None], aimed, x)
    return np.asarray(x, np.int32)


def attempted(claims: Claims, program: nd.Program, attempts: int, seed: int) -> dict[str, Any]:
    """Return how many data were tried, of how many samples, and how many were not right."""
    rng, encoder = np.random.default_rng(seed), encoder_from_metadata(claims.encoder)
    rows, most = balls(claims)
    size = int(np.prod(claims.x.shape[1:]))
    along = directions(program, size)
    run = compile(program, weights=claims.weights, input_bits=claims.input_bits, record=()).run
    readout, wrong, samples = program.readout, 0, set()
    started = time.process_time()
    for start in range(0, attempts, BATCH):
        at = np.arange(start, min(start + BATCH, attempts)) % len(rows)
        x, budget = claims.x[rows[at]].reshape(len(at), size).astype(np.int64), most[at, None]
        low, high = np.maximum(x - budget, claims.low), np.minimum(x + budget, claims.high)
        data = drawn(rng, low, high, along).reshape(len(at), *claims.x.shape[1:])
        columns = encoder.encode(data, claims.sample[rows[at]])[:, : claims.columns]
        shaped = columns.reshape(*columns.shape[:2], *program.inputs[0].shape)
        trace = run(shaped)[readout.population].arrays[readout.variable]
        answers = predictions(windowed(program, trace))
        wrong += int((answers != claims.label[rows[at]]).sum())
        samples |= set(rows[at].tolist())
    return {
        "program": program.digest,
        "attempts": attempts,
        "samples": len(samples),
        "certified": len(rows),
        "violations": wrong,
        "seed": seed,
        "cpu_s": round(time.process_time() - started, 1),
    }


def main() -> int:
    """Try, write, and return 1 where a certificate was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("certificates", type=Path)
    parser.add_argument("program")
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    claims, program = read(options.certificates), nd.load(options.program)
    found = attempted(claims, program, options.attempts, options.seed)
    print(json.dumps(found))
    if options.out is not None:
        with replacing(options.out) as file:
            file.write((json.dumps(found, indent=1) + "\n").encode())
    return int(found["violations"] > 0)


if __name__ == "__main__":
    sys.exit(main())
