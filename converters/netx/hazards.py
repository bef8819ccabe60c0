"""What may be written but can surprise: each hazard yields a warning with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from neurodeploy.conditioning import condition, weight_bits
from neurodeploy.converters.netx.blocks import Block, weight_of
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, IntArray, M
from neurodeploy.program import Input

SLAYER_EQUALITY = 4096
"""From this threshold on slayer's float32 spikes at equality, where Lava does not."""
CONV_BITS = 24
ACCUMULATOR_BITS = 32


def hazards(chain: Sequence[Block], reset_interval: int | None) -> list[str]:
    """Return every warning about the chain, each a line that begins with its population."""
    found = []
    for block in chain:
        texts = [
            *bias_before_data(block, reset_interval),
            *high_threshold(block),
            *odd_weights(block),
            *kernel_overflow(block),
            *accumulator_overflow(block),
            *current_overflow(block, reset_interval),
            *delay_over_reset(block, chain, reset_interval),
            *recurrence_over_reset(block, reset_interval),
            *reset_ignored(block, reset_interval),
        ]
        found += [f"{block.where}: {text}" for text in texts]
    return found


def bias_before_data(block: Block, reset_interval: int | None) -> Iterator[str]:
    """Biases act from the first step of Lava, before data arrive."""
    neuron = block.population.neuron
    if reset_interval is None and neuron.resets and np.any(getattr(neuron, "bias", 0)):
        yield (
            "has a bias and the network no reset: Lava integrates it before the first data "
            "arrive; give reset_interval, or verify with timing 'pipelined'"
        )


def high_threshold(block: Block) -> Iterator[str]:
    """Thresholds at which slayer and Lava part."""
    neuron = block.population.neuron
    if neuron.family != "cuba" or not neuron.spikes:
        return
    threshold = np.max(getattr(neuron, "threshold", 0))
    if threshold >= SLAYER_EQUALITY:
        yield (
            f"threshold {threshold} is {SLAYER_EQUALITY} or more, where lava-dl's "
            "slayer spikes at equality and Lava does not"
        )


def odd_weights(block: Block) -> Iterator[str]:
    """Mixed signs with odd weights above 127 take 9 bits."""
    for group in block.conditioned:
        merged = np.concatenate([weight_of(connection).reshape(-1) for connection in group])
        if weight_bits(merged) > 8:
            yield (
                "odd weights of both signs beyond -128 to 127 take 9 bits, Lava's CPU model runs "
                "them, a chip does not; use even weights"
            )


def kernel_overflow(block: Block) -> Iterator[str]:
    """A convolution wraps at 24 bits."""
    largest = largest_message(block)
    if block.kind != "conv" or largest is None:
        return
    bound = _sum_bound(weight_of(block.forward[0]), largest, _signed(block))
    if bound >= 1 << (CONV_BITS - 1):
        yield f"the convolution can reach {bound}, beyond {1 << (CONV_BITS - 1)} it wraps"


def accumulator_overflow(block: Block) -> Iterator[str]:
    """Lava sums dense products in 32 bits before it shifts the exponent out."""
    largest = largest_message(block)
    for group in block.conditioned:
        matrices = [weight_of(connection) for connection in group]
        if not any(weight.any() for weight in matrices):
            continue
        shift = condition(matrices)[0].shift
        if largest is None or not shift:
            continue
        bound = _sum_bound(matrices[0], largest, _signed(block))
        if bound << shift >= 1 << (ACCUMULATOR_BITS - 1):
            yield (
                f"the sum of products can reach {bound}, Lava wraps it from "
                f"{1 << (ACCUMULATOR_BITS - 1 - shift)} on, since its weights are {1 << shift} "
                "times larger until the sum is shifted"
            )


def current_overflow(block: Block, reset_interval: int | None) -> Iterator[str]:
    """Bound of u: 64 times the largest current, summed over the current's memory."""
    neuron = block.population.neuron
    largest = largest_message(block)
    if neuron.family != "cuba" or block.kind == "input" or largest is None:
        return
    weight = _rows(weight_of(block.forward[0]))
    signed = _signed(block)
    current = _sum_bound(weight, largest, signed)
    if block.own is not None:
        current += _sum_bound(_rows(weight_of(block.own)), 1, False)
    decay = int(np.min(getattr(neuron, "current_decay", 0)))
    steps = DECAY_ONE / decay if decay > 0 else np.inf
    steps = min(steps, reset_interval or np.inf)
    bound = (current << MANTISSA_SHIFT) * steps
    if bound > M:
        reach = f"can reach {bound:.4g}" if np.isfinite(bound) else "grows without limit"
        yield f"u {reach} if all inputs spike, beyond {M} it is folded back by 2^24, once"


def delay_over_reset(
    block: Block, chain: Sequence[Block], reset_interval: int | None
) -> Iterator[str]:
    """Delayed currents survive a reset, and shift layers against biases."""
    if not block.forward[0].synapse.max_delay:
        return
    if reset_interval is not None:
        yield (
            "has delays and the network a reset: currents in flight survive it and leak into the "
            "next sample"
        )
    if any(np.any(getattr(b.population.neuron, "bias", 0)) for b in chain):
        yield "has delays and the network biases, which act from the first step whatever the delay"


def recurrence_over_reset(block: Block, reset_interval: int | None) -> Iterator[str]:
    """The recurrent current in flight survives a reset."""
    if block.own is not None and reset_interval is not None:
        yield (
            "is recurrent and the network has a reset: the recurrent current in flight survives it "
            "and leaks into the next sample"
        )


def reset_ignored(block: Block, reset_interval: int | None) -> Iterator[str]:
    """Only the CUBA family is reset."""
    neuron = block.population.neuron
    if reset_interval is not None and not neuron.resets:
        yield f"reset_interval has no effect on {type(neuron).__name__} in Lava"


def largest_message(block: Block) -> int | None:
    """Largest absolute message of the source, None where nothing limits it."""
    source = block.source
    if isinstance(source, Input):
        return (1 << source.message_bits) - 1 if source.message_bits else 1
    return None if source.neuron.graded else 1


def _signed(block: Block) -> bool:
    return isinstance(block.source, Input) and block.source.message_bits > 0


def _rows(weight: IntArray) -> IntArray:
    return weight.reshape(weight.shape[0], -1)


def _sum_bound(weight: IntArray, largest: int, signed: bool) -> int:
    """Largest absolute row sum over messages in [0, largest], or [-largest, largest] if signed."""
    rows = _rows(weight)
    if signed:
        return int(np.abs(rows).sum(axis=1).max()) * largest
    up, down = np.maximum(rows, 0).sum(axis=1), np.maximum(-rows, 0).sum(axis=1)
    return int(max(up.max(), down.max())) * largest
