"""Run in a process of its own: counts of NeuroBench and SpikingJelly on recorded messages.

``python definitions.py CASE.npz ...`` prints a list in JSON. A file holds, for each connection k,
``x{k}`` (samples, steps, *source shape) and ``weight{k}``, and for kernels ``geometry{k}`` (stride,
padding, dilation, groups). A torch network that is fed these messages is what the packages count.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

import numpy as np
import torch


class Player(torch.nn.Module):
    """Feeds every layer the messages of one step, for all samples at once."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        super().__init__()
        self.given: list[torch.Tensor] = []
        self.layers = torch.nn.ModuleList()
        k = 0
        while f"x{k}" in arrays:
            x = torch.from_numpy(arrays[f"x{k}"]).float()
            weight = torch.from_numpy(arrays[f"weight{k}"]).float()
            if weight.ndim == 2:
                x = x.flatten(2)
                layer: torch.nn.Module = torch.nn.Linear(*weight.shape[::-1], bias=False)
            else:
                stride, padding, dilation, groups = (
                    tuple(map(int, pair)) for pair in arrays[f"geometry{k}"]
                )
                sizes = (int(x.shape[2]), int(weight.shape[0]), tuple(weight.shape[2:]))
                layer = torch.nn.Conv2d(
                    *sizes, stride, padding, dilation, int(groups[0]), bias=False
                )
            layer.weight.data = weight
            self.given.append(x)
            self.layers.append(layer)
            k += 1

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Run every step of every sample; ``batch`` only says how many samples there are."""
        out = torch.zeros(len(batch), 1)
        for t in range(self.given[0].shape[1]):
            for x, layer in zip(self.given, self.layers, strict=True):
                out = layer(x[:, t])
        return out


def neurobench(player: Player, samples: int) -> dict[str, Any]:
    """Return NeuroBench's counts."""
    from neurobench.metrics.static import ConnectionSparsity
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import TorchModel

    model = TorchModel(player)
    model.register_hooks()
    batch = torch.zeros(samples, 1)
    model(batch)
    found = dict(SynapticOperations()(model, None, (batch, None)))
    model.cleanup_hooks()
    return {**found, "connection_sparsity": ConnectionSparsity()(model)}


def spikingjelly(player: Player, samples: int) -> dict[str, Any]:
    """Return SpikingJelly's four counters, of all samples together."""
    from spikingjelly.activation_based import op_counter

    found = {}
    for name in ("SynOpCounter", "ACCounter", "MACCounter", "FlopCounter"):
        counter = getattr(op_counter, name)()
        with torch.no_grad(), op_counter.DispatchCounterMode([counter]):
            player(torch.zeros(samples, 1))
        found[name] = counter.get_total()
    return found


def counts(path: str) -> dict[str, Any]:
    """Return what each package that is here counts of one case."""
    with np.load(path, allow_pickle=False) as file:
        player = Player({name: file[name] for name in file.files})
    samples = len(player.given[0])
    return {
        name: count(player, samples)
        for name, count in (("neurobench", neurobench), ("spikingjelly", spikingjelly))
        if importlib.util.find_spec(name) is not None
    }


if __name__ == "__main__":
    print(json.dumps([counts(path) for path in sys.argv[1:]]))
