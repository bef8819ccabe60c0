"""The rules that a block must keep to be written: one small function each, all of them run.

A rule yields a text for every violation, with the way out where there is one.

Source: lava-dl 0.6.0 netx, lava-nc 0.10.0; the chip's ranges from the Loihi neuron and synapse
formats that their fixed-point models follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import numpy as np

from neurodeploy.conditioning import WEIGHT_MAX, WEIGHT_MIN, changes, fits_8_bits
from neurodeploy.converters.netx.blocks import ELSEWHERE, Block, weight_of
from neurodeploy.converters.netx.image import NEURONS
from neurodeploy.converters.netx.neurons import CHIP_THRESHOLD_MAX, STATE_EXP
from neurodeploy.converters.netx.options import SPIKE_EXP
from neurodeploy.converters.netx.synapses import INT8_MAX
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE
from neurodeploy.neuron import Neuron
from neurodeploy.program import Input, Population
from neurodeploy.record import INT32_MAX
from neurodeploy.synapse import Conv2d

Rule = Callable[[Block], Iterator[str]]


def violations(chain: Sequence[Block], input_bits: int) -> list[str]:
    """Return every violation in the chain, each a line that begins with its population."""
    found = [f"{block.where}: {text}" for block in chain for rule in RULES for text in rule(block)]
    found += one_spike_exp(chain)
    for block in chain:
        found += [f"{block.where}: {text}" for text in graded_recurrence(block, input_bits)]
    return found


def spiking_neuron_is_plain(block: Block) -> Iterator[str]:
    """NetX has CUBA neurons with reset to zero and a constant gain."""
    neuron = block.population.neuron
    if neuron.moving_threshold:
        yield (
            f"{type(neuron).__name__} adapts its threshold, NetX neurons cannot; use CubaLif with "
            f"a fixed threshold, or {ELSEWHERE}"
        )
    elif type(neuron) not in NEURONS:
        yield f"NetX has no {type(neuron).__name__} neurons; {ELSEWHERE}"
    reset = getattr(neuron, "reset", "zero")
    if reset != "zero":
        yield (
            f"reset is {reset!r}, NetX neurons reset to zero; train with reset 'zero', or "
            f"{ELSEWHERE}"
        )
    if getattr(neuron, "gain", None) is not None:
        yield (
            "gain changes over the sample, NetX neurons have a constant one; leave the gain out, "
            f"or {ELSEWHERE}"
        )
    if np.any(getattr(neuron, "initial", 0)):
        yield (
            "initial is not 0, NetX neurons start and reset at 0; set initial 0 and train again, "
            f"or {ELSEWHERE}"
        )


def decays_have_12_bits(block: Block) -> Iterator[str]:
    """Decays of the CUBA family lie in 0..4096, sine and cosine of resonators in +-4096."""
    neuron = block.population.neuron
    low = 0 if neuron.family == "cuba" else -DECAY_ONE
    for name, role in neuron.roles.items():
        if role.kind == "decay":
            yield from _outside(name, getattr(neuron, name), low, DECAY_ONE)


def threshold_has_17_bits(block: Block) -> Iterator[str]:
    """Thresholds lie in 0..131071; sigma-delta ones must also fit int32 after their shift."""
    neuron = block.population.neuron
    threshold = getattr(neuron, "threshold", None)
    if threshold is None:
        return
    limit = CHIP_THRESHOLD_MAX
    if neuron.family == "sigma-delta":
        limit = min(limit, INT32_MAX >> (getattr(neuron, "spike_exp", 0) + STATE_EXP))
    yield from _outside("threshold", threshold, 0, limit)


def bias_has_16_bits(block: Block) -> Iterator[str]:
    """Biases lie in -32768..32767."""
    bias = getattr(block.population.neuron, "bias", 0)
    limit = 1 << (BIAS_BITS - 1)
    yield from _outside("bias", bias, -limit, limit - 1)


def one_threshold_where_lava_takes_one(block: Block) -> Iterator[str]:
    """Sigma-delta and resonate-and-fire processes have one threshold for all neurons."""
    neuron = block.population.neuron
    if neuron.family != "cuba" and np.ptp(getattr(neuron, "threshold", 0)):
        yield (
            f"threshold differs between neurons, Lava's {type(neuron).__name__} has one for all; "
            "give all the same"
        )


def input_block_has_an_input_neuron(block: Block) -> Iterator[str]:
    """An input block holds CUBA neurons without bias, or Delta; Delta stands nowhere else."""
    neuron = block.population.neuron
    if block.kind != "input":
        if _is_delta(neuron):
            yield "Delta neurons stand directly behind the input only; use SigmaDelta here"
        return
    if neuron.family != "cuba" and not _is_delta(neuron):
        yield (
            f"{type(neuron).__name__} neurons stand directly behind the input, NetX has CubaLif "
            "and Delta there"
        )
    if np.any(getattr(neuron, "bias", 0)):
        yield "bias of an input block is never applied by Lava; set it to 0 and add it to the data"


def _is_delta(neuron: Neuron) -> bool:
    """Whether the neuron compares its input with what it sent, and sums nothing."""
    return neuron.family == "sigma-delta" and "sigma" not in neuron.states


def graded_recurrence(block: Block, input_bits: int) -> Iterator[str]:
    """Lava gives the recurrent weights of a layer the message width of its input."""
    source = block.source
    binary = input_bits == 0 if isinstance(source, Input) else not source.neuron.graded
    if block.kind == "dense_rec" and block.population.neuron.graded and binary:
        yield (
            "sends values to itself behind binary input, where Lava cuts them to 0/1; set "
            "message_bits of the input above 0"
        )


def one_spike_exp(chain: Sequence[Block]) -> Iterator[str]:
    """All sigma-delta neurons of a network share the loader's spike_exp."""
    found = spike_exponents(block.population for block in chain)
    if len(found) > 1:
        names = ", ".join(str(value) for value in sorted(found))
        yield f"spike_exp is {names} in one network, Lava has one for all; give all the same"


def spike_exponents(populations: Iterable[Population]) -> set[int]:
    """Return the spike_exp of every neuron that has a use for one."""
    neurons = [p.neuron for p in populations if "act" in p.neuron.states]
    return {getattr(neuron, "spike_exp", SPIKE_EXP) for neuron in neurons}


def dense_weights_are_exact(block: Block) -> Iterator[str]:
    """Dense weights lie in [-256, 254] and survive Lava's conditioning as they are."""
    for group in block.conditioned:
        matrices = [weight_of(connection) for connection in group]
        outside = [text for w in matrices for text in _outside("weight", w, WEIGHT_MIN, WEIGHT_MAX)]
        if outside:
            yield from outside
        elif not any(weight.any() for weight in matrices):
            yield "weights are all zero, which Lava cannot load; set one of them"
        else:
            yield from _conditioning_faults(matrices)


def _conditioning_faults(
    matrices: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.int64]]],
) -> Iterator[str]:
    for change in changes(matrices):
        if change is not None:
            yield f"{change}; repair='nearest' changes as little as will do"


def conv_weights_have_8_bits(block: Block) -> Iterator[str]:
    """Kernels fit 8 bits: -128..127, or even numbers of -256..254."""
    if block.kind != "conv":
        return
    weight = weight_of(block.forward[0])
    if not fits_8_bits(weight):
        yield (
            f"kernel weights span {weight.min()} to {weight.max()}, a chip holds 8 bits: -128 to "
            "127, or even numbers from -256 to 254"
        )


def conv_geometry_has_8_bits(block: Block) -> Iterator[str]:
    """Lava keeps groups, stride, padding, dilation and kernel size as int8."""
    if block.kind != "conv":
        return
    synapse = cast(Conv2d, block.forward[0].synapse)
    sizes = {
        "groups": (synapse.groups,),
        "stride": synapse.stride,
        "padding": synapse.padding,
        "dilation": synapse.dilation,
        "kernel size": synapse.weight.shape[2:],
    }
    for name, values in sizes.items():
        if max(values) > INT8_MAX:
            yield f"{name} is {max(values)}, Lava's limit is {INT8_MAX} (8 bits)"


def _outside(name: str, values: object, low: int, high: int) -> Iterator[str]:
    array = np.asarray(values)
    if array.min() < low or array.max() > high:
        outside = array.min() if array.min() < low else array.max()
        yield f"{name} holds {outside}, NetX takes {low} to {high}"


RULES: tuple[Rule, ...] = (
    spiking_neuron_is_plain,
    decays_have_12_bits,
    threshold_has_17_bits,
    bias_has_16_bits,
    one_threshold_where_lava_takes_one,
    input_block_has_an_input_neuron,
    dense_weights_are_exact,
    conv_weights_have_8_bits,
    conv_geometry_has_8_bits,
)
