"""The bytes of a NetX file.

Integers are stored as slayer stores them: weights, biases and delays as float32, geometry and
neuron parameters as int64, the layer type as S10 (1,), the neuron type as one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.netx.blocks import Block, weight_of
from neurodeploy.converters.netx.neurons import NEVER
from neurodeploy.converters.netx.synapses import compact_delay
from neurodeploy.converters.netx.values import compact
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import MetadataValue, Program
from neurodeploy.synapse import Conv2d, Dense

Layer = dict[str, Any]
"""Keys of one layer group; a dictionary in it is a sub-group."""


def image(program: Program, chain: Sequence[Block]) -> bytes:
    """Return the file as bytes, made in memory: libhdf5 does not get over a full disk."""
    with h5py.File("network.net", "w", driver="core", backing_store=False) as file:
        for index, layer in enumerate(layers(program, chain)):
            _put(file.create_group(f"layer/{index}"), layer)
        file.flush()
        return bytes(file.id.get_file_image())


def layers(program: Program, chain: Sequence[Block]) -> list[Layer]:
    """Return the layer groups in order: an input always, flatten where a map feeds a matrix."""
    result = []
    if chain[0].kind != "input":
        result.append(_layer("input", program.inputs[0].shape))
    for block in chain:
        if block.kind not in ("input", "conv") and len(block.source.shape) == 3:
            result.append(_layer("flatten", (block.source.size,)))
        result.append(_of_block(block, program.metadata))
    return result


def _layer(kind: str, shape: Sequence[int]) -> Layer:
    return {
        "type": np.array([kind.encode()], dtype="S10"),
        "shape": np.array(shape, dtype=np.int64),
    }


def _of_block(block: Block, metadata: Mapping[str, MetadataValue]) -> Layer:
    kind = "dense" if block.kind == "complex" else block.kind
    layer = _layer(kind, block.population.shape)
    neuron = _neuron(block.population.neuron)
    if not (block.kind.startswith("dense") and _is_default(block.population.neuron)):
        layer["neuron"] = neuron
    if block.kind == "input":
        for key in ("weight", "bias"):
            value = metadata.get(f"input_{key}")
            if isinstance(value, int) and not isinstance(value, bool):
                layer[key] = np.array([value], dtype=np.float32)
        return layer
    if block.kind == "conv":
        layer |= _conv(block)
    else:
        layer |= _dense(block)
    bias = compact(np.asarray(getattr(block.population.neuron, "bias", 0)))
    if np.any(bias):
        layer["bias"] = _bias(bias, block.population.shape)
    return layer


def _dense(block: Block) -> Layer:
    size, inputs = block.population.size, block.source.size
    weights = [weight_of(connection).astype(np.float32) for connection in block.forward]
    layer: Layer = {"inFeatures": np.int64(inputs), "outFeatures": np.int64(size)}
    if block.kind == "complex":
        return {**layer, "weight": {"real": weights[0], "imag": weights[1]}}
    layer["weight"] = weights[0]
    if block.own is not None:
        layer["weight_rec"] = weight_of(block.own).astype(np.float32)
    synapse = block.forward[0].synapse
    if isinstance(synapse, Dense) and synapse.delay is not None:
        layer |= _delay(np.broadcast_to(synapse.delay, weights[0].shape))
    return layer


def _delay(full: NDArray[Any]) -> Layer:
    """A vector per output; per input where the numbers differ, so that netx cannot mistake it."""
    delay = compact_delay(full.astype(np.int64))
    if delay is None:
        return {}
    vector = delay.shape[1] == 1 or (delay.shape[0] == 1 and full.shape[0] != full.shape[1])
    return {"delay": (delay.reshape(-1) if vector else full).astype(np.float32)}


def _conv(block: Block) -> Layer:
    synapse = block.forward[0].synapse
    if not isinstance(synapse, Conv2d):
        raise TypeError(f"a conv block holds {type(synapse).__name__}")
    return {
        "inChannels": np.int64(block.source.shape[0]),
        "outChannels": np.int64(block.population.shape[0]),
        "kernelSize": np.array(synapse.weight.shape[2:], dtype=np.int64),
        "stride": np.array(synapse.stride, dtype=np.int64),
        "padding": np.array(synapse.padding, dtype=np.int64),
        "dilation": np.array(synapse.dilation, dtype=np.int64),
        "groups": np.int64(synapse.groups),
        "weight": synapse.weight.astype(np.float32),
    }


def _bias(bias: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(N,), (C,) or the full (W, H, C)."""
    if len(shape) == 1:
        return np.broadcast_to(bias, shape).astype(np.float32)
    if bias.shape[1:] in ((), (1, 1)):
        return np.broadcast_to(bias.reshape(-1), shape[:1]).astype(np.float32)
    return np.ascontiguousarray(bias.T).astype(np.float32)


def _is_default(neuron: Neuron) -> bool:
    """Whether netx makes this neuron of a dense layer that has none."""
    return (
        isinstance(neuron, Integrator)
        and not np.any(neuron.current_decay)
        and bool(np.all(neuron.voltage_decay == DECAY_ONE))
    )


def _neuron(neuron: Neuron) -> Layer:
    if isinstance(neuron, (CubaLif, Integrator)):
        threshold = NEVER if isinstance(neuron, Integrator) else neuron.threshold
        return {
            "type": "CUBA",
            "iDecay": _parameter(neuron.current_decay),
            "vDecay": _parameter(neuron.voltage_decay),
            "vThMant": _parameter(threshold),
            "refDelay": np.int64(1),
            "gradedSpike": False,
        }
    if isinstance(neuron, ResonateFire):
        return {
            "type": "RF_IZHIKEVICH" if isinstance(neuron, ResonateFireIz) else "RF_PHASE",
            "sinDecay": _parameter(neuron.sin_decay),
            "cosDecay": _parameter(neuron.cos_decay),
            "vThMant": _parameter(neuron.threshold),
            "gradedSpike": False,
        }
    if not isinstance(neuron, (Delta, SigmaDelta, Sigma)):
        raise TypeError(f"NetX has no {type(neuron).__name__}")
    layer = {"type": "SDNN", "activation": "relu", "vThMant": _parameter(neuron.threshold)}
    return {**layer, "sigma_output": True} if isinstance(neuron, Sigma) else layer


def _parameter(value: Any) -> NDArray[np.int64]:
    """A number, (N,), (C,) for one per channel, or the full (W, H, C)."""
    array = compact(np.asarray(value, dtype=np.int64))
    if array.ndim == 3:
        array = array.reshape(-1) if array.shape[1:] == (1, 1) else array.T
    return array


def _put(group: Any, layer: Layer) -> None:
    for key, value in layer.items():
        if isinstance(value, dict):
            _put(group.create_group(key), value)
        else:
            group.create_dataset(key, data=value)
