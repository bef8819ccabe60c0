"""The bytes of a NetX file.

Integers are stored as slayer stores them: weights, biases and delays as float32, geometry and
neuron parameters as int64, the layer type as S10 (1,), the neuron type as one text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import h5py
import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.netx.blocks import Block, weight_of
from neurodeploy.converters.netx.neurons import NEVER
from neurodeploy.converters.netx.remarks import GROUP, Remarks, group
from neurodeploy.converters.netx.synapses import compact_delay
from neurodeploy.converters.netx.values import compact
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import MetadataValue, Program
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d

Layer = dict[str, Any]
"""Keys of one layer group; a dictionary in it is a sub-group."""


def image(program: Program, chain: Sequence[Block], remarks: Remarks) -> bytes:
    """Return the file as bytes, made in memory: libhdf5 does not get over a full disk."""
    with h5py.File("network.net", "w", driver="core", backing_store=False) as file:
        for index, layer in enumerate(layers(program, chain)):
            _put(file.create_group(f"layer/{index}"), layer)
        _put(file.create_group(GROUP), group(remarks))
        file.flush()
        return bytes(file.id.get_file_image())


def layers(program: Program, chain: Sequence[Block]) -> list[Layer]:
    """Return the layer groups in order: an input always, flatten where a map feeds a matrix.

    A read-out that sums groups of the last layer ends the file as ``average``.
    """
    result = []
    if chain[0].kind != "input":
        result.append(_layer("input", program.inputs[0].shape))
    for block in chain:
        if block.kind not in ("input", "conv") and len(block.source.shape) == 3:
            result.append(_layer("flatten", (block.source.size,)))
        result.append(_of_block(block, program.metadata))
    if averaged(program, chain):
        result.append(_layer("average", (program.classes, 1, 1)))
    return result


def averaged(program: Program, chain: Sequence[Block]) -> bool:
    """Whether the file ends in a layer ``average``, which Lava cannot load."""
    readout = program.readout
    return readout.pool > 1 and readout.population == chain[-1].population.name


def _layer(kind: str, shape: Sequence[int]) -> Layer:
    return {
        "type": np.array([kind.encode()], dtype="S10"),
        "shape": np.array(shape, dtype=np.int64),
    }


def _of_block(block: Block, metadata: Mapping[str, MetadataValue]) -> Layer:
    kind = "dense" if block.kind == "complex" else block.kind
    layer = _layer(kind, block.population.shape)
    neuron = block.population.neuron
    if not (block.kind.startswith("dense") and _is_default(neuron)):
        layer["neuron"] = NEURONS.of(neuron)(neuron)
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
    delay = getattr(block.forward[0].synapse, "delay", None)
    if delay is not None:
        layer |= _delay(np.broadcast_to(delay, weights[0].shape))
    return layer


def _delay(full: NDArray[Any]) -> Layer:
    """A vector per output; per input where the numbers differ, so that netx cannot mistake it."""
    delay = compact_delay(full.astype(np.int64))
    if delay is None:
        return {}
    vector = delay.shape[1] == 1 or (delay.shape[0] == 1 and full.shape[0] != full.shape[1])
    return {"delay": (delay.reshape(-1) if vector else full).astype(np.float32)}


def _conv(block: Block) -> Layer:
    synapse = cast(Conv2d, block.forward[0].synapse)
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
        not neuron.sends
        and not np.any(getattr(neuron, "current_decay", 1))
        and bool(np.all(getattr(neuron, "voltage_decay", 0) == DECAY_ONE))
    )


def _cuba(neuron: Any) -> Layer:
    return {
        "type": "CUBA",
        "iDecay": _parameter(neuron.current_decay),
        "vDecay": _parameter(neuron.voltage_decay),
        "vThMant": _parameter(getattr(neuron, "threshold", NEVER)),
        "refDelay": np.int64(1),
        "gradedSpike": False,
    }


def _resonator(name: str) -> Callable[[Any], Layer]:
    return lambda neuron: {
        "type": name,
        "sinDecay": _parameter(neuron.sin_decay),
        "cosDecay": _parameter(neuron.cos_decay),
        "vThMant": _parameter(neuron.threshold),
        "gradedSpike": False,
    }


def _sigma_delta(neuron: Any) -> Layer:
    return {"type": "SDNN", "activation": "relu", "vThMant": _parameter(neuron.threshold)}


def _sigma(neuron: Any) -> Layer:
    return {**_sigma_delta(neuron), "sigma_output": True}


NEURONS: ByType[Callable[[Any], Layer]] = ByType(
    "neuron group in NetX",
    Neuron,
    {
        CubaLif: _cuba,
        Integrator: _cuba,
        Delta: _sigma_delta,
        SigmaDelta: _sigma_delta,
        Sigma: _sigma,
        ResonateFire: _resonator("RF_PHASE"),
        ResonateFireIz: _resonator("RF_IZHIKEVICH"),
    },
    without=(HomeostaticLif,),
)
"""Type of a record -> its ``neuron`` group. What is not here cannot be written."""


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
