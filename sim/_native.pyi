"""Compiled kernels of the native engine."""

import numpy as np
from numpy.typing import NDArray

def instruction_sets() -> list[str]: ...

def train_forward(
    a: NDArray[np.float32],
    current_decay: NDArray[np.int32],
    voltage_decay: NDArray[np.int32],
    threshold: NDArray[np.int32],
    bias: NDArray[np.int32],
    spiking: bool,
    s: NDArray[np.float32],
    v: NDArray[np.float32],
    u: NDArray[np.float32] | None,
    threads: int,
) -> None: ...
def train_backward(
    grad_s: NDArray[np.float32] | None,
    grad_v: NDArray[np.float32] | None,
    s: NDArray[np.float32],
    v: NDArray[np.float32],
    u: NDArray[np.float32] | None,
    current_decay: NDArray[np.int32],
    voltage_decay: NDArray[np.int32],
    threshold: NDArray[np.int32],
    kind: int,
    width: float,
    unit: float,
    spiking: bool,
    reset_gradient: bool,
    grad_a: NDArray[np.float32],
    sums: NDArray[np.float64] | None,
    threads: int,
) -> None: ...
