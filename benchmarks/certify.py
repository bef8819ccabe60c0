"""How fast certificates come: ``python benchmarks/certify.py [SAMPLES] [BUDGET]``, one thread.

A 784-256-10 network over 4 equal columns of pixels 0..255, random weights; samples per second of
the segment bounds alone (currents, segments, margins), and of the checker on the same samples.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

import neurodeploy as nd
from neurodeploy.answers import settle
from neurodeploy.certificates.check import check
from neurodeploy.certify.claim import claims
from neurodeploy.certify.prover import Prover
from neurodeploy.data import Domain, Presentation, Split
from neurodeploy.encode import Direct

STEPS, PEAK, BLOCK = 4, 255, 500


def program(rng: np.random.Generator) -> nd.Program:
    """Return the network."""
    hidden = nd.CubaLif(current_decay=4096, voltage_decay=512, threshold=4000)
    return nd.Program(
        inputs=(nd.Input("x", (784,), 8),),
        populations=(
            nd.Population("hidden", (256,), hidden),
            nd.Population("out", (10,), nd.Integrator(4096, 0)),
        ),
        connections=(
            nd.Connection("x", "hidden", nd.Dense(2 * rng.integers(-6, 7, (256, 784)))),
            nd.Connection("hidden", "out", nd.Dense(2 * rng.integers(-127, 128, (10, 256)))),
        ),
        readout=nd.Readout("out", "v"),
    )


def main(samples: int = 5000, budget: int = 8) -> None:
    """Print samples per second."""
    rng = np.random.default_rng(0)
    network, domain = program(rng), Domain(0, PEAK, PEAK)
    x = rng.integers(0, PEAK + 1, (samples, 784)) * (rng.random((samples, 784)) < 0.5)
    split = Split(x.astype(np.int32), np.zeros(samples, np.int64), np.arange(samples))
    encoder = Direct(steps=STEPS, peak=PEAK, levels=PEAK)
    data = Presentation(split, encoder, domain, (784,))
    prover = Prover(network, encoder, domain, settle(network, STEPS), limit=0)
    answers = np.concatenate([piece.predicted for piece in prover.runner.run(data)])
    split = Split(x.astype(np.int32), np.maximum(answers, 0), np.arange(samples))
    data = Presentation(split, encoder, domain, (784,))
    assert prover.constant is not None
    blocks = [slice(k, k + BLOCK) for k in range(0, samples, BLOCK)]
    start = time.process_time()
    for rows in blocks:
        prover.constant.margins(data.take(rows), budget)
    print(f"segment bounds: {samples / (time.process_time() - start):,.0f} samples/s")
    start = time.process_time()
    proof = prover.prove(data, (1,))
    print(f"verdicts: {samples / (time.process_time() - start):,.0f} samples/s")
    parts = (proof.verdict, proof.method, proof.margin, proof.counter)
    told = claims(prover, data, (1,), *parts)
    start = time.process_time()
    problems = list(check(told, network))
    print(
        f"checker: {samples / (time.process_time() - start):,.0f} samples/s, {len(problems)} wrong"
    )


if __name__ == "__main__":
    with threadpool_limits(1):
        main(*map(int, sys.argv[1:]))
