"""Steps of adversarial training: PGD-10 and the step on what it found, beside SpikingJelly.

    python benchmarks/adversarial.py [--networks mlp cnn] [--turns 7] [--batch 128] [--out FILE]

784-512-256-10, and 28x28x1 - conv 16@5x5/2 - conv 32@3x3/2 - dense 128 - dense 10; LIF without
synaptic current, voltage decay 512, hard reset, grey Fashion-MNIST images shown for 8 steps. A step
is PGD with 10 steps of 2 of 255 within 8 of 255 from a random start on the grey levels, then
forward, cross-entropy of spike counts, backward and Adam on the images found. One thread;
contestants take turns in one process; samples per CPU second, medians over turns.

SpikingJelly's weights are frozen during the attack, as an experienced user would do; with "first
layer once" its first product, the same in every step, is moreover computed once and repeated.

First: on attacked images the spikes of all our layers in train mode must be those of `nd.simulate`
of the lowered program, and no value may have left its budget. Otherwise nothing is timed and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from training import KINDS, OWN, VOLTAGE_DECAY, Step, Work, _fused, race, table

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.data.fashion import load_fashion
from neurodeploy.lowering import lower
from neurodeploy.train import Conv, Dense, Network, Neuron

STEPS, PEAK, EPS, STEP, ATTACK = 8, 255, 8, 2, 10
ONE = 4096


def workload(kind: str, batch: int) -> Work:
    """Return the first images of the training part, grey levels ``(1, batch, *shape)``."""
    part = load_fashion().train.take(slice(0, batch))
    grey = part.x.reshape(1, batch, *KINDS[kind]).astype(np.float32)
    return Work(kind, torch.from_numpy(grey), torch.from_numpy(np.asarray(part.y, np.int64)))


def attacked(x: Tensor, signs: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ``x`` after PGD on the grey levels. signs : of the loss's gradient."""
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=PEAK)
    moved = torch.round(low + (high - low) * torch.rand_like(x))
    for _ in range(ATTACK):
        moved = torch.minimum(torch.maximum(moved + STEP * signs(moved), low), high)
    return moved


def signs_of(forward: Callable[[Tensor], Tensor], y: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function that gives signs of gradients of the cross-entropy."""

    def signs(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(functional.cross_entropy(forward(x), y), x)
        return found.sign()

    return signs


def network(work: Work) -> Network:
    """Return our network, calibrated on the batch."""
    maps = [
        Conv(channels=16, kernel=5, stride=2, norm="none"),
        Conv(channels=32, kernel=3, stride=2, norm="none"),
    ]
    sizes = (512, 256, 10) if work.kind == "mlp" else (128, 10)
    layers = [*(maps if work.kind == "cnn" else []), *(Dense(size=n, norm="none") for n in sizes)]
    built = Network(
        work.shape,
        layers,
        input_scale=float(PEAK),
        message_bits=8,
        neuron=Neuron(current_decay=ONE, voltage_decay=VOLTAGE_DECAY),
        seed=1,
    )
    built.calibrate(work.x, STEPS)
    return built


def found_by(built: Network, work: Work) -> Tensor:
    """Return the images that the attack finds, on the integers of eval mode."""
    with built.held():
        return attacked(work.x, signs_of(lambda x: built(x, STEPS).logits, work.y))


def ours(work: Work) -> Step:
    """Return the step of our network."""
    built = network(work).train()
    optimizer = torch.optim.Adam(built.parameters(), lr=1e-3, **_fused())

    def step() -> None:
        loss = functional.cross_entropy(built(found_by(built, work), STEPS).logits, work.y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def spikingjelly(work: Work, once: bool) -> Step:
    """Return the step of SpikingJelly. once : compute the first product once for all steps."""
    from spikingjelly.activation_based import functional as jelly
    from spikingjelly.activation_based import layer, neuron

    def make() -> nn.Module:
        made: nn.Module = neuron.LIFNode(
            tau=ONE / VOLTAGE_DECAY, decay_input=False, detach_reset=True
        )
        return made

    def linear(before: int, after: int) -> nn.Module:
        made: nn.Module = layer.Linear(before, after, bias=False)
        return made

    def conv(into: int, out: int, size: int) -> nn.Module:
        made: nn.Module = layer.Conv2d(into, out, size, 2, bias=False)
        return made

    if work.kind == "cnn":
        parts = [conv(1, 16, 5), make(), conv(16, 32, 3), make(), layer.Flatten(),
                 linear(800, 128), make(), linear(128, 10), make()]  # fmt: skip
    else:
        parts = [linear(784, 512), make(), linear(512, 256), make(), linear(256, 10), make()]
    first, rest = parts[0], nn.Sequential(*parts[1:])
    model = nn.Sequential(first, rest)
    jelly.set_step_mode(model, "m")

    def forward(x: Tensor) -> Tensor:
        jelly.reset_net(model)
        x = x / PEAK
        if once:
            current = first(x)
            current = current.expand(STEPS, *current.shape[1:])
        else:
            current = first(x.expand(STEPS, *x.shape[1:]))
        return 10 * rest(current).mean(0)

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **_fused())

    def step() -> None:
        model.requires_grad_(False)
        x = attacked(work.x, signs_of(forward, work.y))
        model.requires_grad_(True)
        loss = functional.cross_entropy(forward(x), work.y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


CONTESTANTS: dict[str, Callable[[Work], Step]] = {
    OWN: ours,
    "spikingjelly": lambda work: spikingjelly(work, False),
    "spikingjelly, first layer once": lambda work: spikingjelly(work, True),
}


def check(work: Work) -> list[str]:
    """Return what is wrong, nothing if all is well."""
    built = network(work)
    x = found_by(built, work)
    wrong = [] if float((x - work.x).abs().max()) <= EPS else ["a value left its budget"]
    run = built.train()(x, STEPS)
    columns = x.expand(STEPS, *x.shape[1:]).numpy().swapaxes(0, 1).astype(np.int64)
    for name, trace in nd.simulate(lower(built), columns, record=("s",)).items():
        spikes = run.results[name].s.detach().numpy().swapaxes(0, 1)
        if not np.array_equal(spikes, trace.s):
            wrong.append(f"{name}: spikes differ from the program's")
    return wrong


def measure(work: Work, turns: int) -> dict[str, Any]:
    """Return the record of one network; raises ValueError when something is wrong."""
    wrong = check(work)
    if wrong:
        raise ValueError("; ".join(wrong))
    steps, missing = {}, {}
    for name, make in CONTESTANTS.items():
        try:
            steps[name] = make(work)
        except ImportError as error:
            missing[name] = f"not installed ({error})"
    seconds = race(steps, turns)
    speed = {name: len(work.y) / float(np.median(values)) for name, values in seconds.items()}
    return {"samples_per_cpu_second": speed, "cpu_seconds": seconds, "missing": missing}


def main() -> int:
    """Measure what was asked for; return 1 when a check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = {}
    for kind in options.networks:
        try:
            records[kind] = measure(workload(kind, options.batch), options.turns)
        except ValueError as error:
            print(f"{kind}: {error}", file=sys.stderr)
            return 1
        print(table(kind, records[kind]).replace(", gradients within 1e-05", ""))
    if options.out:
        versions = {"python": platform.python_version(), "torch": torch.__version__}
        content = {"batch": options.batch, "turns": options.turns, "versions": versions}
        with replacing(options.out) as file:
            file.write((json.dumps({**content, "networks": records}, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
