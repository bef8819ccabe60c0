"""Rules about neurons: models, resets, and the widths of decays, thresholds and biases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from neurodeploy.fixedpoint import MANTISSA_SHIFT
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Population, Program
from neurodeploy.rules.limits import LimitRule, Use, limit, ranged, stated


@limit("precision.neuron_models")
def models(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """The chip has the neuron model (``neuron_models``)."""
    known = profile.precision.neuron_models
    for population in program.populations:
        model = type(population.neuron).__name__
        if known:
            yield _choice(
                "neuron_models", population, f"neurons are {model}", model, known, profile
            )


@limit("precision.reset_modes")
def resets(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """A spike resets v as the chip does (``reset_modes``)."""
    known = profile.precision.reset_modes
    for population in program.populations:
        mode = population.neuron.having("mode").get("reset")
        if known and mode is not None:
            yield _choice("reset_modes", population, f"reset is {mode!r}", mode, known, profile)


def _choice(
    key: str,
    population: Population,
    what: str,
    value: str,
    known: tuple[str, ...],
    profile: ChipProfile,
) -> Use:
    listed = ", ".join(known)
    text = f"{what}, {profile.name} has {listed}"
    return Use(_where(population), f"precision.{key}", value, listed, value not in known, text)


@limit("precision.decay_bits")
def decays(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Decays lie in 0..2^decay_bits, factors of a rotation in both directions of it."""
    bits = stated(profile.precision.decay_bits)
    if bits is None:
        return
    for population in program.populations:
        low = -(1 << bits) if population.neuron.family == "resonate-and-fire" else 0
        for name, values in population.neuron.having("decay").items():
            key = "precision.decay_bits"
            yield ranged(_where(population), key, name, values, low, 1 << bits, profile)


@limit("precision.threshold_mant_bits", "precision.state_v_bits")
def thresholds(program: Program, profile: ChipProfile) -> Iterator[Use]:
    """Thresholds lie in 0..2^b - 1, b = threshold_mant_bits.

    Where that is not stated, a threshold is at most what v can reach, ``2^(state_v_bits - 1) - 1``,
    in whatever unit v is kept.
    """
    precision = profile.precision
    bits, state = stated(precision.threshold_mant_bits), stated(precision.state_v_bits)
    if bits is None and state is None:
        return
    key = "state_v_bits" if bits is None else "threshold_mant_bits"
    high = (1 << (bits if bits is not None else (state or 1) - 1)) - 1
    for population in program.populations:
        for name, values in population.neuron.having("threshold").items():
            where = _where(population)
            yield ranged(where, f"precision.{key}", name, values, 0, high, profile)


@limit("precision.bias_mant_bits")
def biases(program: Program, profile: ChipProfile) -> Iterator[Use]:
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
            where, key = _where(population), "precision.bias_mant_bits"
            yield ranged(where, key, name, values, -half, half - 1, profile)


def _where(population: Population) -> str:
    return f"population {population.name}"


NEURON_RULES: Mapping[str, LimitRule] = {
    rule.name: rule for rule in (models, resets, decays, thresholds, biases)
}
