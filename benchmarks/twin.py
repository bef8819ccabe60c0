"""The gradient for the data alone, as attacks need it: the twin against a training pass and a peer.

    python benchmarks/twin.py [--networks mlp cnn] [--turns 9] [--batch 128] [--out FILE.json]

784-512-256-10, and 28x28x1 - conv 16@5x5/2 - conv 32@3x3/2 - dense 128 - dense 10; T = 16, current
decay 1024, voltage decay 512, even int8 weights from N(0, 32), thresholds such that every layer
fires at 10 %. Direct coding: the grey values of Fashion-MNIST test images at every step. A pass is
forward, cross-entropy of spike counts, and backward, on one thread; contestants take turns in one
process, and times are CPU seconds, medians over turns.

twin : the gradient for the images. twin, every step its own : the same for data that need not be
alike in all steps. twin, weights too : a full pass of the twin. training : a full pass of
`neurodeploy.train` with the same integers. spikingjelly : its input gradient, weights frozen.

First, on the timed data: s of all layers must be that of the reference engine, and the gradient for
the images must lie within 1e-5, relative to its largest entry, of the one in float64. On a
difference nothing is timed and the exit code is 1.
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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from workloads import (
    CALIBRATION_SAMPLES,
    CURRENT_DECAY,
    LAYER_RATE,
    MAX_THRESHOLD,
    PEAK,
    SEED,
    SIDE,
    STEPS,
    VOLTAGE_DECAY,
    Layer,
    images,
    synapse_of,
)

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.train import Conv, Dense, Network, Neuron

SCALE = 64
TOLERANCE = 1e-5
SHAPES = {"mlp": (SIDE * SIDE,), "cnn": (1, SIDE, SIDE)}
WEIGHTS = {
    "mlp": ((512, 784), (256, 512), (10, 256)),
    "cnn": ((16, 1, 5, 5), (32, 16, 3, 3), (128, 800), (10, 128)),
}
Pass = Callable[[], Tensor]


@dataclass(frozen=True)
class Work:
    """grey : float32 ``(batch, *shape)``. y : classes ``(batch,)``."""

    kind: str
    program: nd.Program
    layers: tuple[Layer, ...]
    grey: Tensor
    y: Tensor

    def columns(self, grey: Tensor) -> Tensor:
        """Return the images at every step, ``(batch, steps, *shape)``, as a view."""
        return grey[:, None].expand(-1, STEPS, *grey.shape[1:])


def workload(kind: str, batch: int) -> Work:
    """Return the network, calibrated, and the first images."""
    rng = np.random.default_rng(SEED)
    layers = tuple(
        Layer(2 * np.clip(np.rint(rng.normal(0, 16, shape)), -64, 63).astype(np.int32), stride)
        for shape in WEIGHTS[kind]
        for stride in (2 if len(shape) == 4 else 1,)
    )
    grey = images(max(batch, CALIBRATION_SAMPLES))[0].reshape(-1, *SHAPES[kind])
    program = calibrated(layers, SHAPES[kind], grey[:CALIBRATION_SAMPLES])
    y = torch.from_numpy(rng.integers(0, 10, batch))
    return Work(kind, program, layers, torch.from_numpy(grey[:batch].astype(np.float32)), y)


def calibrated(layers: tuple[Layer, ...], shape: tuple[int, ...], grey: Any) -> nd.Program:
    """Return the chain with thresholds such that every layer fires at `LAYER_RATE`."""
    x = np.repeat(grey[:, None], STEPS, 1)
    thresholds: list[int] = []
    for _ in layers:
        low, high = 0, MAX_THRESHOLD
        while high - low > 1:
            middle = (low + high) // 2
            trace = nd.simulate(chain(layers, shape, [*thresholds, middle]), x, record=())
            low, high = (middle, high) if trace[-1].s.mean() > LAYER_RATE else (low, middle)
        thresholds.append(high)
    return chain(layers, shape, thresholds)


def chain(layers: tuple[Layer, ...], shape: tuple[int, ...], thresholds: list[int]) -> nd.Program:
    """Return the first layers, as many as there are thresholds; the input counts by value."""
    inputs, source = (nd.Input("x", shape, 8),), "x"
    populations, connections = [], []
    for k, (layer, threshold) in enumerate(zip(layers, thresholds, strict=False)):
        synapse, shape = synapse_of(layer, shape)
        neuron = nd.CubaLif(CURRENT_DECAY, VOLTAGE_DECAY, threshold)
        populations.append(nd.Population(f"layer{k}", shape, neuron))
        connections.append(nd.Connection(source, f"layer{k}", synapse))
        source = f"layer{k}"
    return nd.Program(inputs, populations, connections, nd.Readout(source))


def data_gradient(work: Work) -> Pass:
    """Return the pass that gives the gradient for the images."""
    twin = nd.to_torch(work.program)

    def run() -> Tensor:
        grey = work.grey.clone().requires_grad_()
        functional.cross_entropy(twin(work.columns(grey)).logits, work.y).backward()
        return _gradient(grey)

    return run


def each_step(work: Work) -> Pass:
    """Return the pass that gives the gradient for every step of the data."""
    twin = nd.to_torch(work.program)

    def run() -> Tensor:
        x = work.columns(work.grey).contiguous().requires_grad_()
        functional.cross_entropy(twin(x).logits, work.y).backward()
        return _gradient(x).sum(1)

    return run


def with_weights(work: Work) -> Pass:
    """Return the pass that gives the gradients for images and weights."""
    twin = nd.to_torch(work.program)
    for connection in twin.connections:
        connection.requires_grad_(True)

    def run() -> Tensor:
        twin.zero_grad(set_to_none=True)
        grey = work.grey.clone().requires_grad_()
        functional.cross_entropy(twin(work.columns(grey)).logits, work.y).backward()
        return _gradient(grey)

    return run


def training(work: Work) -> Pass:
    """Return the pass of `neurodeploy.train`, with the program's own integers."""
    specs = [
        Conv(channels=len(layer.weight), kernel=layer.weight.shape[2], stride=2, norm="none")
        if layer.is_convolution
        else Dense(size=len(layer.weight), norm="none")
        for layer in work.layers
    ]
    neuron = Neuron(current_decay=CURRENT_DECAY, voltage_decay=VOLTAGE_DECAY)
    network = Network(SHAPES[work.kind], specs, neuron=neuron, message_bits=8, seed=SEED).train()
    with torch.no_grad():
        for own, layer, population in zip(
            network.spiking_layers, work.layers, work.program.populations, strict=True
        ):
            own.scale.fill_(SCALE)
            own.weight.copy_(torch.from_numpy(layer.weight) / SCALE)
            own.threshold.fill_(float(population.neuron.threshold) / SCALE)
    columns = work.columns(work.grey).transpose(0, 1).contiguous()

    def run() -> Tensor:
        network.zero_grad(set_to_none=True)
        logits: Tensor = network(columns).logits
        functional.cross_entropy(logits, work.y).backward()
        return logits

    return run


def spikingjelly(work: Work) -> Pass:
    """Return SpikingJelly's input gradient: LIF without synaptic current, multi-step mode."""
    from spikingjelly.activation_based import functional as jelly
    from spikingjelly.activation_based import layer, neuron

    def modules() -> Iterator[nn.Module]:
        for k, own in enumerate(work.layers):
            if own.is_convolution:
                out, into, size, _ = own.weight.shape
                yield layer.Conv2d(into, out, size, 2, bias=False)
            else:
                if k and work.layers[k - 1].is_convolution:
                    yield layer.Flatten()
                yield layer.Linear(*own.weight.shape[::-1], bias=False)
            yield neuron.LIFNode(tau=4096 / VOLTAGE_DECAY, decay_input=False, detach_reset=True)

    model = nn.Sequential(*modules()).requires_grad_(False)
    jelly.set_step_mode(model, "m")

    def run() -> Tensor:
        jelly.reset_net(model)
        grey = (work.grey / PEAK).requires_grad_()
        columns = grey[None].expand(STEPS, *grey.shape)
        functional.cross_entropy(10 * model(columns).mean(0), work.y).backward()
        return _gradient(grey)

    return run


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad


CONTESTANTS: dict[str, Callable[[Work], Pass]] = {
    "twin": data_gradient,
    "twin, every step its own": each_step,
    "twin, weights too": with_weights,
    "training": training,
    "spikingjelly": spikingjelly,
}


def check(work: Work) -> tuple[list[str], dict[str, float]]:
    """Return what is wrong (nothing, if all is well) and the firing rate of each layer."""
    x = work.columns(work.grey).numpy().astype(np.int32)
    trace = nd.simulate(work.program, x, engine="reference", record=("s",))
    twin = nd.to_torch(work.program)
    run = twin(work.columns(work.grey))
    wrong = [f"{n}: s differs" for n in run if not np.array_equal(run[n].s.numpy(), trace[n].s)]
    precise = work.grey.double().requires_grad_()
    functional.cross_entropy(twin(work.columns(precise)).logits, work.y).backward()
    expected, found = _gradient(precise), data_gradient(work)()
    distance = float((found - expected).abs().max() / expected.abs().max())
    if not distance <= TOLERANCE:
        wrong.append(f"the gradient is {distance:.2g} off that in float64")
    return wrong, {name: float(run[name].s.mean()) for name in run}


def measure(work: Work, turns: int) -> dict[str, Any]:
    """Return the record of one network; raises ValueError when something is wrong."""
    wrong, rates = check(work)
    if wrong:
        raise ValueError("; ".join(wrong))
    passes, missing = {}, {}
    for name, make in CONTESTANTS.items():
        try:
            passes[name] = make(work)
        except ImportError as error:
            missing[name] = f"not installed ({error})"
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(turns + 1):
        for name, run in passes.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    kept = {name: values[1:] for name, values in seconds.items()}
    return {"firing_rates": rates, "cpu_seconds": kept, "missing": missing}


def table(kind: str, record: dict[str, Any]) -> str:
    """Return times and ratios of one network as text: medians, and best turns."""
    seconds = record["cpu_seconds"]
    lines = [f"{kind}: s equals the reference engine's, gradient within {TOLERANCE:g}"]
    for name, values in seconds.items():
        middle, least = statistics.median(values), min(values)
        ratios = middle / statistics.median(seconds["twin"]), least / min(seconds["twin"])
        lines.append(
            f"  {name:26s} {1e3 * middle:8.1f} ms {ratios[0]:6.2f} x   "
            f"best {1e3 * least:8.1f} ms {ratios[1]:6.2f} x"
        )
    lines += [f"  {name:26s} {reason}" for name, reason in record["missing"].items()]
    return "\n".join(lines)


def main() -> int:
    """Measure what was asked for; return 1 when a correctness check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=SHAPES, default=list(SHAPES))
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
