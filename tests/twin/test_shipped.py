"""Networks that lava-dl ships, as twins: all states are the engine's, the gradient arrives."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest
import torch
from netx_files import LAVA_DL, needs_lava_dl

import neurodeploy as nd

pytestmark = [
    needs_lava_dl,
    pytest.mark.filterwarnings("ignore::neurodeploy.errors.NeurodeployWarning"),  # data as they are
]
VARIABLES = ("s", "u", "v", "sigma", "act")
LIMIT_GB = 4


def frames(name: str, steps: int) -> Any:
    """Return recorded frames ``(steps, C, H, W)``, from the start again at the end."""
    record = np.load(LAVA_DL / "gts" / name / "input.npy").transpose(3, 2, 1, 0)
    return np.resize(record, (steps, *record.shape[1:])).astype(np.int32)


def mnist() -> Any:
    """Return two images' worth of drive."""
    return np.random.default_rng(0).integers(-60, 60, (2, 16, 784)).astype(np.int32)


@pytest.mark.parametrize(
    ("path", "data", "options"),
    [
        ("mnist.net", mnist, {"reset_interval": 16}),
        ("gts/pilotnet_lif/network.net", lambda: frames("pilotnet_lif", 20), {}),
        (
            "gts/pilotnet_lif/network.net",
            lambda: frames("pilotnet_lif", 20)[None],
            {"reset_interval": 8},
        ),
        ("gts/pilotnet_sdnn/network.net", lambda: frames("pilotnet_sdnn", 12), {}),
    ],
)
def test_a_shipped_network(path: str, data: Any, options: dict[str, Any]) -> None:
    program, x = nd.load(LAVA_DL / path), data()
    options = {"timing": "pipelined", "weights": "lava", **options}
    leaf = torch.from_numpy(x).float().requires_grad_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = nd.to_torch(program, **options)(leaf)
    run.logits.sum().backward()
    peak_gb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    assert peak_gb < LIMIT_GB
    assert leaf.grad is not None and bool(torch.isfinite(leaf.grad).all())
    assert float(leaf.grad.abs().max()) > 0
    trace = nd.simulate(program, x, record=VARIABLES, **options)
    for name in program.names:
        for variable, expected in trace[name].arrays.items():
            found = getattr(run[name], variable).detach().numpy()
            assert np.array_equal(found, expected), (name, variable)
