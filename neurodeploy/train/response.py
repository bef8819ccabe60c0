"""The membrane's linear response to a current, without spikes and rounding."""

from __future__ import annotations

import torch
from torch import Tensor

from neurodeploy.fixedpoint import DECAY_ONE


def impulse_response(current_decay: float, voltage_decay: float, steps: int) -> Tensor:
    """Return K, float64 ``(steps, steps)``: without spikes and rounding, ``v = K @ a``.

    Entry (t, t') is ``sum_{i + j = t - t'} keep_u^i keep_v^j``.
    """
    keep_u, keep_v = 1 - current_decay / DECAY_ONE, 1 - voltage_decay / DECAY_ONE
    response, u, v = [], 0.0, 0.0
    for t in range(steps):
        u = u * keep_u + (1.0 if t == 0 else 0.0)
        v = v * keep_v + u
        response.append(v)
    h = torch.tensor(response, dtype=torch.float64)
    lag = torch.arange(steps)[:, None] - torch.arange(steps)
    return torch.where(lag >= 0, h[lag.clamp(min=0)], torch.zeros((), dtype=torch.float64))
