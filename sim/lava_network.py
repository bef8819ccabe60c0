"""Builds the network of a job from Lava's processes; runs inside the Python that has Lava.

Loaded by ``lava_worker.py``, beside it and like it independent of neurodeploy. Every process gets
the arguments that netx (lava-dl) would give it, so that the arithmetic is Lava's throughout.

Axes: maps are (C, H, W) outside and (W, H, C) inside Lava, so ``array.T`` changes between them.
"""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Description = dict[str, Any]
Array = np.ndarray[Any, Any]

BIAS_EXP = 6
STATE_EXP = 6
DECAY_BITS = 12
MAX_DELAY = 62
_PORTS = {"a": "a_in", "re": "a_real_in", "im": "a_imag_in"}


@dataclass
class Network:
    """The processes of one run.

    neurons : neuron process of every population. others : (what it is, process) of the rest.
    drives : population -> bias of every step, int64 ``(steps, ...)`` in Lava's axis order.
    """

    neurons: list[Any]
    others: list[tuple[str, Any]] = field(default_factory=list)
    drives: dict[int, Array] = field(default_factory=dict)


def build(description: Description, arrays: dict[str, Array], sample: int) -> Network:
    """Build the network of ``job.json`` and ``arrays.npz``, fed with one sample of the input."""
    populations = description["populations"]
    neurons = [_neuron(population, arrays, k) for k, population in enumerate(populations)]
    network = Network(neurons)
    conditioned = _condition(description["connections"], arrays)
    for k, connection in enumerate(description["connections"]):
        source: Array | None = None
        if connection["from_input"]:
            source = arrays[f"input{connection['source']}"][sample]
        if connection["port"] == "bias" and source is not None:
            _drive(network, connection, source)
        else:
            _connect(network, connection, source, _synapse(connection, arrays, k, conditioned))
    _join(network, description["connections"])
    return network


def _connect(
    network: Network, connection: Description, source: Array | None, synapse: Any | None
) -> None:
    """Join source, synapse (None for a direct input) and neuron."""
    label = f"connection {connection['name']}"
    if source is None:
        port = network.neurons[connection["source"]].s_out
        if connection["kind"] == "dense" and len(connection["source_shape"]) == 3:
            port = port.transpose([2, 1, 0]).flatten()
    else:
        buffer = _ring_buffer(connection, source)
        network.others.append((label, buffer))
        port = buffer.s_out
    if synapse is not None:
        network.others.append((label, synapse))
        port.connect(synapse.s_in)
        port = synapse.a_out
        shape = connection["target_shape"]
        if connection["kind"] == "dense" and len(shape) == 3:
            port = port.reshape(tuple(shape)).transpose([2, 1, 0])
    port.connect(getattr(network.neurons[connection["target"]], _PORTS[connection["port"]]))


def _neuron(population: Description, arrays: dict[str, Array], k: int) -> Any:
    shape = tuple(reversed(population["shape"]))
    value = {name: _parameter(arrays[f"population{k}_{name}"]) for name in population["parameters"]}
    kind = population["kind"]
    if kind == "LIF":
        return _lif(population, shape, value)
    if kind in ("RF", "RF_IZ"):
        module = importlib.import_module(f"lava.proc.{kind.lower()}.process")
        return getattr(module, kind)(
            shape=shape,
            vth=int(value["threshold"]),
            state_exp=STATE_EXP,
            decay_bits=DECAY_BITS,
            **_resonance(value),
        )
    sdn = importlib.import_module("lava.proc.sdn.process")
    if kind == "Sigma":
        return sdn.Sigma(shape=shape)
    options = {"vth": value["threshold"], "spike_exp": population["spike_exp"]}
    if kind == "SigmaDelta":
        options["bias"] = value["bias"]
    return getattr(sdn, kind)(shape=shape, state_exp=STATE_EXP, **options)


def _parameter(array: Array) -> Any:
    """A number, or an array in Lava's axis order."""
    return array.T.astype(np.int64) if array.ndim else np.int64(array)


def _lif(population: Description, shape: tuple[int, ...], value: Description) -> Any:
    """As netx: du = iDecay - 1, bias exponent 6, the bias one int32 per neuron."""
    lif = importlib.import_module("lava.proc.lif.process")
    options = {
        "shape": shape,
        "vth": value["threshold"],
        "du": value["current_decay"] - 1,
        "dv": value["voltage_decay"],
        "bias_mant": np.broadcast_to(value["bias"], shape).astype(np.int32),
        "bias_exp": BIAS_EXP,
    }
    if population["reset"] is None:
        return lif.LIF(**options)
    interval, offset = population["reset"]
    return lif.LIFReset(**options, reset_interval=interval, reset_offset=offset % interval)


def _resonance(value: Description) -> Description:
    """Period and decay, by lava-dl's own conversion."""
    device = {
        "sinDecay": value["sin_decay"],
        "cosDecay": value["cos_decay"],
        "vThMant": value["threshold"],
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        converted = _lava_dl_function("slayer/neuron/rf.py", "neuron_params")(device)
    return {"period": converted["period"], "alpha": converted["decay"]}


def _lava_dl_function(file: str, name: str) -> Callable[..., Any]:
    """Take one function out of a file of lava-dl; importing its package costs seconds of torch.

    The functions taken use numpy as ``np`` and what their file defines at the top: enumerations.
    """
    package = importlib.util.find_spec("lava.lib.dl")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'lava.lib.dl'")
    path = Path(next(iter(package.submodule_search_locations))) / file
    tree = ast.parse(path.read_text(), str(path))
    tree.body = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name == name)
        or (isinstance(node, ast.ClassDef) and "IntEnum" in ast.dump(node))
    ]
    scope: dict[str, Any] = {
        "np": np,
        "Tuple": tuple,
        "IntEnum": enum.IntEnum,
        "unique": enum.unique,
    }
    exec(compile(tree, str(path), "exec"), scope)
    return scope[name]  # type: ignore[no-any-return]


def _condition(
    connections: list[Description], arrays: dict[str, Array]
) -> dict[int, tuple[Array, int, int]]:
    """Weights, bits and exponent of every dense connection, by lava-dl's own optimisation."""
    groups: dict[str, list[int]] = {}
    for k, connection in enumerate(connections):
        if connection["kind"] == "dense":
            groups.setdefault(connection["group"], []).append(k)
    optimize = _lava_dl_function("netx/utils.py", "optimize_weight_bits")
    result = {}
    for members in groups.values():
        weights = [arrays[f"connection{k}_weight"].astype(int) for k in members]
        merged = np.hstack([weight.reshape(1, -1) for weight in weights])
        flat, bits, exponent, _ = optimize(merged)
        ends = np.cumsum([weight.size for weight in weights])[:-1]
        parts = np.split(np.asarray(flat).reshape(-1), ends)
        for k, weight, part in zip(members, weights, parts, strict=True):
            result[k] = (part.reshape(weight.shape), bits, exponent)
    return result


def _synapse(
    connection: Description,
    arrays: dict[str, Array],
    k: int,
    conditioned: dict[int, tuple[Array, int, int]],
) -> Any | None:
    if connection["kind"] == "direct":
        return None
    if connection["kind"] == "conv":
        weight = arrays[f"connection{k}_weight"].astype(int)
        conv = importlib.import_module("lava.proc.conv.process")
        return conv.Conv(
            weight=weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1),
            input_shape=tuple(reversed(connection["source_shape"])),
            stride=tuple(reversed(connection["stride"])),
            padding=tuple(reversed(connection["padding"])),
            dilation=tuple(reversed(connection["dilation"])),
            groups=connection["groups"],
            num_message_bits=connection["message_bits"],
        )
    weight, bits, exponent = conditioned[k]
    options = {
        "weights": weight,
        "num_weight_bits": bits,
        "weight_exp": exponent,
        "num_message_bits": connection["message_bits"],
    }
    dense = importlib.import_module("lava.proc.dense.process")
    if f"connection{k}_delay" not in arrays:
        return dense.Dense(**options)
    delay = np.broadcast_to(arrays[f"connection{k}_delay"], weight.shape).astype(int)
    return dense.DelayDense(**options, delays=delay, max_delay=MAX_DELAY)


def _ring_buffer(connection: Description, data: Array) -> Any:
    """The input ``data`` (steps, size) as a source, in the axis order of what it feeds."""
    shape = {
        "dense": (data.shape[-1],),
        "conv": connection["source_shape"],
        "direct": connection["target_shape"],
    }[connection["kind"]]
    source = importlib.import_module("lava.proc.io.source")
    return source.RingBuffer(data=data.reshape(len(data), *shape).T.astype(np.int32))


def _drive(network: Network, connection: Description, data: Array) -> None:
    """Add the input ``data`` (steps, size) to what drives the bias of the target."""
    image = data.astype(np.int64).reshape(len(data), *connection["target_shape"])
    image = image.transpose(0, *range(image.ndim - 1, 0, -1))
    target = connection["target"]
    network.drives[target] = network.drives.get(target, np.int64(0)) + image


def _join(network: Network, connections: list[Description]) -> None:
    """Join unconnected parts through zero weights to one sink: Lava runs connected graphs only."""
    part = list(range(len(network.neurons)))
    for connection in connections:
        if not connection["from_input"]:
            a, b = part[connection["source"]], part[connection["target"]]
            part = [a if other == b else other for other in part]
    if len(set(part)) == 1:
        return
    dense = importlib.import_module("lava.proc.dense.process")
    sink = importlib.import_module("lava.proc.io.sink").RingBuffer(shape=(1,), buffer=1)
    network.others.append(("sink", sink))
    for k in sorted({part.index(value) for value in part}):
        port = network.neurons[k].s_out
        zero = dense.Dense(weights=np.zeros((1, port.size), int), num_message_bits=1)
        port.flatten().connect(zero.s_in)
        zero.a_out.connect(sink.a_in)
        network.others.append(("sink", zero))
