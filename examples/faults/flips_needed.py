"""How many flipped bits bring a network to chance: spiking and not, by search and by gradient.

    python examples/faults/flips_needed.py [--samples 60] [--out FILE.json]

The pair: the digits network of the demo, and a rectifier network of the same layers, a `Program`
too: one step, sigma-delta neurons of threshold 0, that send max(W x + b, 0) / 64. Both
are answers of integers with 8-bit words of weights. Chance is an accuracy of 15 %.

gradient : bits ranked by the gradient of the loss times their change, taken anew after every flip.
search : every single flip is tried, the worst are joined greedily, each step by what it loses.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

import neurodeploy as nd
from neurodeploy.answers import RunChoice, settle
from neurodeploy.attack.flips import (
    Damage,
    Target,
    beam,
    by_gradient,
    damages,
    effects,
    single_flips,
    worst_single,
)
from neurodeploy.data import load_data
from neurodeploy.data.dataset import Dataset
from neurodeploy.data.presentation import present
from neurodeploy.demo import shipped_program
from neurodeploy.program import Program
from neurodeploy.run_folder import plain, write_json

CHANCE = 0.15
POOL = 150
"""Flips that the search goes on with: the worst alone."""
MOST = 30
LARGEST = 126
EPOCHS, RATE = 60, 3e-3


def rectifier(data: Dataset, hidden_size: int) -> Program:
    """Train a rectifier network of one hidden layer and round it to even weights of 8 bits."""
    torch.manual_seed(1)
    x = torch.from_numpy(data.train.x.reshape(len(data.train), -1).astype(np.float32))
    y = torch.from_numpy(data.train.y.astype(np.int64))
    layers = [torch.nn.Linear(64, hidden_size), torch.nn.Linear(hidden_size, 10, bias=False)]
    optimizer = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(64):
            hidden = functional.relu(layers[0](x[rows] / 16))
            loss = functional.cross_entropy(layers[1](hidden), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    first, second = (layer.weight.detach().numpy() for layer in layers)
    scale = LARGEST / np.abs(first).max()
    bias = np.rint(layers[0].bias.detach().numpy() * scale * 16).astype(np.int64)
    weights = [
        2 * np.rint(w * (LARGEST / np.abs(w).max()) / 2).astype(np.int32) for w in (first, second)
    ]
    size = data.train.x.shape[1:]
    hidden_neurons = nd.SigmaDelta(0, (bias / 64).astype(np.int32), spike_exp=0)
    return nd.Program(
        (nd.Input("input", size, 5),),
        (
            nd.Population("hidden", (hidden_size,), hidden_neurons),
            nd.Population("output", (10,), nd.Sigma(0)),
        ),
        (
            nd.Connection("input", "hidden", nd.Dense(weights[0])),
            nd.Connection("hidden", "output", nd.Dense(weights[1])),
        ),
        nd.Readout("output", "sigma"),
        {
            "encoder": "direct",
            "encoder.steps": 1,
            "encoder.gap": 0,
            "encoder.levels": 16,
            "encoder.peak": 16,
        },
    )


def target(program: Program, data: Dataset, samples: int) -> Target:
    """Return the program with the first test samples."""
    shown = present(program, data.test.first(samples))
    aligned = RunChoice(timing="aligned")  # every sample from rest, as a rectifier network runs
    recipe = replace(settle(program, shown.steps, aligned), threads=1)
    labels = np.asarray(shown.y, np.int64)
    return Target(program, recipe, shown.columns(slice(0, samples)), labels)


def needed(found: list[Damage], samples: int) -> int | None:
    """Return the fewest flips of the list that bring accuracy to chance, None for none."""
    there = (len(one.flips) for one in found if 1 - one.wrong / samples <= CHANCE)
    return next(there, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--networks", default="spiking,rectifier")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    data, rows, started = load_data("digits"), [], time.process_time()
    for name in flags.networks.split(","):
        shipped = shipped_program()
        size = shipped.populations[0].size
        program = shipped if name == "spiking" else rectifier(data, size)
        on = target(program, data, flags.samples)
        gradient = by_gradient(on, MOST)
        once = by_gradient(on, MOST, progressive=False)
        single = worst_single(on, single_flips(program))
        pool = [one.flips[0] for one in single[:POOL]]
        search = beam(on, pool, MOST)
        row = {
            "network": name,
            "bits": len(single),
            "wrong_clean": damages(on, [()])[0].wrong,
            "gradient_once": needed(once, flags.samples),
            "gradient": needed(gradient, flags.samples),
            "search": needed(search, flags.samples),
            "wrong_by_gradient": [one.wrong for one in gradient],
            "wrong_by_gradient_once": [one.wrong for one in once],
            "wrong_by_search": [one.wrong for one in search],
            "worst": plain(effects(on, single[:5])),
        }
        rows.append(row)
        print(row, flush=True)
    if flags.out is not None:
        spent = time.process_time() - started
        settings = {"samples": flags.samples, "chance": CHANCE, "pool": POOL, "most": MOST}
        write_json(flags.out, {"settings": settings, "cpu_seconds": spent, "rows": rows})


if __name__ == "__main__":
    main()
