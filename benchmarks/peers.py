"""The same networks in other libraries, written the way each library's own guide does it.

Every peer gets the whole train of spikes ``(T, batch, *shape)`` in float32, as it wants it, and
runs in evaluation mode without gradients. The integer weights are used as floats, and decays and
thresholds are translated, so that layers fire about as often as ours do.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from workloads import CURRENT_DECAY, VOLTAGE_DECAY, Bytes, Layer, Workload

ONE = 4096
KEEP_CURRENT = 1 - CURRENT_DECAY / ONE
KEEP_VOLTAGE = 1 - VOLTAGE_DECAY / ONE
GAIN_OF_CURRENT = 1 / (1 - KEEP_CURRENT)
"""What the synaptic current multiplies a steady input with; a threshold without it is lower."""

Forward = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class Peer:
    """A network built in another library.

    prepare : uint8 ``(samples, T, *shape)`` -> the library's input. forward : input -> spikes of
    the layers, ``(T, samples, ...)`` each (the last one at least). current : whether neurons have
    a synaptic current. remark : what differs from our model. compiled : under `torch.compile`.
    """

    name: str
    version: str
    current: bool
    remark: str
    prepare: Callable[[Bytes], Any]
    forward: Forward
    compiled: bool = False

    @property
    def label(self) -> str:
        """Return name and version."""
        return f"{self.name} {self.version}{', compiled' if self.compiled else ''}"


@dataclass(frozen=True)
class Missing:
    """A peer that cannot run here, and why."""

    name: str
    reason: str


def build(work: Workload, compiled: bool = False) -> tuple[list[Peer], list[Missing]]:
    """Return the peers that run ``work`` here, and those that do not with the reason.

    compiled : each peer also with `torch.compile` around its whole forward pass, which is not what
        the libraries' guides do; it takes minutes and may fail.
    """
    present: list[Peer] = []
    missing: list[Missing] = []
    for name, make in MAKERS.items():
        for wrap in (_as_is, _compiled) if compiled else (_as_is,):
            label = name if wrap is _as_is else f"{name}, compiled"
            try:
                peer = wrap(make(work))
                peer.forward(peer.prepare(work.x[:2]))
                present.append(peer)
            except ImportError as error:
                missing.append(Missing(label, f"not installed ({error})"))
                break
            except Exception as error:  # whatever a foreign library raises is the reason
                text = next(iter(str(error).splitlines()), "")
                missing.append(Missing(label, f"fails: {type(error).__name__}: {text}"))
    return present, missing


def _as_is(peer: Peer) -> Peer:
    return peer


def _compiled(peer: Peer) -> Peer:
    """Return ``peer`` with its forward pass compiled, for every shape anew."""
    import torch

    forward = torch.compile(peer.forward, dynamic=False)
    return replace(peer, forward=forward, compiled=True)


def norse(work: Workload) -> Peer:
    """Return `norse.torch.SequentialState` of Linear or lifted Conv2d, and LIF over time."""
    import norse.torch as norse
    import torch

    modules: list[Any] = []
    step = 0.001
    for layer, threshold, flat in _chain(work):
        parameters = norse.LIFParameters(
            tau_syn_inv=torch.tensor(CURRENT_DECAY / ONE / step),
            tau_mem_inv=torch.tensor(VOLTAGE_DECAY / ONE / step),
            v_th=torch.tensor(threshold * VOLTAGE_DECAY / ONE),
        )
        modules += [torch.nn.Flatten(2)] if flat else []
        module = _module(layer)
        modules += [norse.Lift(module) if layer.is_convolution else module]
        modules += [norse.LIF(p=parameters)]
    network = norse.SequentialState(*modules).eval()

    def forward(x: Any) -> list[Any]:
        with torch.no_grad():
            return [network(x)[0]]

    remark = "float, CUBA; input current not shifted, v scaled by the leak"
    return Peer("norse", _version("norse"), True, remark, _time_first, forward)


def snntorch(work: Workload) -> Peer:
    """Return Linear or Conv2d and `snntorch.Synaptic`, stepped in a loop over time."""
    import snntorch
    import torch

    modules = torch.nn.ModuleList()
    neurons = []
    for layer, threshold, flat in _chain(work):
        flatten = [torch.nn.Flatten()] if flat else []
        modules.append(torch.nn.Sequential(*flatten, _module(layer)))
        neuron = snntorch.Synaptic(
            alpha=KEEP_CURRENT,
            beta=KEEP_VOLTAGE,
            threshold=float(threshold),
            reset_mechanism="zero",
        )
        neurons.append(neuron)
    modules.eval()

    def forward(x: Any) -> list[Any]:
        with torch.no_grad():
            states = [neuron.reset_mem() for neuron in neurons]
            recorded = []
            for spikes in x:
                for k, (module, neuron) in enumerate(zip(modules, neurons, strict=True)):
                    spikes, *states[k] = neuron(module(spikes), *states[k])
                recorded.append(spikes)
            return [torch.stack(recorded)]

    remark = "float, CUBA; the reset takes effect one step later and clears the current too"
    return Peer("snntorch", _version("snntorch"), True, remark, _time_first, forward)


def spikingjelly(work: Workload) -> Peer:
    """Return spikingjelly's Linear or Conv2d and LIFNode, all in multi-step mode."""
    import torch
    from spikingjelly.activation_based import functional, layer, neuron

    modules: list[Any] = []
    for spec, threshold, flat in _chain(work):
        modules += [layer.Flatten()] if flat else []
        modules += [_module(spec, layer.Linear, layer.Conv2d)]
        modules += [
            neuron.LIFNode(
                tau=ONE / VOLTAGE_DECAY,
                decay_input=False,
                v_threshold=threshold / GAIN_OF_CURRENT,
                detach_reset=True,
            )
        ]
    network = torch.nn.Sequential(*modules).eval()
    functional.set_step_mode(network, "m")

    def forward(x: Any) -> list[Any]:
        with torch.no_grad():
            functional.reset_net(network)
            return [network(x)]

    remark = "float LIF without synaptic current: a cheaper model"
    return Peer("spikingjelly", _version("spikingjelly"), False, remark, _time_first, forward)


def lava_dl(work: Workload) -> Peer:
    """Return lava-dl's quantised CUBA blocks: fixed point in float tensors."""
    import torch
    from lava.lib.dl import slayer

    blocks = torch.nn.ModuleList()
    for spec, threshold, flat in _chain(work):
        parameters = {
            "threshold": threshold / 64,
            "current_decay": CURRENT_DECAY / ONE,
            "voltage_decay": VOLTAGE_DECAY / ONE,
            "scale": 64,
        }
        blocks.extend([slayer.block.cuba.Flatten()] if flat else [])
        blocks.append(_lava_block(slayer, spec, parameters))
    blocks.eval()

    def prepare(x: Bytes) -> Any:
        last = np.moveaxis(x, 1, -1).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(last))

    def forward(x: Any) -> list[Any]:
        with torch.no_grad():
            for block in blocks:
                x = block(x)
            return [torch.moveaxis(x, -1, 0)]

    remark = "fixed point in float tensors, CUBA, weights on its own grid"
    return Peer("lava-dl", _version("lava-dl"), True, remark, prepare, forward)


def _lava_block(slayer: Any, spec: Layer, parameters: dict[str, float]) -> Any:
    import torch

    weight = torch.from_numpy(spec.weight.astype(np.float32)) / 64
    if spec.is_convolution:
        out, into, size, _ = spec.weight.shape
        block = slayer.block.cuba.Conv(parameters, into, out, size, stride=spec.stride)
    else:
        block = slayer.block.cuba.Dense(parameters, spec.weight.shape[1], len(spec.weight))
    target = block.synapse.weight
    target.data = weight.reshape(target.shape)
    return block


MAKERS: dict[str, Callable[[Workload], Peer]] = {
    "norse": norse,
    "snntorch": snntorch,
    "spikingjelly": spikingjelly,
    "lava-dl": lava_dl,
}


def _version(name: str) -> str:
    return importlib.metadata.version(name)


def _module(layer: Layer, linear: Any = None, convolution: Any = None) -> Any:
    """Return torch's (or the given) module with the weights of ``layer``."""
    import torch

    if layer.is_convolution:
        out, into, *size = layer.weight.shape
        make = convolution or torch.nn.Conv2d
        module = make(into, out, tuple(size), stride=layer.stride, bias=False)
    else:
        make = linear or torch.nn.Linear
        module = make(layer.weight.shape[1], layer.weight.shape[0], bias=False)
    module.weight.data = torch.from_numpy(layer.weight.astype(np.float32))
    return module


def _chain(work: Workload) -> Iterator[tuple[Layer, int, bool]]:
    """Yield layer, threshold, and whether maps must be flattened before the layer."""
    maps = False
    for layer, threshold in zip(work.layers, work.thresholds, strict=True):
        yield layer, threshold, maps and not layer.is_convolution
        maps = layer.is_convolution


def _time_first(x: Bytes) -> Any:
    """Return the spikes as torch float32 ``(T, samples, *shape)``."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, 0), dtype=np.float32))
