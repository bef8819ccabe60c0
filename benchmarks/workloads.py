"""The fixed workloads of the benchmarks: networks, thresholds, spikes, from fixed seeds.

Fashion-MNIST test images where the four IDX files are installed, otherwise scikit-learn's digits
enlarged to 28 x 28 and brought to the same input rate. Bernoulli spikes with probability
grey / 255, T = 16, current decay 1024, voltage decay 512, int8 weights from N(0, 32), no bias, no
delay. Thresholds are found by bisection, layer by layer, so that every layer fires at 10 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.data.digits import load_digits
from neurodeploy.data.fashion import DEFAULT_DIRECTORY, read_idx
from neurodeploy.encode import Rate

SIDE = 28
STEPS = 16
CURRENT_DECAY, VOLTAGE_DECAY = 1024, 512
WEIGHT_SCALE = 32
INPUT_RATE = 0.295
PEAK = 255
LAYER_RATE = 0.10
CALIBRATION_SAMPLES = 100
MAX_THRESHOLD = 131071
SEED = 1

Bytes = NDArray[np.uint8]
Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class Layer:
    """Weights of one layer: ``(out, in)``, or ``(Cout, Cin, k, k)`` with a stride."""

    weight: Int32
    stride: int = 1

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution."""
        return self.weight.ndim == 4


@dataclass(frozen=True)
class Workload:
    """A network and its data.

    x : uint8 spikes ``(samples, 16, *input_shape)``. images : where the images are from.
    layers, thresholds : what ``program`` was made of, for those who build it in another library.
    """

    name: str
    program: nd.Program
    x: Bytes
    images: str
    layers: tuple[Layer, ...]
    thresholds: tuple[int, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one column of the input."""
        return self.x.shape[2:]

    def take(self, samples: int) -> Bytes:
        """Return ``samples`` samples, from the start again where there are not as many."""
        if samples <= len(self.x):
            return self.x[:samples]
        return np.ascontiguousarray(np.resize(self.x, (samples, *self.x.shape[1:])))


def images(count: int) -> tuple[Int32, str]:
    """Return (grey values 0..255 ``(count, 784)``, where they are from)."""
    path = next(iter(sorted(DEFAULT_DIRECTORY.glob("t10k-images*"))), None)
    if path is not None:
        grey = read_idx(path, rank=3)[:count].reshape(-1, SIDE * SIDE)
        return grey.astype(np.int32), "Fashion-MNIST test images"
    return _enlarged_digits(count), "scikit-learn digits, enlarged"


def _enlarged_digits(count: int) -> Int32:
    """Return digits of 8 x 8 cells enlarged three times and brightened to `INPUT_RATE`."""
    data = load_digits()
    small = np.concatenate([data.train.x, data.test.x]).reshape(-1, 8, 8)
    large = np.zeros((len(small), SIDE, SIDE), np.int32)
    large[:, 2:26, 2:26] = small.repeat(3, axis=1).repeat(3, axis=2)
    brighter = (np.minimum(large * factor, PEAK) for factor in range(1, PEAK))
    grey = next(values for values in brighter if values.mean() >= INPUT_RATE * PEAK)
    return np.resize(grey, (count, SIDE * SIDE)).astype(np.int32)


def mlp(samples: int) -> Workload:
    """Return 784-512-256-10 and its data."""
    rng = np.random.default_rng(SEED)
    sizes = (SIDE * SIDE, 512, 256, 10)
    layers = [Layer(_weights(rng, (m, n))) for n, m in pairwise(sizes)]
    return _workload("MLP", (SIDE * SIDE,), layers, samples)


def cnn(samples: int) -> Workload:
    """Return 28x28x1 - conv 16@5x5/2 - conv 32@3x3/2 - dense 128 - dense 10 and its data."""
    rng = np.random.default_rng(SEED)
    layers = [
        Layer(_weights(rng, (16, 1, 5, 5)), stride=2),
        Layer(_weights(rng, (32, 16, 3, 3)), stride=2),
        Layer(_weights(rng, (128, 32 * 5 * 5))),
        Layer(_weights(rng, (10, 128))),
    ]
    return _workload("CNN", (1, SIDE, SIDE), layers, samples)


WORKLOADS = {"mlp": mlp, "cnn": cnn}


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Int32:
    """Draw int8 weights from N(0, 32), rounded and clipped."""
    return np.clip(np.rint(rng.normal(0, WEIGHT_SCALE, shape)), -128, 127).astype(np.int32)


def _workload(name: str, shape: tuple[int, ...], layers: Sequence[Layer], samples: int) -> Workload:
    grey, source = images(max(samples, CALIBRATION_SAMPLES))
    spikes = Rate(steps=STEPS, peak=PEAK, seed=SEED).encode(grey).astype(np.uint8)
    x = spikes.reshape(*spikes.shape[:2], *shape)
    thresholds = calibrate(shape, layers, x[:CALIBRATION_SAMPLES])
    program = network(shape, layers, thresholds)
    return Workload(name, program, x[:samples], source, tuple(layers), thresholds)


def network(
    shape: tuple[int, ...], layers: Sequence[Layer], thresholds: Sequence[int]
) -> nd.Program:
    """Return the chain of the first layers, as many as there are thresholds."""
    inputs = (nd.Input("x", shape),)
    populations, connections = [], []
    source = "x"
    for k, (layer, threshold) in enumerate(zip(layers, thresholds, strict=False)):
        synapse, shape = synapse_of(layer, shape)
        neuron = nd.CubaLif(CURRENT_DECAY, VOLTAGE_DECAY, threshold)
        populations.append(nd.Population(f"layer{k}", shape, neuron))
        connections.append(nd.Connection(source, f"layer{k}", synapse))
        source = f"layer{k}"
    return nd.Program(inputs, populations, connections, nd.Readout(source))


def synapse_of(
    layer: Layer, source: tuple[int, ...]
) -> tuple[nd.Dense | nd.Conv2d, tuple[int, ...]]:
    """Return the synapse of ``layer`` and the shape that it makes of ``source``."""
    if layer.is_convolution:
        synapse = nd.Conv2d(layer.weight, stride=(layer.stride, layer.stride))
        return synapse, synapse.output_shape(source)
    return nd.Dense(layer.weight), (len(layer.weight),)


def calibrate(shape: tuple[int, ...], layers: Sequence[Layer], x: Bytes) -> tuple[int, ...]:
    """Return thresholds such that every layer fires at `LAYER_RATE`; by bisection, in order."""
    thresholds: list[int] = []
    for _ in layers:
        low, high = 0, MAX_THRESHOLD
        while high - low > 1:
            middle = (low + high) // 2
            trace = nd.simulate(network(shape, layers, [*thresholds, middle]), x, record=())
            low, high = (middle, high) if trace[-1].s.mean() > LAYER_RATE else (low, middle)
        thresholds.append(high)
    return tuple(thresholds)
