"""Small chips and networks for tests of placement."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy.profile import ChipProfile

LIF = nd.CubaLif(current_decay=4096, voltage_decay=128, threshold=64)


def chip(
    *, mesh: tuple[int, int] | None = None, multicast: bool = False, **limits: Any
) -> ChipProfile:
    """Return a chip of these limits: numbers, names of choices, or lists of numbers."""
    told = {"grade": "vendor", "source": "made_up"}
    stated: dict[str, Any] = {
        key: {"values": list(value), **told}
        if isinstance(value, (list, tuple))
        else {"value": value, **told}
        for key, value in limits.items()
    }
    noc: dict[str, Any] = {"multicast": multicast}
    if mesh is not None:
        noc.update(
            topology="mesh",
            width_tiles={"value": mesh[0], **told},
            height_tiles={"value": mesh[1], **told},
        )
    return ChipProfile.model_validate(
        {
            "identity": {"name": "toy", "status": "limits", "schema_version": 1},
            "limits": stated,
            "noc": noc,
            "citations": {"made_up": "for tests"},
        }
    )


def chain(*sizes: int, seed: int = 0, weight: int = 62) -> nd.Program:
    """Return dense layers of these sizes, the first one the input."""
    rng = np.random.default_rng(seed)
    names = ["x", *(f"l{k}" for k in range(len(sizes) - 1))]
    weights = [rng.integers(-weight, weight + 1, (b, a)) * 2 for a, b in itertools.pairwise(sizes)]
    return nd.Program(
        inputs=(nd.Input("x", (sizes[0],)),),
        populations=tuple(
            nd.Population(name, (size,), LIF)
            for name, size in zip(names[1:], sizes[1:], strict=True)
        ),
        connections=tuple(
            nd.Connection(a, b, nd.Dense(w))
            for a, b, w in zip(names[:-1], names[1:], weights, strict=True)
        ),
        readout=nd.Readout(names[-1]),
    )


def maps(
    shape: tuple[int, int, int], *layers: tuple[int, int, int, int] | int, seed: int = 0
) -> nd.Program:
    """Return convolutions (channels, kernel, stride, padding) and dense layers (neurons)."""
    rng = np.random.default_rng(seed)
    populations, connections = [], []
    before: tuple[str, tuple[int, ...]] = ("x", shape)
    for k, layer in enumerate(layers):
        source = before[1]
        synapse: nd.Conv2d | nd.Dense
        if isinstance(layer, tuple):
            channels, kernel, stride, padding = layer
            weight = rng.integers(-62, 63, (channels, source[0], kernel, kernel)) * 2
            synapse = nd.Conv2d(weight, stride, padding)
            target: tuple[int, ...] = synapse.output_shape(source)
        else:
            synapse = nd.Dense(rng.integers(-62, 63, (layer, int(np.prod(source)))) * 2)
            target = (layer,)
        populations.append(nd.Population(f"l{k}", target, LIF))
        connections.append(nd.Connection(before[0], f"l{k}", synapse))
        before = (f"l{k}", target)
    return nd.Program(
        inputs=(nd.Input("x", shape),),
        populations=tuple(populations),
        connections=tuple(connections),
        readout=nd.Readout(before[0]),
    )
