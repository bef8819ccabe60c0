"""The compiled scan of a CUBA-LIF layer on the CPU: the common case of `neurodeploy.twin.cuba`.

It takes float32 currents of whole samples that start at 0, reset to zero or not spiking at all,
constant biases, decays in 0..4096. It gives s and v before the reset; u and v after it are worked
out where somebody asks for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.neuron import CubaLif, Integrator
from neurodeploy.twin.rule import Named, Pass

_native: Any
try:
    from neurodeploy.sim import _native
except ImportError:
    _native = None

KNOWN = ("triangle", "fast_sigmoid", "atan", "rectangular")
"""Surrogates that the compiled scan works out itself; its sigmoid loses digits far from 0.

The slopes of all others, of widths that are tensors and of thresholds of several sizes, are worked
out in torch and given to it.
"""
SUMS = ("current_decay", "voltage_decay", "threshold", "bias")


def native_module() -> Any:
    """Return the compiled module, or None where it is not built."""
    return _native


def available() -> bool:
    """Return whether the compiled module has the training scan."""
    return hasattr(_native, "train_forward")


def takes(call: Pass, given: Named) -> bool:
    """Return whether `forward` may run this scan."""
    a = given["a"]
    return (
        call.whole
        and call.steady
        and a.dtype == call.dtype == torch.float32
        and a.numel() > 0
        and plain(call.neuron, given)
    )


def plain(neuron: Any, given: Named) -> bool:
    """Return whether the compiled scan knows a neuron with these parameters, on this device."""
    kind = type(neuron)
    return (
        available()
        and (kind is Integrator or (kind is CubaLif and neuron.reset == "zero"))
        and "gain" not in given
        and given["current_decay"].device.type == "cpu"
        and not given["current_decay"].requires_grad
        and not given["initial"].requires_grad
        and not bool(given["initial"].any())
    )


def forward(call: Pass, given: Named) -> tuple[Tensor, Tensor]:
    """Return s and v before the reset, float32 ``(steps, batch, N)``."""
    a, spiking = given["a"], call.neuron.spikes
    shape = (call.steps, *a.shape[1:])
    s, v = torch.empty(shape), torch.empty(shape)
    decay = given["current_decay"]
    _native.train_forward(
        array(a),
        ints(decay),
        ints(given["voltage_decay"]),
        ints(given["threshold"] if spiking else torch.zeros_like(decay)),
        ints(given["bias"].flatten()),
        spiking,
        s.numpy(),
        v.numpy(),
        None,
        torch.get_num_threads(),
    )
    return s, v


def can_go_back(call: Pass, given: Named, grads: Named) -> bool:
    """Return whether `backward` may run: it knows the gradients that came and are asked for."""
    if "threshold" in given and call.needs & {"threshold"} and "threshold" not in call.through:
        return False
    return not (grads.keys() - {"s", "before"})


def _knows(call: Pass, threshold: Tensor | None) -> bool:
    """Return whether the surrogate is one of the kernel's, with one width and one threshold."""
    slope = call.slopes.slope
    one = threshold is None or bool((threshold.abs().clamp(min=1) == _unit(threshold)).all())
    return one and slope.name in KNOWN and isinstance(slope.width, float)


def _unit(threshold: Tensor) -> float:
    return max(abs(float(threshold[0])), 1.0)


def backward(
    call: Pass, given: Named, s: Tensor, before: Tensor, grads: Named, steps: slice
) -> Named:
    """Return the gradients of those given that ``call.needs`` names.

    steps : which steps of ``call.slopes`` these are, for a surrogate that the kernel does not know.
    """
    a, threshold = given["a"], given.get("threshold")
    decay = given["current_decay"]
    grad_a = torch.empty(a.shape)
    wanted = [name for name in SUMS if name in call.needs]
    sums = np.zeros((len(SUMS), a.shape[2])) if wanted else None
    slope, known = call.slopes.slope, _knows(call, threshold)
    worked_out = None if known or threshold is None else call.slopes.of(steps).to(torch.float32)
    _native.train_backward(
        _optional(grads.get("s")),
        _optional(grads.get("before")),
        array(s),
        array(before),
        None,
        ints(decay),
        ints(given["voltage_decay"]),
        ints(torch.zeros_like(decay) if threshold is None else threshold),
        str(slope.name) if known else KNOWN[0],
        slope.width if known else 1.0,
        1.0 if threshold is None else _unit(threshold),
        threshold is not None,
        "reset" in call.through,
        grad_a.numpy(),
        sums,
        torch.get_num_threads(),
        slopes=_optional(worked_out),
    )
    found = {"a": grad_a}
    for name in wanted:
        row = torch.from_numpy(sums[SUMS.index(name)])  # type: ignore[index]
        found[name] = row.reshape(given[name].shape)
    return found


def _optional(tensor: Tensor | None) -> NDArray[Any] | None:
    return None if tensor is None else array(tensor)


def array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor of the CPU as a C-contiguous array."""
    result: NDArray[Any] = tensor.detach().contiguous().numpy()
    return result


def ints(tensor: Tensor) -> NDArray[np.int32]:
    """Return an integer-valued tensor of the CPU as int32."""
    return array(tensor.detach().to(torch.int32))
