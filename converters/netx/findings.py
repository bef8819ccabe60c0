"""What can surprise in a network that was read: what the writer warns of, and neurons without use.

`neurodeploy.converters.netx.read` says in one line how many there are; ``inspect`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.netx.blocks import Block, blocks, weight_of
from neurodeploy.converters.netx.hazards import hazards, largest_message
from neurodeploy.errors import ExportError
from neurodeploy.fixedpoint import DECAY_ONE, MANTISSA_SHIFT, M
from neurodeploy.program import Input, Program, Readout

Floats = NDArray[np.float64]


def findings(program: Program) -> list[str]:
    """Return what can surprise, a line each; nothing for what is no chain of blocks."""
    try:
        chain = blocks(program)
    except ExportError:
        return []
    return [
        *hazards(chain, None),
        *(
            f"{block.where}: {text}"
            for block in chain
            for text in (*silent(block, program.readout), *doubtful_input(block))
        ),
    ]


def summary(found: Sequence[str]) -> str:
    """Return one line for all findings: how many, and the first."""
    if len(found) == 1:
        return f"1 finding: {found[0]}"
    return f"{len(found)} findings: {found[0]}; neurodeploy inspect lists all"


def silent(block: Block, readout: Readout) -> Iterator[str]:
    """Neurons whose threshold lies above all that v can reach, by the static bound."""
    population = block.population
    reach = bound_of_v(block)
    threshold = getattr(population.neuron, "threshold", None)
    if reach is None or threshold is None:
        return
    needed = np.asarray(threshold, np.int64) << MANTISSA_SHIFT
    never = np.broadcast_to(needed, population.shape) >= np.broadcast_to(reach, population.shape)
    if not never.any():
        return
    who = "its neurons" if never.all() else f"{np.count_nonzero(never)} of {never.size} neurons"
    text = (
        f"{who} never spike: v stays below {int(np.max(reach)) >> MANTISSA_SHIFT} and the "
        f"threshold is {int(np.min(threshold))}"
        if never.all()
        else f"{who} never spike, v stays below their thresholds"
    )
    if readout.population == population.name and readout.variable == "s":
        text += (
            f"; it is read by its spikes, read v instead (on the command line --readout "
            f"{population.name}:v, with --window N for its last N steps)"
        )
    yield text


def doubtful_input(block: Block) -> Iterator[str]:
    """A first synapse with binary input whose neurons are made for values."""
    source, neuron = block.source, block.population.neuron
    if not isinstance(source, Input) or source.message_bits or block.kind == "input":
        return
    reach, threshold = bound_of_v(block), getattr(neuron, "threshold", None)
    never = (
        reach is not None
        and threshold is not None
        and bool(np.all(np.asarray(threshold, np.int64) << MANTISSA_SHIFT >= reach))
    )
    if never or neuron.graded:
        why = "sums values" if neuron.graded else "cannot spike on them"
        yield (
            f"takes its input as 0/1 events and {why}: the file does not say how many bits the "
            "input has; if its values count, say it with input_message_bits"
        )


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
