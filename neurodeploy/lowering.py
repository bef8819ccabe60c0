"""Lowering: a trained network becomes the Program that it already was, integer for integer.

In eval mode a network computes with the integers read here, so nothing is lost. What remains to
decide is time: `lower` writes into the metadata whether aligned and pipelined runs are known to
agree, and with which reset, or that the pipelined stream itself has to be verified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.equivalence import equivalence
from neurodeploy.errors import ProgramError, located
from neurodeploy.neuron import CubaLif, HomeostaticLif, Integrator, Neuron
from neurodeploy.profile import ChipProfile, load_profile
from neurodeploy.program import Connection, Input, MetadataValue, Population, Program, Readout
from neurodeploy.record import INT32_MAX
from neurodeploy.rules import RANGES, enforce
from neurodeploy.synapse import Conv2d, Dense, Synapse
from neurodeploy.train.forms import Form, Kernel
from neurodeploy.train.layer_records import Quantised
from neurodeploy.train.layers import SpikingLayer
from neurodeploy.train.network import Network
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.rule_scan import THETA_SHIFT, VTH_HIGH, VTH_LOW
from neurodeploy.train.wiring import INPUT

PROFILE = "loihi2"
"""Chip whose ranges a network is lowered to unless another is given."""


@dataclass(frozen=True)
class Sent:
    """What a layer reads in the Program: a node, and the cells whose sums stand for one.

    pool : cells of ``pool`` times ``pool`` are summed.
    """

    name: str
    shape: tuple[int, ...]
    pool: int = 1


@torch.no_grad()
def lower(network: Network, profile: ChipProfile | None = None) -> Program:
    """Return the Program that computes what ``network`` computes in eval mode, bit for bit.

    Pools are folded into the next layer's weights. The metadata hold the network's own (encoder,
    seeds ...), ``unit.<population>``, ``pooled_from.<connection>`` and, of the pipelined stream,
    ``timing.rule`` (``"theorem"`` or ``"verify-stream"``), ``timing.needs_reset`` and
    ``timing.reason``, see `neurodeploy.equivalence`.

    profile : chip whose ranges of decays, thresholds, biases, weights and delays are kept; None for
    those of `PROFILE`.

    Raises ProgramError for another module, for a parameter that is not finite, and when numbers
    leave the chip's range, with all of them.
    """
    check_network(network)
    populations: list[Population] = []
    made: list[tuple[Connection, int]] = []
    metadata: dict[str, MetadataValue] = dict(network.metadata)
    sent = [Sent(INPUT, network.shape)]
    for layer, numbers in zip(network.layers, network.wiring, strict=True):
        read = [sent[number] for number in numbers]
        if isinstance(layer, SumPoolLayer):
            sent.append(replace(read[0], pool=read[0].pool * layer.size))
            continue
        check_layer(layer)
        with located(f"population {layer.name}"):
            check_finite(layer)
            grid = layer.quantised()
            populations.append(Population(layer.name, layer.shape, _neuron(layer, grid)))
            made += _connections(layer, grid, read)
        metadata[f"unit.{layer.name}"] = layer.unit
        sent.append(Sent(layer.name, layer.shape))
    variable = "s" if network.readout.kind == "count" else "v"
    program = Program(
        inputs=(Input(INPUT, network.shape, network.message_bits),),
        populations=tuple(populations),
        connections=tuple(connection for connection, _ in made),
        readout=Readout(sent[-1].name, variable, network.readout.window),
    )
    enforce(program, profile or load_profile(PROFILE), RANGES)
    for name, (_, pool) in zip(program.connection_names, made, strict=True):
        if pool > 1:
            metadata[f"pooled_from.{name}"] = pool
    return replace(program, metadata={**metadata, **stream_metadata(program)})


def stream_metadata(program: Program) -> dict[str, MetadataValue]:
    """Return what `equivalence` says of the pipelined stream, as metadata."""
    found = equivalence(program)
    return {
        "timing.rule": "theorem" if found.holds else "verify-stream",
        "timing.needs_reset": found.needs_reset,
        "timing.reason": found.reason,
    }


def check_network(network: Any) -> None:
    """Raise ProgramError for a module that is no Network."""
    if not isinstance(network, Network):
        raise ProgramError(
            f"{type(network).__name__} cannot be lowered, expected a neurodeploy.train.Network; "
            "Network.of_layers makes one of single layers"
        )


def check_layer(layer: Any) -> None:
    """Raise ProgramError for a module that is no layer of ours."""
    if not isinstance(layer, SpikingLayer):
        raise ProgramError(f"module {type(layer).__name__} cannot be lowered")


def check_finite(layer: SpikingLayer) -> None:
    """Raise ProgramError for a parameter or statistic that is not a finite number."""
    for name, tensor in layer.state_dict().items():
        broken = tensor[~torch.isfinite(tensor)]
        if broken.numel():
            raise ProgramError(f"{name} holds {float(broken[0])}, expected finite numbers")


def _integers(name: str, tensor: Tensor) -> NDArray[np.int32]:
    values = np.rint(tensor.detach().cpu().double().numpy())
    outside = ~(np.abs(values) <= INT32_MAX)  # also true for a nan
    if outside.any():
        raise ProgramError(f"{name} holds {values[outside][0]:g}, expected 32-bit integers")
    return np.asarray(values, np.int32)


def _neuron(layer: SpikingLayer, grid: Quantised) -> Neuron:
    bias: Any = 0
    if grid.bias is not None:
        bias = _integers("bias", grid.bias)
        bias = bias.reshape(-1, 1, 1) if len(layer.shape) == 3 else bias
    decays = (
        _integers("current_decay", grid.current_decay),
        _integers("voltage_decay", grid.voltage_decay),
    )
    if not layer.spiking:
        return Integrator(*decays, bias)
    gain = None if grid.gain is None else _integers("gain", grid.gain)
    own = (*decays, _integers("threshold", grid.threshold), bias, "zero", gain)
    if grid.theta is None or grid.signature is None:
        return CubaLif(*own)
    return HomeostaticLif(
        *own,
        theta=_integers("theta", grid.theta),
        signature=_integers("signature", grid.signature),
        shift=THETA_SHIFT,
        low=VTH_LOW,
        high=VTH_HIGH,
    )


def _synapse(form: Form, mantissas: Tensor, source: Sent, delay: Tensor | None) -> Synapse:
    weight, pool = _integers("weight", mantissas), source.pool
    if isinstance(form, Kernel):
        own = form.geometry
        if pool == 1:
            return Conv2d(weight, own.stride, own.padding, own.dilation, own.groups)
        folded = fold_pool_conv(weight, pool, own.dilation)
        return Conv2d(folded, own.stride * pool, own.padding * pool, 1, own.groups)
    if pool > 1:
        weight = fold_pool_dense(weight, pool, source.shape)
    return Dense(weight, None if delay is None else _integers("delay", delay).reshape(-1, 1))


def _connections(
    layer: SpikingLayer, grid: Quantised, read: list[Sent]
) -> list[tuple[Connection, int]]:
    """Return the connections into ``layer``, each with the pool that is folded into it."""
    first, *more = read
    group = None if grid.recurrent is None else layer.name
    synapse = _synapse(layer.form, grid.weight, first, getattr(layer, "delay", None))
    found = [(Connection(first.name, layer.name, synapse, group=group), first.pool)]
    if grid.recurrent is not None:
        back = Dense(_integers("recurrent weight", grid.recurrent))
        found.append((Connection(layer.name, layer.name, back, feedback=True, group=group), 1))
    for skip, weight, source in zip(layer.skip_connections, grid.skips, more, strict=True):
        with located(f"skip from {source.name}"):
            synapse = _synapse(skip.form, weight, source, getattr(skip, "delay", None))
        found.append((Connection(source.name, layer.name, synapse), source.pool))
    return found


def fold_pool_conv(weight: NDArray[np.int32], pool: int, dilation: int) -> NDArray[np.int32]:
    """Return the kernel that reads the unpooled map: tap i stands at ``pool * dilation * i + j``.

    weight : ``(Cout, Cin, kH, kW)``; stride and padding of the result are ``pool`` times those of
    the pooled convolution, its dilation is 1.
    """
    out, channels, rows, cols = weight.shape
    step = pool * dilation
    folded = np.zeros((out, channels, step * (rows - 1) + pool, step * (cols - 1) + pool), np.int32)
    for row in range(rows):
        for col in range(cols):
            cells = np.s_[step * row : step * row + pool, step * col : step * col + pool]
            folded[:, :, cells[0], cells[1]] = weight[:, :, row, col, None, None]
    return folded


def fold_pool_dense(
    weight: NDArray[np.int32], pool: int, source: tuple[int, ...]
) -> NDArray[np.int32]:
    """Return the matrix that reads the unpooled map: each column repeated over its k x k cells.

    weight : ``(out, C * (H // k) * (W // k))``; source : (C, H, W); cells of a remainder get 0.
    """
    channels, height, width = source
    pooled = weight.reshape(len(weight), channels, height // pool, width // pool)
    full = np.zeros((len(weight), *source), np.int32)
    repeated = pooled.repeat(pool, axis=2).repeat(pool, axis=3)
    full[:, :, : repeated.shape[2], : repeated.shape[3]] = repeated
    return full.reshape(len(weight), -1)
