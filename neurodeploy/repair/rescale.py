"""Weights, thresholds and biases of a population scaled together into the ranges of a chip.

    W' = round(s W / g) g,  threshold' = round(s threshold),  bias' = round(s bias / b) b,
    initial' = round(s initial)

A neuron that tests ``v > threshold`` answers the same at every scale s but for rounding, and for
the truncation of decays. Thresholds and biases fit at the scale that is taken, weights beyond the
ends of the grid are clipped; it is the one of 128 and of the powers of two for which weights,
thresholds and biases are moved least.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.fixedpoint import MANTISSA_SHIFT
from neurodeploy.neuron import INITIAL_MAX
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.repair.edits import concerned, into, population_of, with_neurons, with_weights
from neurodeploy.repair.record import Draft, Outcome, Repair
from neurodeploy.rules import Violation
from neurodeploy.rules.limits import stated
from neurodeploy.rules.synapses import weight_range

SCALES = 128
CLIPPED = 4.0
"""How far beyond the scale at which no weight is clipped scales are tried."""
FAMILIES = ("cuba", "resonate-and-fire")
"""Families that answer the same at every scale."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Values low..high that are multiples of ``step``."""

    low: int
    high: int
    step: int = 1

    def rounded(self, values: Array) -> Array:
        """Return the nearest values of the grid, halves to even."""
        nearest: Array = np.rint(values / self.step) * self.step
        return np.clip(nearest, self.low, self.high)

    def largest(self, values: Array) -> float:
        """Return the largest scale at which values stay within the ends."""
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
        above = self.high / high if high > 0 else np.inf
        return min(above, self.low / low if low < 0 else np.inf)


def grids(values: Array, profile: ChipProfile) -> tuple[Grid, ...]:
    """Return the grids that weights of these signs may lie on, coarsest last.

    Where the sign may belong to the connection, mixed signs lie in half the range, or are even.
    """
    known, bits = weight_range(profile), stated(profile.precision.weight_bits)
    if known is None or bits is None:
        return (Grid(-(2**31), 2**31 - 1),)
    mixed = values.min(initial=0) < 0 < values.max(initial=0)
    if profile.precision.choice("weight_encoding") not in (None, "loihi") or not mixed:
        return (Grid(*known),)
    half = 1 << (bits - 1)
    return (Grid(-half, half - 1), Grid(-2 * half, 2 * half - 2, 2))


@dataclass(frozen=True)
class Fit:
    """A population at a scale. error : squares of what was moved over those of what there was."""

    scale: float
    weights: dict[int, Array]
    fields: dict[str, Array]
    error: float


def rescale(program: Program, profile: ChipProfile, found: Sequence[Violation]) -> Outcome:
    """Scale every population that is concerned; refuse what depends on its scale."""
    draft = Draft(program)
    for name in concerned(program, found):
        population = population_of(program, name)
        why = _fixed(program, population)
        if why is not None:
            draft.refuse(f"population {name}", why)
            continue
        fit = _best(draft.program, population, profile)
        if fit is None:
            draft.refuse(f"population {name}", "no scale brings it into the ranges of the chip")
            continue
        _apply(draft, population, fit)
    return draft.outcome()


def _apply(draft: Draft, population: Population, fit: Fit) -> None:
    """Put the parameters at the scale into the program."""
    weights = {number: np.asarray(values, np.int64) for number, values in fit.weights.items()}
    fields = {name: np.asarray(values, np.int64) for name, values in fit.fields.items()}
    draft.program = with_weights(draft.program, weights)
    draft.program = with_neurons(draft.program, {population.name: fields})
    moved = np.sqrt(fit.error)
    text = f"weights, threshold and bias times {fit.scale:.4g}, moved by {moved:.2%} of their size"
    truncates = any(
        np.any((np.asarray(decay) != 0) & (np.asarray(decay) != 4096))
        for decay in population.neuron.having("decay").values()
    )
    exact = fit.error == 0 and (fit.scale == 1 or not truncates)
    draft.changed(f"population {population.name}", text, exact=exact)


def _fixed(program: Program, population: Population) -> str | None:
    """Say why a population cannot be scaled, None where it can."""
    neuron = population.neuron
    if neuron.family not in FAMILIES or neuron.graded:
        return (
            f"{type(neuron).__name__} sends values, which would be scaled for all that reads them"
        )
    if neuron.having("adaptation"):
        return f"{type(neuron).__name__} follows a recorded signature, which has a scale"
    for number in into(program, population.name):
        if not program.connections[number].synapse.has_weight:
            return "input values go straight to the neurons, without a weight to scale"
    if any(np.any(np.asarray(values) < 0) for values in neuron.having("threshold").values()):
        return "a threshold below 0 stays below 0 at every scale"
    return None


def _best(program: Program, population: Population, profile: ChipProfile) -> Fit | None:
    numbers = into(program, population.name)
    weights = {
        n: np.asarray(program.connections[n].synapse.rows, np.float64).reshape(-1) for n in numbers
    }
    fits = [
        _at(scale, weights, population, profile) for scale in _scales(weights, population, profile)
    ]
    return min(fits, key=lambda fit: (fit.error, -fit.scale), default=None)


def _scales(
    weights: dict[int, Array], population: Population, profile: ChipProfile
) -> Iterator[float]:
    """Yield the scales at which thresholds and biases are within their ranges."""
    most = 1.0
    for name, grid in _field_grids(population, profile).items():
        most = min(most, grid.largest(_values(population, name)))
    whole = most
    for values in weights.values():
        whole = min(whole, max(grid.largest(values) for grid in grids(values, profile)))
    if whole <= 0:
        return
    low, high = whole / 2, min(most, CLIPPED * whole)
    yield from np.geomspace(low, high, SCALES)
    yield from (2.0**-power for power in range(32) if low <= 2.0**-power <= high)


def _at(
    scale: float, weights: dict[int, Array], population: Population, profile: ChipProfile
) -> Fit:
    """Return the population at a scale, each connection on the grid that moves it least."""
    moved, size = 0.0, 0.0
    placed: dict[int, Array] = {}
    for number, values in weights.items():
        wanted = values * scale
        tried = [grid.rounded(wanted) for grid in grids(values, profile)]
        placed[number] = min(tried, key=lambda found: float(np.square(found - wanted).sum()))
        moved += float(np.square((placed[number] - wanted) / scale).sum())
        size += float(np.square(values).sum())
    error = moved / max(size, 1)
    fields: dict[str, Array] = {}
    for name, grid in _field_grids(population, profile).items():
        values = _values(population, name)
        fields[name] = grid.rounded(values * scale)
        lost = np.square(fields[name] / scale - values).sum()
        error += float(lost / max(np.square(values).sum(), 1))
    return Fit(scale, placed, fields, error)


def _field_grids(population: Population, profile: ChipProfile) -> dict[str, Grid]:
    """Return the grid of every field that is scaled with the weights."""
    precision = profile.precision
    found: dict[str, Grid] = {}
    bits, state = stated(precision.threshold_mant_bits), stated(precision.state_v_bits)
    high = (1 << bits) - 1 if bits else (1 << (state - 1)) - 1 if state else (1 << 25) - 1
    for name in population.neuron.having("threshold"):
        found[name] = Grid(0, high)
    for name in population.neuron.having("bias"):
        found[name] = _bias_grid(_values(population, name), profile)
    for name in population.neuron.having("initial"):
        found[name] = Grid(-INITIAL_MAX, INITIAL_MAX)
    return found


def _bias_grid(values: Array, profile: ChipProfile) -> Grid:
    """Return the values of a bias: those of the mantissa, or their multiples where it has a power.

    The multiples reach further and serve where the mantissa alone does not.
    """
    bits = stated(profile.precision.bias_mant_bits)
    if bits is None:
        return Grid(-(1 << 15), (1 << 15) - 1)
    half, exponent = 1 << (bits - 1), stated(profile.precision.bias_exp_bits)
    plain = Grid(-half, half - 1)
    step = 1 if exponent is None else 1 << max((1 << exponent) - 1 - MANTISSA_SHIFT, 0)
    if step == 1 or plain.largest(values) >= 1:
        return plain
    return Grid(-half * step, (half - 1) * step, step)


def _values(population: Population, name: str) -> Any:
    return np.asarray(getattr(population.neuron, name), np.float64)


RESCALE = Repair(
    "rescale",
    ("weights", "thresholds", "biases"),
    "weights, threshold and bias of a population times one factor, on the grid of the chip",
    rescale,
)
