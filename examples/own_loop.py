"""A training loop of your own: quantised layers in a torch module, any optimiser, any loss.

    python examples/own_loop.py [--epochs 12] [--out digits.h5]

The module holds two quantised layers and is trained by RAdam with a loss that also counts spikes.
What is lowered in the end computes the integers of its last forward pass. The metadata carry the
encoder, so that ``neurodeploy verify digits.h5 --data digits`` knows how data become columns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import neurodeploy as nd
from neurodeploy.accuracy import scores
from neurodeploy.data import Dataset, load_data, present
from neurodeploy.encode import Direct
from neurodeploy.train import Dense, Network, Readout, quantised_layer

BATCH, SPIKE_COST = 32, 0.2


class Classifier(nn.Module):
    """Grey levels of 8 x 8 pixels, 96 spiking neurons, 10 integrators."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.hidden = quantised_layer(Dense(size=96), (1, 8, 8), name="hidden", input_scale=scale)
        self.output = quantised_layer(Dense(size=10), (96,), name="output", spiking=False, seed=2)

    def forward(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """columns : ``(steps, batch, 1, 8, 8)``. Return logits and the firing rate."""
        spikes = self.hidden(columns).s
        return 4 * self.output(spikes).membrane.mean(0), spikes.mean()

    def calibrate(self, columns: Tensor) -> None:
        """Start every layer active and in range."""
        self.hidden.calibrate(columns, len(columns))
        self.output.calibrate(self.hidden(columns).s, len(columns))


def steps_first(columns: NDArray[Any]) -> Tensor:
    """Return columns ``(samples, steps, ...)`` as training takes them."""
    return torch.from_numpy(columns).movedim(1, 0).float()


def fit(model: Classifier, data: Dataset, encoder: Direct, epochs: int) -> None:
    """Train ``model`` on the training part."""
    x, y = steps_first(encoder.encode(data.train.x)), torch.from_numpy(data.train.y)
    model.calibrate(x[:, :256])
    optimizer = torch.optim.RAdam(model.parameters(), lr=5e-3)
    model.train()
    for epoch in range(epochs):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(epoch))
        for rows in order.split(BATCH):
            logits, rate = model(x[:, rows])
            loss = functional.cross_entropy(logits, y[rows]) + SPIKE_COST * rate
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def lowered(model: Classifier, encoder: Direct) -> nd.Program:
    """Return the Program that ``model`` is."""
    network = Network.of_layers(
        [model.hidden, model.output],
        message_bits=encoder.message_bits,
        readout=Readout(kind="integrator"),
        metadata={**encoder.metadata(), "data": "digits"},
    )
    return nd.lower(network)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, lower, compare model and integers on the test part, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--out", default="digits.h5")
    options = parser.parse_args(arguments)
    data = load_data("digits")
    encoder = Direct(steps=6, peak=data.peak, levels=16)
    model = Classifier(float(encoder.high))
    fit(model, data, encoder, options.epochs)
    program = lowered(model, encoder)
    columns = present(program, data.test).columns(slice(None))  # by the encoder in the metadata
    found = scores(program, nd.simulate(program, columns, record=()))
    with torch.no_grad():
        own = model.eval().output(model.hidden(steps_first(columns)).s).v.sum(0)
    differ = int(np.count_nonzero(found != own.numpy().astype(np.int64)))
    accuracy = float(np.mean(found.argmax(1) == data.test.y))
    print(f"integer accuracy {100 * accuracy:.1f} %, scores that differ from torch: {differ}")
    nd.save(program, options.out)


if __name__ == "__main__":
    main()
