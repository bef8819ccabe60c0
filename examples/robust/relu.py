"""A ReLU network of the same size, trained and attacked beside the spiking ones.

    python examples/robust/relu.py --network conv --method fgsm --eps 2 --attack 8 --out FILE.json

Floats in torch, images in [0, 1]. Trained on the images as they are until half of the epochs, then
on perturbed ones alone: one step of FGSM, or PGD with 5 steps from a random start. Attacked by
PGD-7 (a third of the budget a step), and by PGD-100 whose steps shrink, with cross-entropy and
margin, three random starts each; a sample stands if it stands all of them. Not on the grid of 255
levels: an attacker in floats may do at least as much.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.atomic import replacing
from neurodeploy.data import load_data


def network(kind: str, classes: int, size: int) -> nn.Sequential:
    """Return ``conv`` (16C5s2-32C3s2-256-10), ``deep`` (512-256) or ``dense`` (256)."""
    if kind == "conv":
        return nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 16, 5, 2), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 256), nn.ReLU(),
            nn.Linear(256, classes),
        )  # fmt: skip
    sizes = (size, 512, 256) if kind == "deep" else (size, 256)
    parts: list[nn.Module] = []
    for before, after in pairwise(sizes):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], classes))


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Return the sum of the best other logit minus that of the label."""
    own = functional.one_hot(y, logits.shape[1]).bool()
    return (logits.masked_fill(own, -1e9).amax(1) - logits[own]).sum()


def entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the summed cross-entropy."""
    return functional.cross_entropy(logits, y, reduction="sum")


def climbed(
    model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: list[float], loss: Any, start: bool
) -> Tensor:
    """Return ``x`` after sign steps of the sizes ``steps``, within ``eps`` and [0, 1]."""
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    moved = low + (high - low) * torch.rand_like(x) if start else x
    for step in steps:
        moved = moved.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(model(moved), y), moved)
        moved = torch.minimum(torch.maximum(moved.detach() + step * slope.sign(), low), high)
    return moved.detach()


def trained(model: nn.Module, x: Tensor, y: Tensor, options: argparse.Namespace) -> None:
    """Train in place."""
    eps = options.eps / 255
    steps = [eps] if options.method == "fgsm" else [0.5 * eps] * 5
    optimiser = torch.optim.Adam(model.parameters(), options.rate)
    batches = len(x) // options.batch
    total = options.epochs * batches
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    for number in range(total):
        if number % batches == 0:
            order = torch.randperm(len(x))
        rows = order[number % batches * options.batch :][: options.batch]
        images, labels = x[rows], y[rows]
        if number >= options.clean * total:
            images = climbed(model, images, labels, eps, steps, entropy, options.method != "fgsm")
        optimiser.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
        schedule.step()


def stands(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return which samples are answered right."""
    with torch.no_grad():
        return model(x).argmax(1) == y


def attacked(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> dict[str, float]:
    """Return what stands PGD-7, and everything."""
    seven = stands(model, climbed(model, x, y, eps, [eps / 3] * 7, entropy, True), y)
    shrinking = [2 * eps * (1 - number / 100) for number in range(100)]
    all_of_them = stands(model, x, y)
    for loss in (entropy, margin):
        for _ in range(3):
            left = all_of_them.nonzero().flatten()
            found = climbed(model, x[left], y[left], eps, shrinking, loss, True)
            all_of_them[left] = stands(model, found, y[left])
    return {"pgd-7": float(seven.float().mean()), "strong": float(all_of_them.float().mean())}


def main() -> None:
    """Train, attack, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=("conv", "deep", "dense"), default="conv")
    parser.add_argument("--method", choices=("fgsm", "pgd"), default="fgsm")
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--eps", type=float, default=2.0, help="of training, in 255ths")
    parser.add_argument("--attack", type=float, default=8.0, help="budget, in 255ths")
    parser.add_argument("--train-samples", type=int)
    parser.add_argument("--samples", type=int, default=1000, help="of the attack")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--clean", type=float, default=0.5, help="share of clean training")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    data = load_data(options.data)
    parts = {name: data.part(name) for name in ("train", "test")}
    peak = float(data.domain.peak)
    x = {k: torch.from_numpy(p.x.reshape(len(p), -1)).float() / peak for k, p in parts.items()}
    y = {name: torch.from_numpy(part.y) for name, part in parts.items()}
    model = network(options.network, data.classes, x["train"].shape[1])
    start = time.process_time()
    limit = options.train_samples
    trained(model, x["train"][:limit], y["train"][:limit], options)
    seconds = time.process_time() - start
    some = slice(None, options.samples)
    found = attacked(model, x["test"][some], y["test"][some], options.attack / 255)
    content = {
        "settings": {k: v for k, v in vars(options).items() if k != "out"},
        "weights": sum(p.numel() for p in model.parameters()),
        "cpu_s": round(seconds, 1),
        "clean": float(stands(model, x["test"], y["test"]).float().mean()),
        "robust": found,
    }
    with replacing(options.out) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    print(json.dumps(content))


if __name__ == "__main__":
    main()
