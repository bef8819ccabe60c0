"""Rules about neurons: models, resets, and the widths of decays, thresholds and biases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from neurodeploy.fixedpoint import MANTISSA_SHIFT
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.rules.limits import Rule, Violation, outside, stated


def models(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """The chip has the neuron model (``neuron_models``)."""
    known = profile.precision.neuron_models
    for population in program.populations:
        model = type(population.neuron).__name__
        if known and model not in known:
            yield _choice("models", population, f"neurons are {model}", model, known, profile)


def resets(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """A spike resets v as the chip does (``reset_modes``)."""
    known = profile.precision.reset_modes
    for population in program.populations:
        mode = population.neuron.having("mode").get("reset")
        if known and mode is not None and mode not in known:
            yield _choice("resets", population, f"reset is {mode!r}", mode, known, profile)


def _choice(
    rule: str,
    population: Population,
    what: str,
    value: str,
    known: tuple[str, ...],
    profile: ChipProfile,
) -> Violation:
    listed = ", ".join(known)
    text = f"{what}, {profile.name} has {listed}"
    return Violation(rule, _where(population), value, listed, False, text)


def decays(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Decays lie in 0..2^decay_bits, factors of a rotation in both directions of it."""
    bits = stated(profile.precision.decay_bits)
    if bits is None:
        return
    for population in program.populations:
        low = -(1 << bits) if population.neuron.family == "resonate-and-fire" else 0
        for name, values in population.neuron.having("decay").items():
            yield from outside("decays", _where(population), name, values, low, 1 << bits, profile)


def thresholds(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Thresholds lie in 0..2^threshold_mant_bits - 1."""
    bits = stated(profile.precision.threshold_mant_bits)
    if bits is None:
        return
    for population in program.populations:
        for name, values in population.neuron.having("threshold").items():
            yield from outside(
                "thresholds", _where(population), name, values, 0, (1 << bits) - 1, profile
            )


def biases(program: Program, profile: ChipProfile) -> Iterator[Violation]:
    """Biases lie in -2^(b-1)..2^(b-1) - 1, b = bias_mant_bits, times a power of two.

    The power is ``2^e``, e from 0 to ``2^bias_exp_bits - 1``, in units of v, of which a bias has
    64; without ``bias_exp_bits`` a bias is the mantissa itself.
    """
    bits = stated(profile.precision.bias_mant_bits)
    if bits is None:
        return
    half = 1 << (bits - 1)
    exponent = stated(profile.precision.bias_exp_bits)
    step = 1 if exponent is None else 1 << max((1 << exponent) - 1 - MANTISSA_SHIFT, 0)
    for population in program.populations:
        for name, values in population.neuron.having("bias").items():
            if step > 1 and not np.any(np.asarray(values) % step):
                values = np.asarray(values) // step
            yield from outside("biases", _where(population), name, values, -half, half - 1, profile)


def _where(population: Population) -> str:
    return f"population {population.name}"


NEURON_RULES: Mapping[str, Rule] = {
    "models": models,
    "resets": resets,
    "decays": decays,
    "thresholds": thresholds,
    "biases": biases,
}
