"""What can surprise in a network that was read: what the writer warns of, and neurons without use.

`neurodeploy.converters.netx.read` says in one line how many there are; ``inspect`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.netx.blocks import Block, blocks, weight_of
from neurodeploy.converters.netx.hazards import current_overflow, hazards, largest_message
from neurodeploy.errors import ExportError
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, M
from neurodeploy.program import Input, Program, Readout

Floats = NDArray[np.float64]


def findings(program: Program) -> list[str]:
    """Return what can surprise, a line each; nothing for what is no chain of blocks."""
    chain = _chain(program)
    return [*_useless(chain, program.readout), *hazards(chain, None)]


def surprises(program: Program) -> list[str]:
    """Return `findings` without those on the range of u, which `neurodeploy.summary` bounds."""
    chain = _chain(program)
    ranges = {f"{b.where}: {text}" for b in chain for text in current_overflow(b, None)}
    return [line for line in findings(program) if line not in ranges]


def _chain(program: Program) -> tuple[Block, ...]:
    try:
        return blocks(program)
    except ExportError:
        return ()


def _useless(chain: Sequence[Block], readout: Readout) -> list[str]:
    """Neurons that cannot spike, and why that may be."""
    return [
        f"{block.where}: {text}"
        for block in chain
        for text in (*silent(block, readout), *doubtful_input(block))
    ]


def summary(found: Sequence[str]) -> str:
    """Return one line for all findings: how many, and the first."""
    if len(found) == 1:
        return f"1 finding: {found[0]}"
    return f"{len(found)} findings: {found[0]}; neurodeploy inspect lists all"


def silent(block: Block, readout: Readout) -> Iterator[str]:
    """Neurons whose threshold lies above all that v can reach, by the static bound."""
    name, never = block.population.name, never_spiking(block)
    if never is None or not never.any():
        return
    who = "no neuron ever spikes"
    if not never.all():
        who = f"{np.count_nonzero(never)} of {never.size} neurons never spike"
    text = f"{who}, v stays below the threshold whatever the input"
    if readout.population == name and readout.variable == "s":
        text += f"; v can be read instead (--readout {name}:v, with --window N its last N steps)"
    elif readout.population == name and never.all():
        text += f"; {readout.variable} is what is read, as integrators are exported"
    yield text


def doubtful_input(block: Block) -> Iterator[str]:
    """A first synapse with binary input whose neurons are made for values."""
    source, neuron = block.source, block.population.neuron
    if not isinstance(source, Input) or source.message_bits or block.kind == "input":
        return
    never = never_spiking(block)
    if neuron.graded or (never is not None and never.all()):
        why = "they sum values" if neuron.graded else "none of them spikes so"
        yield (
            f"its neurons take the input as 0/1 events and {why}: the file does not tell the bits "
            "of an input value; give input_message_bits if the values count"
        )


def never_spiking(block: Block) -> NDArray[np.bool_] | None:
    """Return which neurons cannot spike, ``threshold << 6 >= bound of v``; None without a bound."""
    shape, bound = block.population.shape, bound_of_v(block)
    threshold = getattr(block.population.neuron, "threshold", None)
    if threshold is None:
        return None
    needed = np.broadcast_to(np.asarray(threshold, np.int64) << MANTISSA_SHIFT, shape)
    if bound is None:
        return needed >= M - 1 if block.population.neuron.family == "cuba" else None
    return needed >= np.broadcast_to(np.minimum(bound, M - 1), shape)


def bound_of_v(block: Block) -> Floats | None:
    """Return a bound of v per neuron from the weights alone, None where there is none.

    With largest messages m and I the sum of the positive weights into a neuron, of the recurrent
    ones too, ``|u| <= 64 m I * 4096 / current_decay`` and ``v <= (u + 64 * bias) * 4096 /
    voltage_decay``; truncation toward zero only lowers both. None where a decay is 0 or above 4096,
    the messages have no bound, or u may wrap.
    """
    neuron, largest = block.population.neuron, largest_message(block)
    if neuron.family != "cuba" or not neuron.spikes or block.kind == "input" or largest is None:
        return None
    if largest > 1 or getattr(neuron, "gain", None) is not None or neuron.moving_threshold:
        return None
    losses = [np.asarray(getattr(neuron, name)) for name in ("current_decay", "voltage_decay")]
    if any(loss.min() < 1 or loss.max() > DECAY_ONE for loss in losses):
        return None
    shape = block.population.shape
    drive = _positive(block, shape) << MANTISSA_SHIFT
    u = drive * DECAY_ONE / losses[0]
    if np.max(u) >= M or np.max(_negative(block, shape) * 64 * DECAY_ONE / losses[0]) >= M:
        return None
    bias = np.maximum(np.asarray(getattr(neuron, "bias", 0), np.int64) << MANTISSA_SHIFT, 0)
    v: Floats = (u + bias) * DECAY_ONE / losses[1] + 1
    return v


def _positive(block: Block, shape: tuple[int, ...]) -> NDArray[np.int64]:
    return _sums(block, shape, 1)


def _negative(block: Block, shape: tuple[int, ...]) -> NDArray[np.int64]:
    return _sums(block, shape, -1)


def _sums(block: Block, shape: tuple[int, ...], sign: int) -> NDArray[np.int64]:
    """Sums of the weights of one sign into each neuron, or into each channel of a map."""
    connections = block.forward if block.own is None else (*block.forward, block.own)
    total = np.zeros((), np.int64)
    for connection in connections:
        weight = np.maximum(sign * weight_of(connection), 0)
        rows = weight.reshape(len(weight), -1).sum(axis=1)
        total = total + rows.reshape(shape if len(shape) == 1 else (-1, 1, 1))
    return np.asarray(total)
