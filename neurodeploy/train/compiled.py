"""The compiled scan on the CPU; `neurodeploy.train.scan` says what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurodeploy.errors import EngineError

if TYPE_CHECKING:
    from neurodeploy.train.scan import Gradients, Saved, ScanOptions, ScanParameters

_native: Any
try:
    from neurodeploy.sim import _native
    from neurodeploy.sim.native import forced_instruction_set
except (ImportError, EngineError):  # a checkout that was never built uses torch
    _native = None

_SURROGATES = frozenset(_native.surrogates()) if _native else frozenset()


def native_module() -> Any:
    """Return the compiled module, or None where it is not built."""
    return _native


def available() -> bool:
    """Return whether the compiled module has the training scan."""
    return hasattr(_native, "train_forward")


def knows(surrogate: str) -> bool:
    """Return whether the compiled kernels have that surrogate gradient."""
    return surrogate in _SURROGATES


def means() -> tuple[int, str]:
    """Return the number of threads, torch's, and the instruction set that is asked for, or ""."""
    return torch.get_num_threads(), forced_instruction_set()


def usable(a: Tensor, recurrent: Tensor | None, options: ScanOptions) -> bool:
    """Return whether the compiled scan takes this call.

    It does when a is float32 on the CPU, nothing is recurrent and it has the surrogate. Raises
    EngineError when the backend is ``"native"`` and it does not.
    """
    known = knows(options.surrogate)
    fits = known and a.device.type == "cpu" and a.dtype == torch.float32 and recurrent is None
    if options.backend == "native" and not fits:
        raise EngineError(
            f"training scan: backend 'native' cannot run here (compiled: {available()}, device "
            f"{a.device.type}, {a.dtype}, recurrent: {recurrent is not None}, surrogate "
            f"{options.surrogate}: {known}); use 'auto'"
        )
    return fits and options.backend != "torch"


def forward(
    a: Tensor, parameters: ScanParameters, options: ScanOptions, keep_u: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return (s, v before the reset, u or None), as `scan.forward_torch`."""
    shape = (options.steps, *a.shape[1:])
    s, v = torch.empty(shape), torch.empty(shape)
    u = torch.empty(shape) if keep_u else None
    _native.train_forward(
        _array(a),
        ints(parameters.current_decay),
        ints(parameters.voltage_decay),
        ints(parameters.threshold),
        ints(parameters.bias),
        options.spiking,
        s.numpy(),
        v.numpy(),
        None if u is None else u.numpy(),
        *means(),
    )
    return s, v, u


def backward(
    grad_s: Tensor | None,
    grad_v: Tensor | None,
    saved: Saved,
    parameters: ScanParameters,
    options: ScanOptions,
    source_steps: int,
) -> Gradients:
    """Return the gradients, as `scan.backward_torch`."""
    from neurodeploy.train.scan import Gradients

    learned = {
        name: getattr(parameters, name)
        for name in ("current_decay", "voltage_decay", "threshold", "bias")
    }
    wanted = any(parameter.requires_grad for parameter in learned.values())
    grad_a = torch.empty((source_steps, *saved.v.shape[1:]))
    sums = np.zeros((len(learned), saved.v.shape[2])) if wanted else None
    _native.train_backward(
        None if grad_s is None else _array(grad_s),
        None if grad_v is None else _array(grad_v),
        _array(saved.s),
        _array(saved.v),
        None if saved.u is None else _array(saved.u),
        ints(parameters.current_decay),
        ints(parameters.voltage_decay),
        ints(parameters.threshold),
        options.surrogate,
        options.width,
        options.unit,
        options.spiking,
        options.reset_gradient,
        grad_a.numpy(),
        sums,
        *means(),
    )
    rows = [
        torch.from_numpy(sums[k]).float() if sums is not None and parameter.requires_grad else None
        for k, parameter in enumerate(learned.values())
    ]
    return Gradients(grad_a, *rows)


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array


def ints(tensor: Tensor) -> NDArray[np.int32]:
    """Return an integer-valued tensor of the CPU as int32."""
    array: NDArray[np.int32] = tensor.detach().to(torch.int32).contiguous().numpy()
    return array
