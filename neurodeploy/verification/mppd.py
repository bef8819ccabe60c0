"""Membrane potential perturbation dynamics (MPPD), measured on the integer network.

For each CUBA-LIF population, with u the recorded synaptic current (what is added to v):

    d[t] = (u_clean[t] - u_noisy[t]) / (64 * threshold)
    Y[t] = lambda * Y[t-1] + d[t],   lambda = (4096 - voltage_decay) / 4096,   Y before start = 0
    V    = mean of Y^2 over samples, steps and neurons;   V1 = mean of |Y|

Y is how far noise moves the membrane when spikes and resets are left out, in units of the firing
threshold. Both runs start from a fresh state; a constant bias cancels.

Source: Ding et al., "Robust stable spiking neural networks", ICML 2024, arXiv:2405.20694, section
3; the integer form is this project's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe, settle
from neurodeploy.data.presentation import Presentation
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT
from neurodeploy.neuron import Neuron
from neurodeploy.program import Population, Program
from neurodeploy.sim import compile
from neurodeploy.verification.noise import SEED, normal_directions, perturbed


@dataclass(frozen=True)
class LayerMppd:
    """Energy of the perturbation in one population.

    squared : mean of Y^2. absolute : mean of |Y|. by_step : mean of Y^2 in each step.
    unit : ``"threshold"``, or ``"64"`` where a threshold is not positive.
    """

    population: str
    squared: float
    absolute: float
    by_step: tuple[float, ...]
    unit: str


@dataclass(frozen=True)
class MppdResult:
    """MPPD of every CUBA-LIF population at one level of noise."""

    layers: tuple[LayerMppd, ...]
    sigma: float
    seed: int
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "sigma": self.sigma,
            "seed": self.seed,
            "samples": self.samples,
            "layers": [vars(layer) for layer in self.layers],
        }


def mppd(
    program: Program,
    data: Presentation,
    *,
    sigma: float = 0.1,
    seed: int = SEED,
    recipe: Recipe | None = None,
) -> MppdResult:
    """Measure the MPPD of ``program`` on ``data``, clean against noise of level ``sigma``.

    The noise is that of `noise_accuracy` with the same seed and level. Y is defined within one
    sample: whatever the stream, each one starts from rest here, in the timing of ``recipe`` or
    the one that the program needs.
    """
    options = (recipe or settle(program, data.steps)).options_from_rest()
    sums = {p.name: _Sums(p) for p in program.populations if _is_lif(p.neuron)}
    simulator = compile(program, **options, record=dict.fromkeys(sums, ("u",)))
    shown = data.encoded()
    for rows in shown.chunks(program, variables=4):
        clean = simulator.run(shown.columns(rows))
        x = perturbed(shown, rows, sigma, normal_directions(shown, rows, seed))
        noisy = simulator.run(shown.columns(rows, x))
        for name, own in sums.items():
            own.add(np.subtract(clean[name].u, noisy[name].u, dtype=np.float64))
    return MppdResult(tuple(own.layer() for own in sums.values()), sigma, seed, len(data))


def perturbation(population: Population, difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Y, float64 ``(batch, steps, *shape)``, of ``difference = u_clean - u_noisy``."""
    neuron = population.neuron
    if not _is_lif(neuron):
        raise TypeError(f"population {population.name} is not CUBA-LIF")
    decay = neuron.having("decay")["voltage_decay"]
    keep = (DECAY_ONE - decay.astype(np.float64)) / DECAY_ONE
    d = difference / _unit(neuron)[0]
    y = np.empty_like(d)
    state = np.zeros_like(d[:, 0])
    for t in range(d.shape[1]):
        state = keep * state + d[:, t]
        y[:, t] = state
    return y


def _is_lif(neuron: Neuron) -> bool:
    return neuron.family == "cuba" and neuron.spikes


def _unit(neuron: Neuron) -> tuple[NDArray[np.float64], str]:
    """Return one firing threshold in units of v, and its name."""
    threshold = neuron.having("threshold")["threshold"].astype(np.float64)
    if (threshold <= 0).any():
        return np.asarray(float(1 << MANTISSA_SHIFT)), "64"
    return threshold * (1 << MANTISSA_SHIFT), "threshold"


class _Sums:
    """Sums of Y over the samples seen so far."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.absolute = 0.0
        self.squared: NDArray[np.float64] = np.zeros(0)
        self.samples = 0

    def add(self, difference: NDArray[np.float64]) -> None:
        """Take in ``u_clean - u_noisy``, ``(batch, steps, *shape)``."""
        y = perturbation(self.population, difference)
        axes = (0, *range(2, y.ndim))
        if not self.samples:
            self.squared = np.zeros(y.shape[1])
        self.squared += np.square(y).sum(axis=axes)
        self.absolute += float(np.abs(y).sum())
        self.samples += len(y)

    def layer(self) -> LayerMppd:
        """Return the means."""
        by_step = self.squared / (self.samples * self.population.size)
        return LayerMppd(
            population=self.population.name,
            squared=float(by_step.mean()),
            absolute=self.absolute / (self.samples * self.population.size * len(by_step)),
            by_step=tuple(by_step.tolist()),
            unit=_unit(self.population.neuron)[1],
        )
