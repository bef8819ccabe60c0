"""Gradients of the compiled scan for surrogates that it does not know itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import neurodeploy as nd
from neurodeploy.twin import compiled

STEPS, BATCH = 6, 5


def program() -> nd.Program:
    """Return 7 - 20 - 4 with thresholds of several sizes."""
    rng = np.random.default_rng(3)
    hidden = nd.CubaLif(
        current_decay=1024, voltage_decay=300, threshold=rng.integers(30, 300, 20), bias=3
    )
    output = nd.CubaLif(current_decay=4096, voltage_decay=512, threshold=60)
    return nd.Program(
        inputs=(nd.Input("x", (7,), message_bits=5),),
        populations=(nd.Population("hidden", (20,), hidden), nd.Population("out", (4,), output)),
        connections=(
            nd.Connection("x", "hidden", nd.Dense(2 * rng.integers(-40, 41, (20, 7)))),
            nd.Connection("hidden", "out", nd.Dense(2 * rng.integers(-40, 41, (4, 20)))),
        ),
        readout=nd.Readout("out", "s"),
    )


def own(z: Tensor, width: Any) -> Tensor:
    """Wider in later steps."""
    return torch.exp(-z.abs() / (1 + torch.arange(z.shape[1])[:, None]))


@pytest.mark.parametrize("surrogate", ["gaussian", "sigmoid", "triangle", own])
@pytest.mark.parametrize("width", [1.0, torch.linspace(0.5, 2, STEPS)[:, None]])
def test_they_are_those_of_the_scan_in_torch(surrogate: Any, width: Any) -> None:
    """float64 data do not run compiled."""
    net = nd.to_torch(program())
    drawn = np.random.default_rng(1).integers(0, 32, (BATCH, STEPS, 7))
    found = []
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(drawn, dtype=dtype, requires_grad=True)
        run = net(x, surrogate=surrogate, width=width)
        (run.logits * torch.linspace(-1, 2, 4)).sum().backward()
        assert ("before" in run["hidden"]._found) == (dtype is torch.float32)
        assert x.grad is not None
        found.append(x.grad.double())
    assert float(found[1].abs().max()) > 0
    assert float((found[0] - found[1]).abs().max()) <= 1e-5 * float(found[1].abs().max())


def test_the_compiled_module_is_there() -> None:
    assert compiled.available()
