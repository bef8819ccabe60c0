"""Train a network for certificates and export it as integers.

    python examples/certified/train.py --out runs/certified
    neurodeploy verify runs/certified/program.h5 --data fashion-mnist --suite certify --eps 2,4,8,16

One spiking hidden layer without current memory, hard reset, constant current, and a read-out that
keeps everything: what a hidden neuron adds to a score is a step function of one number, its
current. Both ends of the interval of that current are simulated, and the margins are bounded over
the box of what the neurons may add:

    loss = kappa CE(scores) + (1 - kappa) CE(worst margins),  kappa 1 -> 0.4, eps 0 -> its end

A current beyond ``limit`` thresholds is fined, so that the integers have room for a fine grid.

Source: interval bound propagation, Gowal et al. (2018); spiking form, Liang et al. (NeurIPS 2022);
rounding with error feedback, Frantar et al. (ICLR 2023).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

import neurodeploy as nd
from neurodeploy.data import load_data

KEEP = 3584
"""Of 4096: what is left of v after a step."""
U_LIMIT = 2**17
"""Currents from here on may wrap u, which is 64 times as large, in 24 bits."""


@dataclass(frozen=True)
class Settings:
    """data : name. eps : of the training ball, share of the peak. limit : of |current|, in
    thresholds. window : of the read-out, 1 the last step, 0 the sum over all steps."""

    data: str = "fashion-mnist"
    hidden: int = 256
    steps: int = 4
    eps: float = 0.042
    kappa: float = 0.4
    epochs: int = 24
    batch: int = 250
    rate: float = 4e-3
    ramp: float = 0.6
    limit: float = 16.0
    fine: float = 1e-2
    window: int = 0
    split: bool = False
    seed: int = 1


class Spike(torch.autograd.Function):
    """``v > 1`` forward; backward the triangle ``max(0, 1 - |v - 1|)``."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 1).to(v.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (v,) = ctx.saved_tensors
        return gradient * (1 - (v - 1).abs()).clamp(min=0)


class Network(nn.Module):
    """Float twin in units of the threshold; inputs are shares of the peak."""

    def __init__(self, size: int, classes: int, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.first = nn.Linear(size, settings.hidden)
        self.last = nn.Linear(settings.hidden, classes)
        nn.init.normal_(self.first.weight, std=2 / size**0.5)

    def contribution(self, current: torch.Tensor) -> torch.Tensor:
        """Return what a neuron adds: its spikes, each weighted by the columns that see it."""
        steps, window = self.settings.steps, self.settings.window or self.settings.steps
        v, total = torch.zeros_like(current), torch.zeros_like(current)
        for step in range(steps):
            v = v * (KEEP / 4096) + current
            s = Spike.apply(v)
            total = total + s * min(steps - step, window)
            v = v * (1 - s.detach())
        return total / window

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.contribution(self.first(x)))

    def currents(self, x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ends of the currents for all data within eps, clipped to the range."""
        low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
        centre = self.first((low + high) / 2)
        radius = nn.functional.linear((high - low) / 2, self.first.weight.abs())
        return centre - radius, centre + radius

    def worst(self, ends: tuple[torch.Tensor, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        """Return upper bounds of ``score_j - score_y``, (batch, classes); 0 for y itself."""
        one, two = (self.contribution(end) for end in ends)
        low, high = torch.minimum(one, two), torch.maximum(one, two)
        weight = self.last.weight
        against = weight[None] - weight[y][:, None]
        bias = self.last.bias[None] - self.last.bias[y][:, None]
        centre, radius = (low + high) / 2, (high - low) / 2
        rows = against @ centre[:, :, None] + against.abs() @ radius[:, :, None]
        return rows[:, :, 0] + bias


def train(x: torch.Tensor, y: torch.Tensor, settings: Settings) -> Network:
    """Return the network trained on ``x`` (samples, size), shares of the peak."""
    torch.manual_seed(settings.seed)
    network = Network(x.shape[1], int(y.max()) + 1, settings)
    optimiser = torch.optim.Adam(network.parameters(), settings.rate)
    batches = len(x) // settings.batch
    total = settings.epochs * batches
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=total, pct_start=0.1
    )
    for number in range(total):
        if number % batches == 0:
            order = torch.randperm(len(x))
        rows = order[number % batches * settings.batch :][: settings.batch]
        share = min(1.0, number / (settings.ramp * total))
        kappa = 1 - (1 - settings.kappa) * share
        ends = network.currents(x[rows], settings.eps * share)
        over = sum((end.abs() - settings.limit).clamp(min=0).mean() for end in ends)
        clean = nn.functional.cross_entropy(network.scores(x[rows]), y[rows])
        worst = nn.functional.cross_entropy(network.worst(ends, y[rows]), y[rows])
        loss = kappa * clean + (1 - kappa) * worst + settings.fine * over
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
        schedule.step()
        if number % batches == batches - 1:
            print(f"epoch {number // batches + 1}: loss {float(loss):.3f}", flush=True)
    return network


@torch.no_grad()
def measured(network: Network, x: torch.Tensor, y: torch.Tensor, budgets: list[float]) -> dict:
    """Return clean accuracy and, per eps, the share whose worst margins are below 0."""
    found: dict[str, float] = {}
    for eps in [0.0, *budgets]:
        good = 0
        for rows in torch.arange(len(x)).split(500):
            margins = network.worst(network.currents(x[rows], eps), y[rows])
            margins[torch.arange(len(rows)), y[rows]] = -1
            good += int((margins < 0).all(1).sum())
        found[f"{255 * eps:g}"] = good / len(x)
    return found


def rounded(weight: np.ndarray, step: int, moments: np.ndarray) -> np.ndarray:
    """Round rows to multiples of ``step`` so that ``W x`` changes little on the data.

    Column after column; the error of each is taken over by the columns still to come, as the second
    moments of the data say. A weight of 0 on a column without data stays what rounding gives.
    """
    size = len(moments)
    damped = moments + 0.01 * np.trace(moments) / size * np.eye(size)
    order = np.argsort(-np.diag(damped), kind="stable")
    inverse = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left = weight[:, order].astype(np.float64)
    result = np.zeros_like(left)
    for k in range(size):
        result[:, k] = step * np.rint(left[:, k] / step)
        error = (left[:, k] - result[:, k]) / inverse[k, k]
        left[:, k + 1 :] -= np.outer(error, inverse[k, k + 1 :])
    back = np.empty_like(result)
    back[:, order] = result
    return back.astype(np.int32)


def exported(network: Network, peak: int, x: np.ndarray, reach: float) -> nd.Program:
    """Return the integer network. reach : largest |current| of training balls, in thresholds."""
    settings = network.settings
    threshold = int(0.97 * U_LIMIT / reach)
    scale = threshold / peak
    first = network.first.weight.detach().double().numpy() * scale
    threshold = int(min(threshold, threshold * 254 / np.abs(first).max()))
    first *= threshold / peak / scale
    scale = threshold / peak
    moments = x.astype(np.float64).T @ x.astype(np.float64) / len(x)
    grid = rounded(first, 1 if settings.split else 2, moments)
    last = network.last.weight.detach().double().numpy()
    unit = 254 / np.abs(last).max()
    window = settings.window or settings.steps
    seen = sum(min(settings.steps - t, window) for t in range(settings.steps)) / window
    bias = np.rint(network.first.bias.detach().double().numpy() * threshold).astype(np.int32)
    offset = network.last.bias.detach().double().numpy() * unit / seen
    hidden = nd.CubaLif(
        current_decay=4096, voltage_decay=4096 - KEEP, threshold=threshold, bias=bias
    )
    parts = (np.maximum(grid, 0), np.minimum(grid, 0)) if settings.split else (grid,)
    out = (2 * np.rint(last * unit / 2)).astype(np.int32)
    return nd.Program(
        inputs=(nd.Input("x", (x.shape[1],), peak.bit_length()),),
        populations=(
            nd.Population("hidden", (settings.hidden,), hidden),
            nd.Population("out", (len(out),), nd.Integrator(4096, 0, np.rint(offset).astype(int))),
        ),
        connections=(
            *(nd.Connection("x", "hidden", nd.Dense(part)) for part in parts),
            nd.Connection("hidden", "out", nd.Dense(out)),
        ),
        readout=nd.Readout("out", "v", window=settings.window),
        metadata={
            "encoder": "direct",
            "encoder.steps": settings.steps,
            "encoder.peak": peak,
            "encoder.levels": peak,
            "encoder.gap": 0,
        },
    )


@torch.no_grad()
def reached(network: Network, x: torch.Tensor, eps: float) -> float:
    """Return the largest |current| over the balls of all samples, in thresholds."""
    parts = x.split(500)
    return max(float(end.abs().max()) for part in parts for end in network.currents(part, eps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    for name, value in asdict(Settings()).items():
        if isinstance(value, bool):
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=type(value), default=value)
    values = vars(parser.parse_args())
    out = values.pop("out")
    settings = Settings(**values)
    data = load_data(settings.data)
    parts = {name: data.part(name) for name in ("train", "validation", "test")}
    peak = parts["train"].domain.peak
    flat = {name: part.x.reshape(len(part), -1) for name, part in parts.items()}
    x = {name: torch.from_numpy(part.astype(np.float32) / peak) for name, part in flat.items()}
    y = {name: torch.from_numpy(part.y) for name, part in parts.items()}
    start = time.process_time()
    network = train(x["train"], y["train"], settings)
    seconds = time.process_time() - start
    budgets = [k / 255 for k in ((2, 4, 8, 16) if peak == 255 else (16, 32))]
    float_twin = {p: measured(network, x[p], y[p], budgets) for p in ("validation", "test")}
    reach = reached(network, x["train"], max(budgets))
    program = exported(network, peak, flat["train"], reach)
    out.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out / "weights.pt")
    nd.save(program, str(out / "program.h5"))
    result = {
        "settings": asdict(settings),
        "cpu_s": round(seconds, 1),
        "float_twin": float_twin,
        "reach_thresholds": reach,
        "digest": program.digest,
    }
    (out / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
