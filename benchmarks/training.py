"""Training steps of two spiking networks: neurodeploy's exact integers against other libraries.

    python benchmarks/training.py [--networks mlp cnn] [--turns 9] [--batch 128] [--out FILE.json]

784-512-256-10, and 28x28x1 - conv 16@5x5/2 - conv 32@3x3/2 - dense 128 - dense 10; T = 16, current
decay 1024, voltage decay 512, Bernoulli spikes of Fashion-MNIST training images. One step is
forward, cross-entropy of spike counts, backward and fused Adam, on one thread. Contestants take
turns in one process; rates are samples per CPU second, medians over turns.

First, on the timed data: the spikes of all layers in train mode must be those of `nd.simulate` of
the lowered program, and every gradient must lie within 1e-5, relative to its largest entry, of that
of the torch operations with products in float64 (in float32, torch's own gradient of the first
convolution is 1.1e-5 off). On a difference nothing is timed and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.data.fashion import load_fashion
from neurodeploy.encode import Rate
from neurodeploy.lowering import lower
from neurodeploy.train import Conv, Dense, Network, Neuron

STEPS, PEAK, SEED = 16, 255, 1
CURRENT_DECAY, VOLTAGE_DECAY, ONE = 1024, 512, 4096
TOLERANCE = 1e-5
LEARNING_RATE = 1e-3
KINDS = {"mlp": (784,), "cnn": (1, 28, 28)}
Step = Callable[[], None]


@dataclass(frozen=True)
class Work:
    """x : float32 spikes ``(16, batch, *shape)``. y : classes ``(batch,)``."""

    kind: str
    x: Tensor
    y: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one column."""
        return tuple(self.x.shape[2:])


def workload(kind: str, batch: int) -> Work:
    """Return the first images of the training part as spikes."""
    part = load_fashion().train.take(slice(0, batch))
    grey = part.x.reshape(batch, *KINDS[kind])
    spikes = Rate(steps=STEPS, peak=PEAK, seed=SEED).encode(grey)
    x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(spikes, 1, 0), np.float32))
    return Work(kind, x, torch.from_numpy(np.asarray(part.y, np.int64)))


def network(work: Work, norm: str) -> Network:
    """Return our network, calibrated on the batch."""
    maps = [
        Conv(channels=16, kernel=5, stride=2, norm=norm),
        Conv(channels=32, kernel=3, stride=2, norm=norm),
    ]
    sizes = (512, 256, 10) if work.kind == "mlp" else (128, 10)
    layers = [*(maps if work.kind == "cnn" else []), *(Dense(size=n, norm=norm) for n in sizes)]
    neuron = Neuron(current_decay=CURRENT_DECAY, voltage_decay=VOLTAGE_DECAY)
    built = Network(work.shape, layers, neuron=neuron, seed=SEED)
    built.calibrate(work.x)
    return built


def step_of(model: nn.Module, forward: Callable[[], Tensor], work: Work) -> Step:
    """Return a function that makes one training step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, **_fused())

    def step() -> None:
        loss = functional.cross_entropy(forward(), work.y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def _fused() -> dict[str, bool]:
    """Return the option of a fused Adam where torch has one for the CPU."""
    try:
        torch.optim.Adam([nn.Parameter(torch.zeros(1))], fused=True)
    except RuntimeError:
        return {}
    return {"fused": True}


def ours(work: Work, norm: str = "none") -> Step:
    """Return the step of our network."""
    built = network(work, norm).train()
    return step_of(built, lambda: built(work.x).logits, work)


def _modules(work: Work, make: Any, linear: Any, flatten: Any, conv: Any) -> Iterator[nn.Module]:
    """Yield the layers in order, neurons from ``make``."""
    if work.kind == "cnn":
        yield from (conv(1, 16, 5, 2), make(), conv(16, 32, 3, 2), make(), flatten())
    sizes = (784, 512, 256, 10) if work.kind == "mlp" else (800, 128, 10)
    for before, after in pairwise(sizes):
        yield from (linear(before, after, bias=False), make())


def _convolution(into: int, out: int, size: int, stride: int) -> nn.Module:
    return nn.Conv2d(into, out, size, stride, bias=False)


def norse(work: Work) -> Step:
    """Return the step of norse: CUBA-LIF over time, lifted convolutions."""
    import norse.torch as norse

    parameters = norse.LIFParameters(
        tau_syn_inv=torch.tensor(1000 * CURRENT_DECAY / ONE),
        tau_mem_inv=torch.tensor(1000 * VOLTAGE_DECAY / ONE),
        v_th=torch.tensor(0.1),
    )
    modules = _modules(
        work,
        lambda: norse.LIF(p=parameters),
        nn.Linear,
        lambda: nn.Flatten(2),
        lambda *a: norse.Lift(_convolution(*a)),
    )
    model = norse.SequentialState(*modules)
    return step_of(model, lambda: 10 * model(work.x)[0].mean(0), work)


def snntorch(work: Work) -> Step:
    """Return the step of snnTorch: CUBA-LIF in a loop over time."""
    import snntorch

    def neuron() -> nn.Module:
        keep = (1 - CURRENT_DECAY / ONE, 1 - VOLTAGE_DECAY / ONE)
        made: nn.Module = snntorch.Synaptic(*keep, reset_mechanism="zero", init_hidden=True)
        return made

    model = nn.Sequential(*_modules(work, neuron, nn.Linear, nn.Flatten, _convolution))
    neurons = [module for module in model if isinstance(module, snntorch.Synaptic)]

    def forward() -> Tensor:
        for module in neurons:
            module.reset_hidden()
        return 10 * torch.stack([model(column) for column in work.x]).mean(0)

    return step_of(model, forward, work)


def spikingjelly(work: Work) -> Step:
    """Return the step of SpikingJelly: LIF without synaptic current, multi-step mode."""
    from spikingjelly.activation_based import functional as jelly
    from spikingjelly.activation_based import layer, neuron

    def make() -> nn.Module:
        made: nn.Module = neuron.LIFNode(
            tau=ONE / VOLTAGE_DECAY, decay_input=False, detach_reset=True
        )
        return made

    def convolution(into: int, out: int, size: int, stride: int) -> nn.Module:
        made: nn.Module = layer.Conv2d(into, out, size, stride, bias=False)
        return made

    model = nn.Sequential(*_modules(work, make, layer.Linear, layer.Flatten, convolution))
    jelly.set_step_mode(model, "m")

    def forward() -> Tensor:
        jelly.reset_net(model)
        return 10 * model(work.x).mean(0)

    return step_of(model, forward, work)


CONTESTANTS: dict[str, Callable[[Work], Step]] = {
    "neurodeploy": ours,
    "neurodeploy, weight norm": lambda work: ours(work, "weight"),
    "norse": norse,
    "snntorch": snntorch,
    "spikingjelly": spikingjelly,
}
OWN = "neurodeploy"


def check(work: Work) -> tuple[list[str], dict[str, float]]:
    """Return what is wrong (nothing, if all is well) and the firing rate of each layer."""
    built = network(work, "none").train()
    run = built(work.x)
    own = _gradients(built, run.logits, work)
    program = lower(built)
    traces = nd.simulate(program, work.x.numpy().swapaxes(0, 1).astype(np.int64), record=("s",))
    wrong = []
    for name, trace in traces.items():
        spikes = run.results[name].s.detach().numpy().swapaxes(0, 1)
        if not np.array_equal(spikes, trace.s):
            wrong.append(f"{name}: spikes differ from the program's")
    _use_precise_twin(built)
    twin = _gradients(built, built(work.x).logits, work)
    for name, expected in twin.items():
        distance = float((own[name] - expected).abs().max() / expected.abs().max())
        if not distance <= TOLERANCE:
            wrong.append(f"{name}: gradient is {distance:.2g} off the torch operations'")
    rates = {name: float(result.s.detach().mean()) for name, result in run.results.items()}
    return wrong, rates


def _use_precise_twin(built: Network) -> None:
    """Let the layers run as torch operations, their products and gradients in float64."""
    built.use_backend("torch")
    for layer in built.spiking_layers:
        multiply = layer.multiply
        layer.multiply = lambda x, w, f=multiply: f(x.double(), w.double()).float()


def _gradients(built: Network, logits: Tensor, work: Work) -> dict[str, Tensor]:
    built.zero_grad(set_to_none=True)
    functional.cross_entropy(logits, work.y).backward()
    return {n: p.grad.clone() for n, p in built.named_parameters() if p.grad is not None}


def contestants(work: Work) -> tuple[dict[str, Step], dict[str, str]]:
    """Return the steps that run here, and why others do not."""
    steps, missing = {}, {}
    for name, make in CONTESTANTS.items():
        try:
            steps[name] = make(work)
            steps[name]()
        except ImportError as error:
            missing[name] = f"not installed ({error})"
        except Exception as error:  # whatever another library raises is the reason
            if name.startswith(OWN):
                raise
            steps.pop(name, None)
            missing[name] = f"fails: {type(error).__name__}: {str(error).splitlines()[0]}"
    return steps, missing


def race(steps: dict[str, Step], turns: int) -> dict[str, list[float]]:
    """Return CPU seconds of each turn; contestants alternate, the first turn is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(turns + 1):
        for name, step in steps.items():
            start = time.process_time()
            for _ in range(2):
                step()
            seconds[name].append((time.process_time() - start) / 2)
    return {name: values[1:] for name, values in seconds.items()}


def measure(work: Work, turns: int) -> dict[str, Any]:
    """Return the record of one network; raises ValueError when something is wrong."""
    wrong, rates = check(work)
    if wrong:
        raise ValueError("; ".join(wrong))
    steps, missing = contestants(work)
    seconds = race(steps, turns)
    speed = {name: len(work.y) / statistics.median(values) for name, values in seconds.items()}
    return {
        "firing_rates": rates,
        "input_rate": float(work.x.mean()),
        "samples_per_cpu_second": speed,
        "cpu_seconds": seconds,
        "missing": missing,
    }


def table(kind: str, record: dict[str, Any]) -> str:
    """Return the rates and ratios of one network as text."""
    speed = record["samples_per_cpu_second"]
    lines = [f"{kind}: spikes equal the program's, gradients within {TOLERANCE:g}"]
    for name, rate in speed.items():
        lines.append(
            f"  {name:26s} {rate:9,.0f} samples/s   neurodeploy = {speed[OWN] / rate:.2f} x"
        )
    peers = {name: rate for name, rate in speed.items() if not name.startswith(OWN)}
    if peers:
        fastest = max(peers, key=lambda name: peers[name])
        lines.append(f"  fastest peer {fastest}: {speed[OWN] / peers[fastest]:.2f} x")
    lines += [f"  {name:26s} {reason}" for name, reason in record["missing"].items()]
    return "\n".join(lines)


def main() -> int:
    """Measure what was asked for; return 1 when a correctness check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--turns", type=int, default=9)
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
        print(table(kind, records[kind]))
    if options.out:
        versions = {"python": platform.python_version(), "torch": torch.__version__}
        content = {"batch": options.batch, "turns": options.turns, "versions": versions}
        with replacing(options.out) as file:
            file.write((json.dumps({**content, "networks": records}, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
