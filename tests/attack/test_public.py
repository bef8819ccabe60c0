"""FGSM, Auto-PGD and Square against a public implementation, where it is installed.

    pip install --no-deps torchattacks

Without it, `test_published` holds them against statements of their papers that are its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from attack.networks import PEAK, Relu, relu
from torch import Tensor, nn

from neurodeploy.attack.gradient import Apgd, Fgsm
from neurodeploy.attack.losses import dlr
from neurodeploy.attack.search import Square

public: Any = pytest.importorskip(
    "torchattacks", reason="torchattacks is not installed, nothing public to compare with"
)
SAMPLES = 100


class Images(nn.Module):
    """A network on images ``(samples, 1, height, width)``."""

    def __init__(self, net: Relu) -> None:
        super().__init__()
        self.net = net.net

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.net(x.flatten(1))
        return found


class Large(Relu):
    """The network behind a mean over 4 x 4 pixels, on digits of 32 x 32.

    The public Square never sets the last row and column of an image, which on 8 x 8 is a quarter of
    the places.
    """

    def __init__(self) -> None:
        small = relu()
        self.x = np.kron(small.x.reshape(-1, 8, 8), np.ones((1, 4, 4), np.int32))
        self.x = self.x.reshape(len(small.x), -1)
        self.y = small.y
        self.net = nn.Sequential(
            nn.Unflatten(1, (1, 32, 32)), nn.AvgPool2d(4), nn.Flatten(), small.net
        )


def attacked(net: Relu, name: str, radius: int, **settings: Any) -> np.ndarray[Any, Any]:
    """Return what the public attack makes of the first samples, values 0 to 255."""
    torch.manual_seed(0)
    side = int(np.sqrt(net.x.shape[1]))
    x = torch.tensor(net.x[:SAMPLES], dtype=torch.float32).reshape(-1, 1, side, side) / PEAK
    model = Images(net).eval()
    attack = getattr(public, name)(model, eps=radius / PEAK, **settings)
    made = attack(x, torch.tensor(net.y[:SAMPLES]))
    return np.asarray(made.detach().flatten(1).numpy() * PEAK)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, y, reduction="none")


@pytest.mark.parametrize("radius", [8, 24])
def test_fgsm(radius: int) -> None:
    net = relu()
    wanted = np.rint(attacked(net, "FGSM", radius))
    found = Fgsm().run(net.field(SAMPLES, radius, cross_entropy))
    rows = (found != net.x[:SAMPLES]).any(1)  # the others are not fooled, and keep their own data
    assert rows.sum() > 3 and np.array_equal(found[rows], wanted[rows])
    assert net.robust(wanted) == net.robust(found)


@pytest.mark.parametrize(("name", "loss"), [("ce", cross_entropy), ("dlr", dlr)])
@pytest.mark.parametrize("radius", [12, 20])
def test_auto_pgd(name: str, loss: Any, radius: int) -> None:
    net = relu()
    wanted = net.robust(attacked(net, "APGD", radius, steps=40, n_restarts=1, loss=name, seed=1))
    found = net.robust(Apgd(steps=40).run(net.field(SAMPLES, radius, loss)))
    assert abs(found - wanted) <= 0.04
    assert 0.02 < wanted < 0.95


@pytest.mark.parametrize("radius", [12, 24])
def test_square(radius: int) -> None:
    net = Large()
    wanted = net.robust(attacked(net, "Square", radius, n_queries=400, n_restarts=1, seed=1))
    found = net.robust(Square(queries=400).run(net.field(SAMPLES, radius, cross_entropy)))
    assert abs(found - wanted) <= 0.06
    assert 0.02 < wanted < 0.95
